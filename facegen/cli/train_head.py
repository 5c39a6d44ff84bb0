"""``facegen train head``: the network that moves the head and brows of a talking face."""

from pathlib import Path
from typing import Annotated

import typer

from facegen.cli import train_options as opt
from facegen.cli.options import Option

Cache = Annotated[Path, Option(help="Speech cache; made by: facegen data speech -o DIR.")]


def head(
    cache: Cache,
    out: opt.Output,
    steps: opt.Steps = 3000,
    batch_size: opt.BatchSize = 16,
    learning_rate: opt.LearningRate = 1e-3,
    schedule: opt.Schedule = "cosine",
    precision: opt.Precision = "auto",
    seed: opt.Seed = 0,
    minutes: opt.Minutes = None,
    save_every: opt.SaveEvery = 250,
    log_every: opt.LogEvery = 25,
    sample_every: opt.SampleEvery = 1000,
    workers: opt.Workers = 1,
    emotion: opt.Emotion = 0.0,
    guide: opt.Guide = "open",
    resume: opt.Resume = True,
) -> None:
    """Train the head network; the same command goes on where an earlier run ended."""
    from facegen.data.speech.cache import SpeechSet
    from facegen.speech.head_channels import read_clips
    from facegen.speech.head_task import HeadTask
    from facegen.training.config import TrainConfig
    from facegen.training.loop import train

    config = TrainConfig(
        output=out, steps=steps, batch_size=batch_size, learning_rate=learning_rate,
        schedule=schedule, precision=precision, seed=seed, minutes=minutes,
        save_every=save_every, log_every=log_every, sample_every=sample_every, workers=workers,
    )  # fmt: skip
    config.validate()
    speech = SpeechSet(cache)
    task = HeadTask(
        read_clips(speech, "train"), read_clips(speech, "test"), batch_size=batch_size, seed=seed,
        emotion=emotion, guide=guide,
    )  # fmt: skip
    typer.echo(str(train(task, config, resume=resume)))
