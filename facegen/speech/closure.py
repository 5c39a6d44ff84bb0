"""The hard rule of visible speech: on p, b and m the lips touch, whatever the face feels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegen.speech.mouth import MouthShape, open_mouth

# Below the first value the rule is silent, from the second on the lips meet.
_FADE = (0.2, 0.5)
_BESIDE = 0.5
# What parts the lips beside the jaw, and how much of it a closure takes away.
_PARTING = {
    "mouthUpperUp": 1.0, "mouthLowerDown": 1.0, "mouthFunnel": 0.8, "mouthShrugUpper": 1.0,
}  # fmt: skip
# A jaw farther open than this comes up for a closure; the lips alone would look stretched.
_JAW_EASY, _JAW_KEPT = 0.12, 0.35
_CLOSE = "mouthClose"
_ITERATIONS = 3


def closing_strength(bilabial: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much the rule applies, ``(T,)`` in 0..1, from P(bilabial): 1 from probability 0.5 on,
    and at least half that in the frames before and after: lips do not jump."""
    x = np.clip((np.asarray(bilabial, float) - _FADE[0]) / (_FADE[1] - _FADE[0]), 0, 1)
    strength = x * x * (3 - 2 * x)
    beside = np.pad(strength, 1)
    return np.maximum(strength, _BESIDE * np.maximum(beside[:-2], beside[2:]))


def close_lips(
    curves: NDArray[np.floating],
    names: Sequence[str],
    bilabial: NDArray[np.floating],
    *,
    mouth: MouthShape | None = None,
) -> NDArray[np.float32]:
    """Bring the lips together where a bilabial sounds; everything else stays.

    What parts the lips is taken back, a wide jaw is raised, and ``mouthClose`` closes the rest:
    the gaps measured on the head's own mesh reach 0 at P(bilabial) >= 0.5.

    Args:
        curves: ``(T, K)`` in 0..1, of ``names`` (ARKit; needs ``mouthClose``).
        bilabial: ``(T,)`` probability.
        mouth: of the head that will move, over the same names; the open head's by default.

    Returns:
        ``(T, K)`` float32 in 0..1.
    """
    names = tuple(names)
    mouth = mouth or open_mouth(names)
    strength = closing_strength(bilabial)
    active = np.flatnonzero(strength > 0)
    out = np.array(curves, np.float32)
    if not len(active):
        return out
    s = strength[active]
    part = np.array(curves, float)[active]
    allowed = (1 - s) * np.maximum(mouth.gap(part), 0).max(1)
    for k, name in enumerate(names):
        share = _PARTING.get(name.removesuffix("Left").removesuffix("Right"), 0.0)
        part[:, k] *= 1 - share * s
        if name == "jawOpen":
            spare = np.maximum(part[:, k] - _JAW_EASY, 0)
            part[:, k] -= (1 - _JAW_KEPT) * s * spare
    close = names.index(_CLOSE)
    for _ in range(_ITERATIONS):
        gaps = mouth.gap(part)
        slopes = mouth.slope(part, _CLOSE)
        # The widest gap decides; what is already nearer than allowed is not opened again.
        over = np.maximum(gaps - allowed[:, None], 0) / np.minimum(slopes, -1e-3)
        part[:, close] = np.clip(part[:, close] - over.min(1), 0, 1)
    out[active] = np.clip(part, 0, 1)
    return out
