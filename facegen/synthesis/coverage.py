"""Points that fill a space evenly: low-discrepancy sequences and farthest-point choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def even_points(count: int, dimensions: int, rng: np.random.Generator) -> Array:
    """``(count, dimensions)`` in 0..1: additive recurrence of the generalised golden ratio.

    M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018): the smallest root
    of ``x^(d+1) = x + 1`` gives the steps; a random shift makes every sequence another one.
    """
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1, dimensions + 1, dtype=np.float64)
    return (rng.random(dimensions) + np.arange(1, count + 1)[:, None] * steps) % 1


def farthest_points(points: NDArray[np.floating], count: int, first: int = 0) -> NDArray[np.intp]:
    """``count`` rows of ``points (N, D)``, each the farthest from those before it.

    T. Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985).

    Args:
        first: the row to begin with.
    """
    chosen = np.empty(min(count, len(points)), np.intp)
    nearest = np.full(len(points), np.inf)
    pick = first
    for i in range(len(chosen)):
        chosen[i] = pick
        nearest = np.minimum(nearest, ((points - points[pick]) ** 2).sum(1))
        nearest[pick] = -1
        pick = int(nearest.argmax())
    return chosen
