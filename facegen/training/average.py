"""Running average of the weights, which is what gets shown and exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """Exponential moving average whose decay grows to its value over the first updates.

    The decay of update n is ``min(decay, (1 + n) / (10 + n))``: early, bad weights are forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._average = AveragedModel(model, multi_avg_fn=_lerp(decay))
        self._average.requires_grad_(False)

    @property
    def model(self) -> nn.Module:
        """The averaged copy of the model."""
        return self._average.module

    def update(self, model: nn.Module) -> None:
        """Take in the weights after one optimiser step."""
        self._average.update_parameters(model)

    def save(self, path: Path) -> None:
        """Write the averaged weights as safetensors."""
        save_model(self.model, str(path))

    def load(self, path: Path, updates: int) -> None:
        """Read what :meth:`save` wrote after so many ``updates``."""
        load_model(self.model, str(path))
        self._average.n_averaged.fill_(updates)


def _lerp(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def average(means: Sequence[Tensor], news: Sequence[Tensor], count: Tensor | int) -> None:
        n = float(count)
        weight = 1 - min(decay, (1 + n) / (10 + n))
        torch._foreach_lerp_(list(means), list(news), weight)

    return average
