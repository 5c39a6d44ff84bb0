"""Hand-written mouth shapes on known phone times: what a program does without learning.

The dominance model of Cohen & Massaro 1993, "Modeling coarticulation in synthetic visual speech":
every phone pulls towards its shape with a strength that falls off exponentially in time.
Kept as the baseline that a learned network has to beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegen.data.speech.phones import PHONES, Segment
from facegen.speech.lip_names import SYMMETRIC
from facegen.speech.lip_track import RATE

Array = NDArray[np.float64]

# Shapes in curve units; a class that is not named rests.
SHAPES: dict[str, dict[str, float]] = {
    "PP": {"jawOpen": 0.05, "mouthClose": 0.05, "mouthPress": 0.45, "mouthRollLower": 0.3},
    "FF": {"jawOpen": 0.08, "mouthRollLower": 0.55, "mouthUpperUp": 0.25},
    "TH": {"jawOpen": 0.18, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1},
    "DD": {"jawOpen": 0.14, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1, "mouthStretch": 0.1},
    "NN": {"jawOpen": 0.13, "mouthLowerDown": 0.16, "mouthUpperUp": 0.08},
    "LL": {"jawOpen": 0.22, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1},
    "SS": {"jawOpen": 0.06, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15, "mouthStretch": 0.22},
    "CH": {"jawOpen": 0.1, "mouthFunnel": 0.5, "mouthPucker": 0.25, "mouthLowerDown": 0.2},
    "KK": {"jawOpen": 0.2, "mouthLowerDown": 0.14, "mouthUpperUp": 0.08},
    "HH": {"jawOpen": 0.22, "mouthLowerDown": 0.12},
    "RR": {"jawOpen": 0.14, "mouthFunnel": 0.3, "mouthPucker": 0.3},
    "WW": {"jawOpen": 0.08, "mouthPucker": 0.75, "mouthFunnel": 0.2},
    "YY": {"jawOpen": 0.12, "mouthStretch": 0.25, "mouthSmile": 0.12},
    "AA": {"jawOpen": 0.6, "mouthLowerDown": 0.2, "mouthUpperUp": 0.12},
    "AE": {"jawOpen": 0.5, "mouthStretch": 0.22, "mouthLowerDown": 0.25, "mouthUpperUp": 0.18},
    "AH": {"jawOpen": 0.34, "mouthLowerDown": 0.15, "mouthUpperUp": 0.08},
    "AO": {"jawOpen": 0.5, "mouthFunnel": 0.45, "mouthPucker": 0.15},
    "EH": {"jawOpen": 0.38, "mouthStretch": 0.22, "mouthLowerDown": 0.2, "mouthUpperUp": 0.12},
    "IH": {"jawOpen": 0.24, "mouthStretch": 0.22, "mouthLowerDown": 0.15},
    "IY": {"jawOpen": 0.16, "mouthStretch": 0.35, "mouthSmile": 0.2, "mouthLowerDown": 0.15},
    "OW": {"jawOpen": 0.36, "mouthFunnel": 0.5, "mouthPucker": 0.35},
    "UH": {"jawOpen": 0.24, "mouthFunnel": 0.3, "mouthPucker": 0.35},
    "UW": {"jawOpen": 0.14, "mouthPucker": 0.7, "mouthFunnel": 0.3},
    "ER": {"jawOpen": 0.24, "mouthFunnel": 0.3, "mouthPucker": 0.3},
}
_VOWELS = ("AA", "AE", "AH", "AO", "EH", "IH", "IY", "OW", "UH", "UW", "ER")
_CLOSING = ("PP", "FF")
_CLOSED_BY = ("jawOpen", "mouthClose", "mouthPress", "mouthRollLower", "mouthUpperUp",
              "mouthLowerDown")  # fmt: skip
_ROUNDING, _TONGUE_ONLY = ("CH", "WW", "UW", "OW", "RR", "AO"), ("KK", "HH", "NN", "DD", "LL", "TH")
_LIP_SHAPE = ("mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile")
_REACH = 0.45  # seconds
_FAINT = 1e-3  # pull of the rest position


def rule_curves(segments: Sequence[Segment], frames: int) -> NDArray[np.float32]:
    """Curves ``(T, K)`` of ``SYMMETRIC`` at 50 Hz from what sounds when."""
    shapes, strength, fall = _tables()
    middles = (np.arange(frames) + 0.5) / RATE
    total = np.zeros((frames, len(SYMMETRIC)))
    weight = np.full((frames, len(SYMMETRIC)), _FAINT)
    for phone, start, stop in segments:
        k = PHONES.index(phone)
        low, high = np.searchsorted(middles, (start - _REACH, stop + _REACH))
        t = middles[low:high]
        away = np.maximum(np.maximum(start - t, t - stop), 0)
        pull = np.exp(-fall[k] * away)[:, None] * strength[k]
        total[low:high] += pull * shapes[k]
        weight[low:high] += pull
    return (total / weight).astype(np.float32)


def _tables() -> tuple[Array, Array, Array]:
    """Shape and strength ``(P, K)`` of every class, and how fast it falls off ``(P,)``, 1/s."""
    column = {name: k for k, name in enumerate(SYMMETRIC)}
    shapes = np.zeros((len(PHONES), len(SYMMETRIC)))
    strength = np.full_like(shapes, 0.5)
    fall = np.full(len(PHONES), 22.0)
    for p, phone in enumerate(PHONES):
        for name, value in SHAPES.get(phone, {}).items():
            shapes[p, column[name]] = value
        if phone in _VOWELS:
            strength[p], fall[p] = 1.0, 16.0
        lips = [column[name] for name in _LIP_SHAPE]
        if phone in _ROUNDING:
            strength[p, lips] = 1.8
        if phone in _TONGUE_ONLY:
            strength[p, lips] = 0.15
        if phone in _CLOSING:
            strength[p, [column[name] for name in _CLOSED_BY]] = 4.0
            fall[p] = 29.0
        if phone == "sil":
            strength[p], fall[p] = 0.8, 14.0
    return shapes, strength, fall
