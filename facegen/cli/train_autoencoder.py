"""``facegen train autoencoder``: the picture compressor of the latent-diffusion reenactor."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import train_options as opt
from facegen.cli.options import Option

Images = Annotated[Path, Option(help="Folder of pictures, or cache of windows, to train on.")]
Held = Annotated[Optional[Path], Option(help="The same to measure on.")]
Size = Annotated[int, Option(min=16, help="Side of the training crops, pixels.")]


def autoencoder(
    images: Images,
    out: opt.Output,
    held: Held = None,
    size: Size = 128,
    steps: opt.Steps = 20_000,
    batch_size: opt.BatchSize = 16,
    accumulate: opt.Accumulate = 1,
    learning_rate: opt.LearningRate = 4e-4,
    warmup: opt.Warmup = 100,
    schedule: opt.Schedule = "cosine",
    precision: opt.Precision = "auto",
    seed: opt.Seed = 0,
    minutes: opt.Minutes = None,
    save_every: opt.SaveEvery = 500,
    log_every: opt.LogEvery = 50,
    sample_every: opt.SampleEvery = 500,
    workers: opt.Workers = 1,
    resume: opt.Resume = True,
) -> None:
    """Train the autoencoder; the same command goes on where an earlier run ended."""
    from facegen.training.autoencoder import AutoencoderSettings, AutoencoderTask
    from facegen.training.config import TrainConfig
    from facegen.training.loop import train

    config = TrainConfig(
        output=out, steps=steps, batch_size=batch_size, accumulate=accumulate,
        learning_rate=learning_rate, warmup=warmup, schedule=schedule, precision=precision,
        seed=seed, minutes=minutes, save_every=save_every, log_every=log_every,
        sample_every=sample_every, workers=workers,
    )  # fmt: skip
    config.validate()
    settings = AutoencoderSettings(
        images=images, held=held, size=size, batch_size=batch_size, seed=seed
    )
    typer.echo(str(train(AutoencoderTask(settings), config, resume=resume)))
