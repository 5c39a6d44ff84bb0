"""How widely this speaker opens the mouth, compared with the voice the network learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.speech.lip_net import LipNet
from facegen.speech.lip_predict import GAINS, predict_lips
from facegen.speech.lip_track import RATE
from facegen.speech.mouth import open_mouth

Array = NDArray[np.float64]

_LEAST_SECONDS = 1.0
_LAG = 0.3  # seconds that sound and picture of a clip may be apart
# A few seconds prove little: the average speaker counts as much as so many seconds of speech.
_PRIOR_SECONDS = 2.0
_LIMITS = (0.3, 3.0)


def estimate_gain(
    samples: NDArray[np.float32],
    opening: NDArray[np.floating],
    fps: float,
    *,
    net: LipNet | None = None,
) -> float:
    """Articulation gain that makes predicted mouths open as far as this speaker's do.

    Amplitude does not carry over between speakers, timing does: the least-squares factor between
    predicted and seen opening, at the clip's own offset of sound and picture, drawn towards 1
    where the clip holds little speech.

    Args:
        samples: ``(N,)`` float32, 16 kHz, of a clip of the speaker.
        opening: ``(T,)`` opening of the inner lips in outer eye distances at ``fps``, NaN where
            no face was seen; frame 0 is seen when sample 0 is heard.
        fps: frames per second of ``opening``.

    Returns:
        gain for ``predict_lips``, 0.3 to 3.

    Raises:
        UsageError: less than a second of both.
    """
    seen = at_rate(opening, fps)
    count = min(len(seen), -(-len(samples) // (16_000 // RATE)))
    if count < _LEAST_SECONDS * RATE:
        raise UsageError("the articulation gain needs at least a second of video with sound")
    track = predict_lips(samples, net=net)
    said = open_mouth(track.names).opening(track.curves)[:count]
    seen = seen[:count]
    lag, _ = best_lag(said, seen)
    a, b = shifted(said, seen, lag)
    known = np.isfinite(b)
    # The prior is a stretch of speech of this very loudness of motion at gain 1.
    prior = _PRIOR_SECONDS * RATE * float(np.square(a).mean()) + 1e-12
    gain = (float(a[known] @ b[known]) + prior) / (float(a[known] @ a[known]) + prior)
    return float(np.clip(gain, max(_LIMITS[0], GAINS[0]), min(_LIMITS[1], GAINS[1])))


def at_rate(values: NDArray[np.floating], fps: float, rate: float = RATE) -> Array:
    """A curve of pictures at another rate; picture i counts as the middle of its time."""
    values = np.asarray(values, float)
    count = int(np.floor(len(values) / fps * rate + 1e-6))
    times = (np.arange(count) + 0.5) / rate
    return np.interp(times, (np.arange(len(values)) + 0.5) / fps, values)


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson's r over frames where both are numbers; NaN where one does not vary."""
    known = np.isfinite(a) & np.isfinite(b)
    x, y = np.asarray(a, float)[known], np.asarray(b, float)[known]
    if len(x) < 3 or x.std() < 1e-9 or y.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def best_lag(predicted: Array, seen: Array, reach: float = _LAG) -> tuple[int, float]:
    """Frames by which the prediction must be delayed to agree best, and the correlation there."""
    steps = int(reach * RATE)
    best = (0, -np.inf)
    for lag in sorted(range(-steps, steps + 1), key=abs):
        r = correlation(*shifted(predicted, seen, lag))
        if r > best[1]:
            best = (lag, r)
    return best if np.isfinite(best[1]) else (0, float("nan"))


def shifted(predicted: Array, seen: Array, lag: int) -> tuple[Array, Array]:
    """Both over their common time with the prediction ``lag`` frames later."""
    count = min(len(predicted), len(seen))
    a, b = predicted[:count], seen[:count]
    return (a[: count - lag], b[lag:]) if lag >= 0 else (a[-lag:], b[: count + lag])
