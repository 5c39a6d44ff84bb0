"""What the training loop asks of a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


class Task(Protocol):
    """A network, its data and its losses. Everything is a function of the seed and the step."""

    name: str

    def model(self) -> nn.Module:
        """The module that holds every trainable parameter, with its first weights.

        Called once, after the global seed is set.
        """

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """The batch of pass ``step`` of process ``rank`` out of ``world``, on the CPU.

        The same arguments give the same batch; it may be called from several threads.
        """

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        """Scalars: ``loss`` is minimised, the others are logged.

        ``generator`` stands on the model's device and is seeded by step and rank.
        """

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Write pictures or numbers that show how good the averaged ``model`` is."""

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write the averaged weights as safetensors and their ``config.json`` into ``folder``."""
