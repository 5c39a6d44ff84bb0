"""``facegen train reenactor``: the network that paints what the warp cannot know."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import train_options as opt
from facegen.cli.options import Option
from facegen.errors import UsageError

Windows = Annotated[Path, Option(help="Cache of training windows (facegen data windows).")]
Autoencoder = Annotated[Path, Option(help="Exported folder of facegen train autoencoder.")]
Without = Annotated[
    str, Option(help="Hide map groups, for ablations: depth,normal,render,region,warp.")
]
Decode = Annotated[int, Option(help="Side of the part decoded for the pixel losses, pixels.")]
Init = Annotated[Optional[Path], Option(help="Exported reenactor to begin with.")]
Start = Annotated[str, Option(help="Where the path begins: warp, or noise (an ablation).")]
Displace = Annotated[bool, Option(help="Let the network displace the warped photo a little.")]
Expressive = Annotated[
    float, Option(min=0, help="Draw windows more often by this times how expressive they are.")
]
Held = Annotated[int, Option(min=0, help="Held-out windows to measure with every sample.")]


def reenactor(
    windows: Windows,
    autoencoder: Autoencoder,
    out: opt.Output,
    without: Without = "",
    start: Start = "warp",
    displace: Displace = False,
    expressive: Expressive = 0.0,
    decode: Decode = 128,
    held: Held = 48,
    init: Init = None,
    emotion: opt.Emotion = 0.0,
    guide: opt.Guide = "open",
    steps: opt.Steps = 100_000,
    batch_size: opt.BatchSize = 8,
    accumulate: opt.Accumulate = 1,
    learning_rate: opt.LearningRate = 3e-4,
    warmup: opt.Warmup = 100,
    schedule: opt.Schedule = "constant",
    precision: opt.Precision = "auto",
    seed: opt.Seed = 0,
    minutes: opt.Minutes = None,
    save_every: opt.SaveEvery = 200,
    log_every: opt.LogEvery = 20,
    sample_every: opt.SampleEvery = 500,
    workers: opt.Workers = 1,
    resume: opt.Resume = True,
) -> None:
    """Train the UNet; the same command goes on where an earlier run ended."""
    from facegen.networks.bridge import STARTS
    from facegen.networks.guidance import CHANNELS
    from facegen.training.config import TrainConfig
    from facegen.training.loop import train
    from facegen.training.reenactor import ReenactorSettings, ReenactorTask

    hidden = {name for name in without.split(",") if name}
    if not hidden < set(CHANNELS):
        raise UsageError(f"--without {without}: choose from {','.join(CHANNELS)}, not all")
    if start not in STARTS:
        raise UsageError(f"--start {start}: choose from {', '.join(STARTS)}")
    config = TrainConfig(
        output=out, steps=steps, batch_size=batch_size, accumulate=accumulate,
        learning_rate=learning_rate, warmup=warmup, schedule=schedule, precision=precision,
        seed=seed, minutes=minutes, save_every=save_every, log_every=log_every,
        sample_every=sample_every, workers=workers,
    )  # fmt: skip
    config.validate()
    settings = ReenactorSettings(
        windows=windows, autoencoder=autoencoder, batch_size=batch_size, seed=seed, decode=decode,
        held=held, init=init, emotion=emotion, guide=guide, start=start, displace=displace,
        expressive=expressive,
        groups=tuple(name for name in CHANNELS if name not in hidden),
    )  # fmt: skip
    typer.echo(str(train(ReenactorTask(settings), config, resume=resume)))
