"""Where the eyes look: held on the camera, or wandering as a speaker's do.

Statistics of a talking person: S. P. Lee, J. B. Badler, N. I. Badler, "Eyes Alive", SIGGRAPH 2002.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.speech.noise import generator

Array = NDArray[np.float64]

MODES = ("camera", "natural")
# Mean and spread, seconds, of looking at somebody and of looking away while talking.
MUTUAL, AWAY = (3.1, 3.2), (0.93, 0.8)
_SHORTEST = 0.15
# Share of each direction: right, up right, up, up left, left, down left, down, down right.
DIRECTIONS = (0.155, 0.065, 0.177, 0.074, 0.168, 0.079, 0.204, 0.078)
LARGEST = 27.5  # degrees
# The rest of a large shift is the head's.
EYES_ALONE = 14.0
# Fixating eyes are not still: small jumps about once a second.
_FIDGET, _FIDGET_SECONDS = 0.35, (0.5, 1.6)


def saccade_seconds(degrees: NDArray[np.floating] | float) -> Array:
    """Duration of a saccade: the main sequence (R. Carpenter, Movements of the Eyes, 1988)."""
    return 0.0022 * np.abs(degrees) + 0.021


def away_degrees(rng: np.random.Generator) -> float:
    """A random size of a look away: exponential, at most ``LARGEST``."""
    return float(np.clip(-6.9 * np.log(rng.uniform(1e-6, 15.0) / 15.7), 0, LARGEST))


def gaze_targets(seconds: float, mode: str, seed: int) -> Array:
    """Fixations ``(N, 3)``: seconds of the shift towards them, degrees to the left and up.

    The subject's left. The first begins at 0 on the camera; longer recordings begin alike.
    """
    rng = generator(seed, "gaze")
    out = [(0.0, 0.0, 0.0)]
    now = 0.0
    while now < seconds:
        until = now + _dwell(rng, MUTUAL)
        now += rng.uniform(*_FIDGET_SECONDS)
        while now < until:
            out.append((now, *(rng.normal(0, _FIDGET, 2))))
            now += rng.uniform(*_FIDGET_SECONDS)
        now = until
        if mode == "natural":
            # Octants run clockwise as the viewer of a face sees them mirrored: the subject's own.
            angle = np.pi / 4 * rng.choice(8, p=np.array(DIRECTIONS) / sum(DIRECTIONS))
            size = away_degrees(rng)
            out.append((now, -size * np.cos(angle), size * np.sin(angle)))
            now += _dwell(rng, AWAY)
            out.append((now, *rng.normal(0, _FIDGET, 2)))
    return np.array([f for f in out if f[0] < max(seconds, 1e-9)])


def _dwell(rng: np.random.Generator, of: tuple[float, float]) -> float:
    """A gamma-distributed time of the given mean and spread."""
    mean, spread = of
    shape = (mean / spread) ** 2
    return max(_SHORTEST, float(rng.gamma(shape, mean / shape)))


def gaze_path(times: NDArray[np.floating], targets: Array) -> Array:
    """Degrees to the left and up ``(T, 2)`` of the line of sight at ``times (T,)`` seconds."""
    times = np.asarray(times, np.float64)
    at = np.clip(np.searchsorted(targets[:, 0], times, side="right") - 1, 0, None)
    before = targets[np.maximum(at - 1, 0), 1:]
    to = targets[at, 1:]
    sizes = np.linalg.norm(to - before, axis=1)
    x = np.clip((times - targets[at, 0]) / saccade_seconds(sizes), 0, 1)[:, None]
    # Minimum jerk: the bell of speed that saccades have.
    return before + (to - before) * (x**3 * (10 - 15 * x + 6 * x**2))


def eye_share(degrees: Array) -> Array:
    """What the eyes turn of a line of sight ``(T, 2)``: all of it up to about ``EYES_ALONE``."""
    size = np.linalg.norm(degrees, axis=1, keepdims=True)
    return degrees * np.where(size > EYES_ALONE, EYES_ALONE / np.maximum(size, 1e-9), 1.0)


def blinks_with_shifts(targets: Array, seed: int) -> Array:
    """Onsets of blinks that go with shifts of gaze: a third of the large ones (over 10 degrees)."""
    sizes = np.linalg.norm(np.diff(targets[:, 1:], axis=0), axis=1)
    rng = generator(seed, "gaze blinks")
    chosen = (rng.random(len(sizes)) < 1 / 3) & (sizes > 10)
    return targets[1:][chosen, 0]
