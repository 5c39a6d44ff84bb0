"""Classes of a made set, and what a felt intensity means as a label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.emotion.labels import EMOTIONS
from facegen.errors import UsageError
from facegen.recognizer.labels import EMOTION_OF, KEYS, canonical_key

Array = NDArray[np.float64]

LABEL_SPACE = "affectnet8"
CLASSES = KEYS
"""The order of AffectNet-8; labels are spelled like this everywhere on disk."""

# Column of ``EMOTIONS`` for every class.
_FELT = [EMOTIONS.index(EMOTION_OF[key]) for key in CLASSES]
# Intensities between which a feeling becomes visible: below the first it is a neutral face.
_HIDDEN, _PLAIN = 0.05, 0.4


def class_index(name: str) -> int:
    """Position in ``CLASSES``, by any name of the emotion.

    Raises:
        UsageError: no emotion has that name.
    """
    key = canonical_key(name)
    if key not in CLASSES:
        raise UsageError(f"no class {name!r}; choose from {', '.join(CLASSES)}")
    return CLASSES.index(key)


def levels_of(shares: dict[str, float]) -> Array:
    """Intensities ``(8,)`` in the order of ``EMOTIONS`` from names and numbers.

    Raises:
        UsageError: an unknown name, or a number outside 0..1.
    """
    levels = np.zeros(len(EMOTIONS))
    for name, level in shares.items():
        if not 0 <= level <= 1:
            raise UsageError(f"intensity of {name} is {level}; give a number from 0 to 1")
        levels[_FELT[class_index(name)]] = level
    return levels


def soft_label(levels: NDArray[np.floating]) -> Array:
    """What a face with intensities ``(8,)`` (``EMOTIONS``) shows: ``(8,)``, sum 1, ``CLASSES``.

    Feelings share what is visible by their intensity; a weak one leaves the rest to neutral.
    """
    felt = np.asarray(levels, np.float64)[_FELT].copy()
    felt[0] = 0
    strongest = float(felt.max())
    if strongest <= 0:
        return np.eye(len(CLASSES))[0]
    way = np.clip((strongest - _HIDDEN) / (_PLAIN - _HIDDEN), 0, 1)
    seen = way * way * (3 - 2 * way)
    soft = seen * felt / felt.sum()
    soft[0] = 1 - seen
    return soft
