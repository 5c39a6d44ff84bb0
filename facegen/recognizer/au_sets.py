"""Sets of facial action units, and action units read off ARKit's curves."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import columns
from facegen.emotion.prototypes import action_table
from facegen.errors import UsageError
from facegen.recognizer.labels import table

Array = NDArray[np.float64]
INTENSITY_MAX = 5.0
_PARTED = {"jawOpen": 2.5, "mouthClose": -2.5, "mouthLowerDown": 0.5, "mouthUpperUp": 0.5}


@cache
def au_set(name: str) -> tuple[str, ...]:
    """Columns of a set in its order: ``AU01`` for both sides, ``AUL1`` for one.

    Raises:
        UsageError: no such set; all are listed.
    """
    given = table()["action_units"]
    if name not in given:
        raise UsageError(f"no set of action units {name!r}; choose from {', '.join(given)}")
    return tuple(f"AU{u:02d}" if isinstance(u, int) else f"AU{u}" for u in given[name])


def select(values: NDArray[np.floating], have: tuple[str, ...], want: tuple[str, ...]) -> Array:
    """Columns ``want`` of ``values (..., A)`` with columns ``have``; NaN where there is none."""
    out = np.full((*values.shape[:-1], len(want)), np.nan)
    for column, name in enumerate(want):
        if name in have:
            out[..., column] = values[..., have.index(name)]
    return out


@cache
def unit_weights() -> Array:
    """``(52, 23)``: what each curve says about each unit of ``arkit23``, by least squares."""
    actions, names = action_table(), au_set("arkit23")
    out = np.zeros((actions.curves.shape[1], len(names)))
    for column, name in enumerate(names):
        curve = actions.curves[actions.names.index(f"AU{int(name[2:])}")]
        out[:, column] = curve / np.square(curve).sum()
    # AU25 moves its curves by so little that any lowered lip would read as fully parted ones. How
    # far lips part shows in the jaw, less what closes them over it, and half as much in each lip.
    parted = names.index("AU25")
    out[:, parted] = 0
    for name, share in _PARTED.items():
        out[columns(name), parted] = share
    return out


def units_of_curves(curves: NDArray[np.floating]) -> Array:
    """Strength 0..1 of the units ``arkit23``, ``(..., 23)``, for ARKit curves ``(..., 52)``.

    The least-squares strength of each unit alone, by ``actions.yaml``; lips that part (AU25) by a
    rule of their own. Many units share a curve (an open jaw answers for AU25, 26 and 27 alike), so
    the way back is exact only where one of them is shown.
    """
    return np.clip(np.asarray(curves, np.float64) @ unit_weights(), 0, 1)
