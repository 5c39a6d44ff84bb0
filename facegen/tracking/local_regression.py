"""Zero-phase smoothing of unevenly sampled signals: local polynomials under a Gaussian window.

Cleveland 1979, "Robust locally weighted regression"; a motion-aware blend of a long and a short
window keeps what moves and calms what rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.flame.rotations import rotation_matrix, rotation_vector

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_REACH = 2.5
_MOST_NEIGHBOURS = 60


@dataclass(frozen=True)
class Window:
    """Windows of one kind of signal.

    Attributes:
        still, moving: Gaussian spreads in seconds at rest and in motion; ``moving`` 0 leaves
            what moves as it is.
        tolerance: deviation, in units of the signal, that counts as motion rather than noise.
    """

    still: float
    moving: float
    tolerance: float


@dataclass(frozen=True, eq=False)
class Timeline:
    """Samples in time: ``times (T,)`` seconds, ``usable (T,)`` bool, and the shot of each,
    ``segment (T,)``, across which nothing is smoothed."""

    times: Array
    usable: NDArray[np.bool_]
    segment: Index


class _Neighbours:
    """Which samples each sample is smoothed with: ``index``, ``lag`` and ``usable (T, K)``."""

    def __init__(self, line: Timeline, spread: float) -> None:
        count = len(line.times)
        pace = float(np.median(np.diff(line.times)))
        reach = int(min(np.ceil(_REACH * spread / max(pace, 1e-4)), _MOST_NEIGHBOURS, count))
        raw = np.arange(count)[:, None] + np.arange(-reach, reach + 1)
        self.index = np.clip(raw, 0, count - 1)
        self.lag = line.times[self.index] - line.times[:, None]
        same = line.segment[self.index] == line.segment[:, None]
        self.usable = (raw == self.index) & same & line.usable[self.index]

    def weights(self, spread: float) -> Array:
        return np.exp(-0.5 * (self.lag / spread) ** 2) * self.usable

    def kernel(self, spread: float, order: int) -> Array:
        """Weights ``(T, K)`` that give the local polynomial's value at each sample."""
        weight = self.weights(spread)
        powers = (self.lag[..., None] / spread) ** np.arange(order + 1)
        gram = np.einsum("tki,tkj->tij", powers * weight[..., None], powers)
        # Too few neighbours leave the higher orders open; the ridge closes them at zero.
        higher = np.arange(1, order + 1)
        gram[:, higher, higher] += 1e-3
        alone = weight.sum(1) < 1e-9
        gram[alone] = np.eye(order + 1)
        first = np.zeros((len(gram), order + 1, 1))
        first[~alone, 0] = 1
        return weight * np.einsum("tki,ti->tk", powers, np.linalg.solve(gram, first)[..., 0])


def smooth_vectors(signal: Array, line: Timeline, window: Window) -> Array:
    """Smooth ``(T, C)`` columns, each on its own."""

    def difference(index: Index) -> Array:
        return signal[index] - signal

    return signal + _change(difference, line, window, together=False)


def smooth_rotations(axis_angles: Array, line: Timeline, window: Window) -> Array:
    """Smooth ``(T, 3)`` axis-angles in the tangent space of each sample."""
    matrices = rotation_matrix(axis_angles)
    inverse = np.swapaxes(matrices, -1, -2)

    def difference(index: Index) -> Array:
        return rotation_vector(inverse @ matrices[index])

    change = _change(difference, line, window, together=True)
    return rotation_vector(matrices @ rotation_matrix(change))


def _change(
    difference: Callable[[Index], Array], line: Timeline, window: Window, *, together: bool
) -> Array:
    """Smoothed minus present value, ``(T, C)``.

    Args:
        difference: other samples, by index ``(T,)``, minus the present ones.
        together: all columns move or rest as one.
    """
    near = _Neighbours(line, window.still)
    calm_kernel = near.kernel(window.still, 1)
    quick_kernel = near.kernel(window.moving, 2) if window.moving > 0 else 0 * calm_kernel
    calm: Array | float = 0.0
    quick: Array | float = 0.0
    for k in range(near.index.shape[1]):
        d = difference(near.index[:, k])
        calm = calm + calm_kernel[:, k, None] * d
        quick = quick + quick_kernel[:, k, None] * d
    calm, quick = np.asarray(calm), np.asarray(quick)
    deviation = (calm - quick) ** 2
    if together:
        deviation = deviation.sum(1, keepdims=True)
    # Neighbours decide together, so that the blend itself does not flicker.
    votes = near.weights(window.still / 3)
    votes /= np.maximum(votes.sum(1, keepdims=True), 1e-9)
    energy = np.zeros_like(deviation)
    for k in range(near.index.shape[1]):
        energy += votes[:, k, None] * deviation[near.index[:, k]]
    moving = 1 - np.exp(-energy / window.tolerance**2)
    return calm + moving * (quick - calm)
