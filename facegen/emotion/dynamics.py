"""Feelings held for long are not frozen: they swell and fade, and rise on stressed words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from facegen.speech.prosody import Prosody

Array = NDArray[np.float64]

# Spread of the slow swelling, of its own size, and seconds that it takes.
_SWELL, _SWELL_SECONDS = 0.08, 0.6
_ACCENT, _ACCENT_SECONDS = 0.12, 0.5


def alive(emotion: Array, times: Array, prosody: Prosody | None, seed: int) -> Array:
    """Intensities ``(T, 8)`` at ``times`` with life in them; the mean hardly changes.

    Args:
        emotion: ``(T, 8)`` 0..1. times: ``(T,)`` seconds.
        prosody: whose stresses lift the feeling; None: none.
    """
    # The noise that moves the head moves the feeling: both are seeded by absolute time.
    from facegen.speech.noise import wander

    swell = _SWELL * np.clip(wander(times, seed, "feeling", _SWELL_SECONDS), -2, 2)
    lift = np.zeros(len(times))
    for onset, stress in [] if prosody is None else prosody.accents:
        first, last = np.searchsorted(
            times, (onset - _ACCENT_SECONDS / 2, onset + _ACCENT_SECONDS / 2)
        )
        phase = (times[first:last] - onset) / _ACCENT_SECONDS
        lift[first:last] = np.maximum(lift[first:last], stress * np.cos(np.pi * phase) ** 2)
    swing = 1 + swell + _ACCENT * (lift - lift.mean() if len(lift) else lift)
    return np.clip(emotion * swing[:, None], 0, 1)
