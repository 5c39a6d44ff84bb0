"""Which curves and distances the lip network speaks in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# One curve for both sides; GRID's frontal video shows no jawForward and hardly any asymmetry.
SYMMETRIC = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthStretch", "mouthSmile", "mouthFrown",
    "mouthDimple", "mouthPress", "mouthUpperUp", "mouthLowerDown",
)  # fmt: skip
TWO_SIDED = frozenset(
    (
        "mouthStretch", "mouthSmile", "mouthFrown", "mouthDimple", "mouthPress", "mouthUpperUp",
        "mouthLowerDown",
    )
)  # fmt: skip
# Outer eye distances; how each is measured stands in ``lip_targets``.
GEOMETRY = ("opening", "width", "inner_width", "jaw_drop", "upper_lip", "lower_lip", "protrusion")


def arkit_names(symmetric: Sequence[str]) -> tuple[str, ...]:
    """ARKit's names of the curves: those with two sides become two."""
    return tuple(
        full
        for name in symmetric
        for full in ((f"{name}Left", f"{name}Right") if name in TWO_SIDED else (name,))
    )


def both_sides(curves: NDArray[np.float32], symmetric: Sequence[str]) -> NDArray[np.float32]:
    """``(T, K)`` curves of symmetric names as ``(T, K')`` of ``arkit_names``."""
    times = [2 if name in TWO_SIDED else 1 for name in symmetric]
    return np.repeat(curves, times, axis=1)
