"""Valence and arousal to emotions and back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.emotion.labels import EMOTIONS
from facegen.emotion.prototypes import read_table

Array = NDArray[np.float64]


@lru_cache(maxsize=1)
def _ring() -> tuple[Array, Array]:
    """Feelings around the circle: their places ``(N, 2)`` by angle, what is shown ``(N, 8)``."""
    given = read_table("prototypes.yaml")["affect"]
    places = np.array([entry["at"] for entry in given])
    shown = np.array([[entry["shown"].get(name, 0) for name in EMOTIONS] for entry in given], float)
    order = np.argsort(np.arctan2(places[:, 1], places[:, 0]))
    return places[order], shown[order]


def emotion_of(valence: float, arousal: float) -> Array:
    """Intensities ``(8,)`` of a feeling at valence and arousal -1..1 (Russell's circumplex).

    The point is a sum of its two neighbours on the ring of known feelings, so a feeling at its
    own place has intensity 1 and the origin is neutral.
    """
    places, shown = _ring()
    point = np.array([valence, arousal])
    out = np.zeros(len(EMOTIONS))
    for i in range(len(places)):
        j = (i + 1) % len(places)
        shares = np.linalg.solve(np.stack([places[i], places[j]], 1), point)
        if (shares >= -1e-9).all():
            shares = np.clip(shares, 0, None)
            shares /= max(1.0, shares.sum())
            out = shares[0] * shown[i] + shares[1] * shown[j]
            break
    return out


def affect_of(emotion: NDArray[np.floating]) -> Array:
    """Valence and arousal ``(T, 2)`` of intensities ``(T, 8)``: the sum of their places."""
    table = read_table("prototypes.yaml")
    places = np.zeros((len(EMOTIONS), 2))
    for entry in table["affect"]:
        for name, share in entry["shown"].items():
            if share == 1:
                places[EMOTIONS.index(name)] = entry["at"]
    for name, place in table["elsewhere"].items():
        places[EMOTIONS.index(name)] = place
    return np.clip(np.asarray(emotion, np.float64) @ places, -1, 1)
