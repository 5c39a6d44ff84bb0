"""``facegen train recognizer``: expressions from real and synthetic faces."""

from typing import Annotated, Optional

import typer

from facegen.cli import train_options as opt
from facegen.cli.options import Option

Real = Annotated[Optional[list[str]], Option(help="Labelled real faces, KIND:PATH; repeatable.")]
Synthetic = Annotated[Optional[list[str]], Option(help="Folder made by facegen synth; repeatable.")]
Ratio = Annotated[float, Option(min=0, help="Synthetic to real faces in a batch.")]
Name = Annotated[str, Option(help="Name on the card.")]
Licence = Annotated[str, Option(help="Licence of the weights, for the card.")]
Units = Annotated[str, Option(help="Action units to tell: disfa12, bp4d12, arkit23, ...")]
Side = Annotated[int, Option(min=32, max=224, help="Side of the input, pixels.")]
Colour = Annotated[bool, Option("--colour/--grey", help="Colours, or grey for all sources.")]
Width = Annotated[int, Option(min=8, help="Channels of the own trunk.")]
Backbone = Annotated[
    str, Option(help="own, or a model type of transformers (vit, resnet, convnext, ...).")
]
Identity = Annotated[float, Option(min=0, help="Weight of the identity-adversarial head.")]
Attention = Annotated[float, Option(min=0, help="Weight of the AU-region attention loss.")]
Sharpness = Annotated[float, Option(min=0, help="Radius of SAM; 0: plain AdamW.")]
Balanced = Annotated[bool, Option("--balanced/--as-is", help="Classes come equally often.")]
Clips = Annotated[int, Option(min=0, help="Frames of clips to learn from as well; 0: none.")]


def recognizer(
    out: opt.Output,
    real: Real = None,
    synthetic: Synthetic = None,
    ratio: Ratio = 1.0,
    name: Name = "recognizer",
    licence: Licence = "unknown",
    units: Units = "disfa12",
    side: Side = 64,
    colour: Colour = False,
    width: Width = 32,
    backbone: Backbone = "own",
    identity: Identity = 0.1,
    attention: Attention = 0.0,
    sharpness: Sharpness = 0.0,
    balanced: Balanced = True,
    clips: Clips = 0,
    steps: opt.Steps = 3_000,
    batch_size: opt.BatchSize = 64,
    learning_rate: opt.LearningRate = 2e-3,
    warmup: opt.Warmup = 50,
    schedule: opt.Schedule = "cosine",
    precision: opt.Precision = "auto",
    seed: opt.Seed = 0,
    minutes: opt.Minutes = None,
    save_every: opt.SaveEvery = 250,
    log_every: opt.LogEvery = 50,
    sample_every: opt.SampleEvery = 250,
    workers: opt.Workers = 1,
    resume: opt.Resume = True,
) -> None:
    """Train, calibrate and describe a recognizer; sets are KIND:PATH as in rafdb:/data/RAF-DB.

    A tenth of the people is held out for calibration; test splits are never touched.
    """
    from facegen.fer.task import Recipe
    from facegen.fer.training import Lesson, train_recognizer
    from facegen.recognizer.network import NetworkConfig
    from facegen.training.config import TrainConfig

    config = TrainConfig(
        output=out, steps=steps, batch_size=batch_size, learning_rate=learning_rate,
        warmup=warmup, schedule=schedule, weight_decay=0.02, ema=0.995, precision=precision,
        seed=seed, minutes=minutes, save_every=save_every, log_every=log_every,
        sample_every=sample_every, workers=workers,
    )  # fmt: skip
    lesson = Lesson(
        real=tuple(real or ()), synthetic=tuple(synthetic or ()), ratio=ratio, name=name,
        aus=units, side=side, grey=not colour, licence=licence, clips=clips,
        masks=attention > 0,
    )  # fmt: skip
    shape = NetworkConfig(width=width, backbone=backbone, clips=clips > 0)
    recipe = Recipe(identity=identity, attention=attention, sharpness=sharpness, balanced=balanced)
    typer.echo(str(train_recognizer(lesson, config, shape=shape, recipe=recipe, resume=resume)))
