"""``facegen train motion``: the network that moves the lips to speech."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import train_options as opt
from facegen.cli.options import Option

Data = Annotated[Path, Option(help="Speech cache; made with: facegen data speech -o DATA.")]
TeacherSteps = Annotated[
    int, Option(min=1, help="Steps of the teacher that gives synthetic voices a mouth.")
]

Encoder = Annotated[
    Optional[str],
    Option(
        "--audio-encoder",
        help="Folder of a wav2vec 2.0, HuBERT or WavLM network to learn on instead of log-mel.",
    ),
]
Layer = Annotated[int, Option(help="Hidden layer of the audio encoder; -1 is the last.")]
Download = Annotated[bool, Option("--download", help="The hub may be asked for the audio encoder.")]
Start = Annotated[
    Optional[Path], Option(help="Folder of a lip network to go on from, with the same encoder.")
]


def motion(
    data: Data,
    out: opt.Output,
    steps: opt.Steps = 8_000,
    teacher_steps: TeacherSteps = 1_000,
    audio_encoder: Encoder = None,
    layer: Layer = -1,
    download: Download = False,
    start: Start = None,
    batch_size: opt.BatchSize = 16,
    accumulate: opt.Accumulate = 1,
    learning_rate: opt.LearningRate = 2e-3,
    schedule: opt.Schedule = "cosine",
    precision: opt.Precision = "auto",
    seed: opt.Seed = 0,
    minutes: opt.Minutes = None,
    save_every: opt.SaveEvery = 200,
    log_every: opt.LogEvery = 50,
    sample_every: opt.SampleEvery = 1_000,
    workers: opt.Workers = 1,
    resume: opt.Resume = True,
) -> None:
    """Train the teacher, then the lip network; the same command goes on where one ended."""
    from facegen.speech.lip_training import train_lips
    from facegen.speech.lip_weights import load_lip_net
    from facegen.training.config import TrainConfig

    config = TrainConfig(
        output=out, steps=steps, batch_size=batch_size, accumulate=accumulate,
        learning_rate=learning_rate, schedule=schedule, precision=precision, seed=seed,
        minutes=minutes, save_every=save_every, log_every=log_every, sample_every=sample_every,
        workers=workers, ema=0.995,
    )  # fmt: skip
    config.validate()
    encoder = None
    if audio_encoder is not None:
        from facegen.audio.transformer import TransformerEncoder

        encoder = TransformerEncoder(audio_encoder, layer=layer, download=download)
    first = None if start is None else load_lip_net(start)
    folder = train_lips(
        data, config, teacher_steps=teacher_steps, encoder=encoder, start=first, resume=resume
    )
    typer.echo(str(folder))
