"""Which samples a batch has: by class and by source, as a function of seed and pass alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError

Array = NDArray[np.float64]


def balanced_weights(targets: NDArray[np.integer]) -> Array:
    """Chance of every sample, summing to 1, at which all classes come equally often.

    Args:
        targets: ``(N,)`` classes; negative ones (no label) count as one more class.
    """
    _, place, counts = np.unique(np.maximum(targets, -1), return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place]
    return np.asarray(weights / weights.sum())


def even_weights(count: int) -> Array:
    """Chance of every sample where all are alike."""
    return np.full(count, 1.0 / count)


@dataclass(frozen=True, eq=False)
class MixedSampler:
    """Batches from several sources at fixed shares.

    Attributes:
        weights: chance of every sample within its source, one array a source; each sums to 1.
        shares: of a batch, one a source, above 0 or 0 to leave the source out.
        seed: of all batches.
    """

    weights: Sequence[Array]
    shares: Sequence[float]
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.shares) or sum(self.shares) <= 0:
            raise UsageError("give every source a share, and at least one above 0")

    def __call__(self, step: int, size: int, rank: int = 0, world: int = 1) -> list[NDArray]:
        """Indices into every source for pass ``step`` of process ``rank`` out of ``world``.

        Parts of a sample that the shares leave are drawn: over many batches shares are exact.
        """
        rng = np.random.default_rng([self.seed, step, rank, world])
        shares = np.asarray(self.shares, np.float64) / sum(self.shares)
        counts = np.floor(size * shares).astype(int)
        rest = size * shares - counts
        if size > counts.sum():
            spare = rng.choice(len(shares), size - counts.sum(), replace=False, p=rest / rest.sum())
            counts[spare] += 1
        return [
            rng.choice(len(weights), count, p=weights)
            for weights, count in zip(self.weights, counts, strict=True)
        ]
