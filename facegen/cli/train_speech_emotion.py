"""``facegen train speech-emotion``: the model behind ``--emotion auto``."""

from pathlib import Path
from typing import Annotated, Optional

import typer

Data = Annotated[
    Path,
    typer.Option(help="Folder with labels.csv (file,emotion,speaker), or the files of Emo-DB."),
]
Neutral = Annotated[
    Optional[list[Path]], typer.Option(help="Folder of calm speech without labels; repeatable.")
]
Out = Annotated[Path, typer.Option("-o", "--out", help="The .safetensors to write.")]


def speech_emotion(
    data: Data, neutral: Neutral = None, out: Out = Path("emotion.safetensors")
) -> None:
    """Fit the speech emotion model; tells its accuracy on speakers it has not heard."""
    from facegen.emotion.recognition_training import calibrated, read_corpus
    from facegen.media.atomic import atomic_path, check_outputs

    check_outputs(out)
    model, told = calibrated(read_corpus(data, neutral or ()))
    with atomic_path(out) as part:
        model.save(part)
    typer.echo(f"accuracy {told.accuracy:.3f}, mean recall {told.uar:.3f}, ", nl=False)
    typer.echo(f"arousal {told.arousal:.3f}; ", nl=False)
    typer.echo(f"shows {told.shown:.0%} of recordings, {told.shown_right:.0%} of those rightly")
    width = max(map(len, told.emotions))
    for name, row in zip(told.emotions, told.confusion, strict=True):
        typer.echo(f"{name:>{width}} " + " ".join(f"{count:4d}" for count in row))
    typer.echo(str(out))
