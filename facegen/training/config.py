"""Settings of a training run, light enough for ``--help``."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from facegen.errors import UsageError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a task is trained.

    Attributes:
        output: folder of this training: ``checkpoints/``, ``samples/``, ``log.jsonl``, ``export/``.
        steps: optimiser steps of the whole training.
        batch_size: samples of one process in one pass.
        accumulate: passes whose gradients make one optimiser step.
        learning_rate: of AdamW, after the warm-up.
        warmup: steps over which the learning rate rises linearly from 0.
        schedule: ``constant``, or ``cosine`` down to 0 at ``steps``.
        weight_decay: of AdamW, for weight matrices and kernels only.
        clip_grad: largest norm of the gradient; 0 does not clip.
        ema: decay of the average of the weights that is exported; 0 exports the last ones.
        precision: ``auto`` (bf16 where it is quicker), ``fp32``, ``bf16`` or ``fp16``.
        seed: of weights, data and noise.
        save_every, log_every, sample_every: steps; 0 switches samples off.
        minutes: stop this run after so long, with a checkpoint; None trains to the end.
        workers: threads that prepare batches ahead; 0 prepares them in the loop.
    """

    output: Path
    steps: int = 10_000
    batch_size: int = 8
    accumulate: int = 1
    learning_rate: float = 2e-4
    warmup: int = 100
    schedule: str = "constant"
    weight_decay: float = 0.01
    clip_grad: float = 1.0
    ema: float = 0.999
    precision: str = "auto"
    seed: int = 0
    save_every: int = 500
    log_every: int = 20
    sample_every: int = 0
    minutes: float | None = None
    workers: int = 1

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its range or choices.
        """
        least = {"steps": 1, "batch_size": 1, "accumulate": 1, "save_every": 1, "log_every": 1}
        least |= {"warmup": 0, "sample_every": 0, "workers": 0, "weight_decay": 0, "clip_grad": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise UsageError(f"--{name.replace('_', '-')} must be at least {low}")
        if not 0 < self.learning_rate < 1:
            raise UsageError("--learning-rate must lie between 0 and 1")
        if not 0 <= self.ema < 1:
            raise UsageError("--ema must be at least 0 and below 1")
        if self.minutes is not None and self.minutes <= 0:
            raise UsageError("--minutes must be more than 0")
        for name, choices in (("precision", PRECISIONS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"--{name} {getattr(self, name)}: choose from {', '.join(choices)}"
                )

    def rate(self, step: int) -> float:
        """Learning rate of optimiser step ``step`` (from 0): a function, so nothing to restore."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return self.learning_rate * warm
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def to_json(self) -> str:
        """The settings as JSON."""
        return json.dumps({**asdict(self), "output": str(self.output)}, indent=1)
