"""Other throats for the same speech: few voices must stand for many."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.audio import RATE
from facegen.audio.logmel import BANDS

Rng = np.random.Generator

_SHARE, _STRETCH = 0.7, 0.14
_MASK_SHARE, _MASKS, _MASK_WIDTH = 0.4, 2, 10


def other_voice(features: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Log-mel features ``(T, 320)`` as of a longer or shorter vocal tract, some bands missing.

    Vocal tract length perturbation (Jaitly & Hinton 2013) and frequency masks (Park et al. 2019,
    "SpecAugment").
    """
    views = features.reshape(len(features), -1, BANDS)
    if rng.random() < _SHARE:
        views = stretched(views, float(np.exp(rng.uniform(-_STRETCH, _STRETCH))))
    if rng.random() < _MASK_SHARE:
        views = views.copy()
        for _ in range(rng.integers(1, _MASKS + 1)):
            first = int(rng.integers(BANDS))
            views[:, :, first : first + int(rng.integers(1, _MASK_WIDTH + 1))] = 0
    return views.reshape(features.shape)


def stretched(views: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Spectra ``(..., 80)`` with every frequency times ``factor``."""
    centres = _centres()
    at = np.interp(centres / factor, centres, np.arange(BANDS))
    low = np.minimum(at.astype(int), BANDS - 2)
    share = (at - low).astype(np.float32)
    return (1 - share) * views[..., low] + share * views[..., low + 1]


@lru_cache
def _centres() -> NDArray[np.float64]:
    import librosa

    centres = librosa.mel_frequencies(BANDS + 2, fmin=20, fmax=min(7600, RATE / 2))[1:-1]
    return np.asarray(centres, np.float64)
