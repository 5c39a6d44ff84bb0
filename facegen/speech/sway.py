"""How a speaker's head moves: slow sway, nods on stressed syllables, a lift with the melody.

Head motion follows pitch closely (H. C. Yehia, T. Kuratate, E. Vatikiotis-Bateson, "Linking facial
animation, head motion and speech acoustics", Journal of Phonetics 30, 2002). Spreads measured on
clips: read speech .8, .4, .3 degrees of pitch, yaw and roll at 3, 2, 1 degrees per second, free
speech 3.6, 6.7, 3.2 degrees at 11, 17, 10; a presenter to a camera lies between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from facegen.speech.noise import generator, wander
from facegen.speech.prosody import RATE, Prosody

Array = NDArray[np.float64]

# Degrees about x (down), y (to the subject's left) and z, of slow posture and of quicker sway.
_POSTURE, _POSTURE_SECONDS = (0.8, 1.5, 0.9), 2.5
_SWAY, _SWAY_SECONDS = (0.8, 1.6, 1.0), 0.5
_QUIET = 0.45  # share of sway that is left while nobody speaks
_NOD, _NOD_SECONDS, _NOD_LAG = 2.2, 0.36, 0.06
_NOD_SHARE = 0.6  # of stressed syllables
_LIFT = 0.22  # degrees per semitone
_GAZE_SHARE = 0.4  # of what the eyes leave to the head
_SETTLE = 1.2  # seconds in which motion grows out of the pose at rest


def head_turns(
    times: NDArray[np.floating],
    prosody: Prosody,
    seed: int,
    *,
    strength: NDArray[np.floating] | float = 1.0,
    beyond_eyes: Array | None = None,
) -> Array:
    """Head rotation away from rest, ``(T, 3)`` radians about x, y and z; it starts at rest.

    Args:
        times: ``(T,)`` seconds, increasing.
        prosody: of the sound that begins at 0.
        strength: factor, ``(T,)`` or one number.
        beyond_eyes: ``(T, 2)`` degrees to the left and up that the eyes leave to the head.
    """
    times = np.asarray(times, np.float64)
    talk = _at(times, gaussian_filter1d(prosody.loudness, 0.4 * RATE)) if len(times) else times
    lively = _QUIET + (1 - _QUIET) * np.clip(2 * talk, 0, 1)
    axes = []
    for axis, (posture, sway) in enumerate(zip(_POSTURE, _SWAY, strict=True)):
        slow = posture * wander(times, seed, f"posture {axis}", _POSTURE_SECONDS)
        quick = sway * wander(times, seed, f"sway {axis}", _SWAY_SECONDS)
        axes.append(slow + quick * lively)
    out = np.stack(axes, 1)
    lift = gaussian_filter1d(prosody.semitones, 0.12 * RATE)
    out[:, 0] += _nods(times, prosody.accents, seed) - _LIFT * _at(times, lift)
    out *= np.broadcast_to(strength, times.shape)[:, None]
    if beyond_eyes is not None and len(times) > 1:
        frames = 0.15 / (times[1] - times[0])
        turned = gaussian_filter1d(beyond_eyes, frames, axis=0) * _GAZE_SHARE
        out[:, 0] -= turned[:, 1]
        out[:, 1] += turned[:, 0]
    begun = np.clip(times / _SETTLE, 0, 1)[:, None]
    return np.radians(out * begun * begun * (3 - 2 * begun))


def _nods(times: Array, accents: Array, seed: int) -> Array:
    """Degrees downwards on stressed syllables, a bell each."""
    out = np.zeros(len(times))
    rng = generator(seed, "nods")
    for onset, stress in accents:
        chosen, size = rng.random() < _NOD_SHARE, rng.uniform(0.6, 1.2)
        if not chosen:
            continue
        start = onset + _NOD_LAG - _NOD_SECONDS / 2
        first, last = np.searchsorted(times, (start, start + _NOD_SECONDS))
        phase = (times[first:last] - start) / _NOD_SECONDS
        out[first:last] += _NOD * stress * size * 0.5 * (1 - np.cos(2 * np.pi * phase))
    return out


def _at(times: Array, values: Array) -> Array:
    """Frames at ``RATE``, each standing for its middle, looked up at ``times``."""
    if not len(values):
        return np.zeros(len(times))
    return np.interp(times, (np.arange(len(values)) + 0.5) / RATE, values)
