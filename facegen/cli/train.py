"""``facegen train``: one function per network, each in its own ``train_NAME.py``.

Several processes: ``accelerate launch --module facegen train NAME ...``.
"""

import typer

from facegen.cli import (
    train_autoencoder,
    train_head,
    train_motion,
    train_recognizer,
    train_reenactor,
    train_speech_emotion,
)

app = typer.Typer(
    help="Train the networks: resumable, on a CPU, a GPU or many (accelerate launch).",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Train the networks: resumable, on a CPU, a GPU or many (accelerate launch)."""


app.command("autoencoder")(train_autoencoder.autoencoder)
app.command("head")(train_head.head)
app.command("motion")(train_motion.motion)
app.command("recognizer")(train_recognizer.recognizer)
app.command("reenactor")(train_reenactor.reenactor)
app.command("speech-emotion")(train_speech_emotion.speech_emotion)
