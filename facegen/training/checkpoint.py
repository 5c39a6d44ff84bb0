"""Checkpoints that appear whole or not at all, and survive a killed process."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from facegen.errors import UsageError
from facegen.media.atomic import part_path, remove
from facegen.reading import read_json
from facegen.training.average import WeightAverage

if TYPE_CHECKING:
    from accelerate import Accelerator

_NAME = re.compile(r"step_(\d{9})")
# The one before the last stays, in case the disk loses the newest.
_KEEP = 2


class Checkpoints:
    """``checkpoints/step_NNNNNNNNN/`` of a training: weights, optimiser, average and step."""

    def __init__(self, folder: Path, task: str) -> None:
        self._folder = folder
        self._task = task

    def steps(self) -> list[int]:
        """Steps of the whole checkpoints, oldest first."""
        if not self._folder.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in names if match)

    def save(self, accelerator: Accelerator, average: WeightAverage, step: int) -> None:
        """Write the state after ``step`` optimiser steps; every process calls it."""
        target = self._path(step)
        part = part_path(target)
        if accelerator.is_main_process:
            remove(part)
            part.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(part))
        if accelerator.is_main_process:
            average.save(part / "average.safetensors")
            (part / "progress.json").write_text(json.dumps({"task": self._task, "step": step}))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            remove(target)
            part.replace(target)
            for old in self.steps()[:-_KEEP]:
                shutil.rmtree(self._path(old), ignore_errors=True)
        accelerator.wait_for_everyone()

    def load_latest(self, accelerator: Accelerator, average: WeightAverage) -> int:
        """Restore the newest checkpoint; returns its step, 0 where there is none.

        Raises:
            UsageError: the folder holds the training of another task.
        """
        steps = self.steps()
        if not steps:
            return 0
        folder = self._path(steps[-1])
        task = read_json(folder / "progress.json")["task"]
        if task != self._task:
            raise UsageError(
                f"{self._folder} holds a training of {task}, not of {self._task}; "
                "name another output folder"
            )
        accelerator.load_state(str(folder))
        average.load(folder / "average.safetensors", steps[-1])
        return steps[-1]

    def _path(self, step: int) -> Path:
        return self._folder / f"step_{step:09d}"
