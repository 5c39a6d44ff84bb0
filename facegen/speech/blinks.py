"""Blinks: when they come and how the lids move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.speech.noise import generator

Array = NDArray[np.float64]

# Spread of the logarithm of the intervals: 445 intervals published with EmoFace (Liu et al. 2024).
_LOG_SPREAD = 0.8
_SHORTEST = 0.35  # seconds from one blink to the next: a lid needs the time
# Seconds to close, to stay shut and to open; opening is about twice as slow (K.-A. Kwon et al.,
# J. R. Soc. Interface 10, 2013: closing 75-100 ms, opening 150-250 ms).
_CLOSING, _SHUT, _OPENING = (0.075, 0.1), (0.01, 0.04), (0.15, 0.25)


def blink_events(
    seconds: float,
    per_minute: float,
    seed: int,
    tempo: NDArray[np.floating] | None = None,
    tempo_rate: float = 25.0,
) -> Array:
    """Onsets and time courses of blinks from 0 to ``seconds``.

    Intervals are log-normal with the mean ``60 / per_minute``. A longer recording begins with
    the very blinks of a shorter one.

    Args:
        per_minute: blinks per minute (17 at rest, 26 in conversation: Bentivoglio et al., Movement
            Disorders 12, 1997). 0: none.
        tempo: ``(T,)`` factor on the rate over time, at ``tempo_rate`` per second.

    Returns:
        ``(N, 4)``: seconds of onset, of closing, of staying shut, of opening.
    """
    if per_minute <= 0 or seconds <= 0:
        return np.zeros((0, 4))
    rng = generator(seed, "blinks")
    mean = max(60 / per_minute - _SHORTEST, 0.05)
    centre = np.log(mean) - _LOG_SPREAD**2 / 2
    clock = np.array([0.0, seconds])
    at = clock
    if tempo is not None and len(tempo):
        # In a time that runs faster while blinks are frequent, their rate is constant.
        clock = np.concatenate([[0.0], np.cumsum(tempo) / tempo_rate])
        at = np.arange(len(clock)) / tempo_rate
    events = []
    now = rng.uniform(0.3, 1.0) * mean
    while now < clock[-1]:
        course = [rng.uniform(*span) for span in (_CLOSING, _SHUT, _OPENING)]
        events.append([float(np.interp(now, clock, at)), *course])
        now += _SHORTEST + rng.lognormal(centre, _LOG_SPREAD)
    return np.array(events).reshape(-1, 4)


def lid_closure(times: NDArray[np.floating], events: Array) -> Array:
    """How far the lids are shut, ``(T,)`` in 0..1, at ``times (T,)`` seconds."""
    out = np.zeros(len(times))
    for onset, closing, shut, opening in events:
        first, last = np.searchsorted(times, (onset, onset + closing + shut + opening))
        t = np.asarray(times[first:last]) - onset
        down = _ease(t / closing)
        up = _ease((t - closing - shut) / opening)
        out[first:last] = np.maximum(out[first:last], down * (1 - up))
    return out


def _ease(x: Array) -> Array:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
