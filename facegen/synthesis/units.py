"""Action units of a face whose curves are known."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import INDEX, columns
from facegen.emotion.prototypes import action_table

AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43)
"""Units that a made face is labelled with."""
FULL = 5.0
"""Intensity of a unit at strength 1 (the scale of FACS has A to E for 1 to 5)."""

# Beyond this opening of the jaw, mouth stretched (27) takes over from jaw drop (26).
_STRETCHED = 0.6


@lru_cache(maxsize=1)
def _main() -> dict[int, tuple[list[int], float]]:
    """For every unit the columns that carry it, and their mean value at strength 1."""
    table = action_table()
    out = {}
    for unit in AUS:
        shares = table.curves[table.names.index(f"AU{unit}")]
        strongest = shares.max()
        main = np.flatnonzero(shares >= strongest - 1e-9)
        out[unit] = (main.tolist(), float(strongest))
    return out


def unit_intensities(curves: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intensity 0..5 of each of ``AUS`` for ARKit curves ``(52,)``.

    A unit is read from the curves that carry it alone (brow lowering from ``browDown``); where
    several units share a curve they share its value.
    """
    values = np.array([curves[where].mean() / full for where, full in _main().values()])
    jaw = float(curves[INDEX["jawOpen"]])
    parted = jaw + float(curves[columns("mouthLowerDown", "mouthUpperUp")].mean())
    values[AUS.index(25)] = parted / 0.35
    values[AUS.index(26)] = min(jaw, _STRETCHED) / _STRETCHED
    values[AUS.index(27)] = max(jaw - _STRETCHED, 0) / (1 - _STRETCHED)
    rolled = float(curves[columns("mouthRollLower", "mouthRollUpper")].mean())
    pressed = float(curves[columns("mouthPress")].mean())
    values[AUS.index(23)] = min(rolled / 0.3, pressed / 0.5)
    return np.clip(values, 0, 1) * FULL
