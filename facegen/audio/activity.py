"""Where somebody speaks, from loudness, harmonicity and how the spectrum moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from facegen.audio.encoder import FRAME, frame_count
from facegen.audio.logmel import BANDS, LogMel
from facegen.audio.speech import RATE

Array = NDArray[np.float64]

_CHUNK = 60 * RATE // FRAME  # frames looked at at once, one minute
_MARGIN = 2 * RATE // FRAME  # and what they need to see on either side
_LONG, _SHORT = 40, 10  # frames of context for rhythm (0.8 s) and for a frame's surroundings
_PITCH = (RATE // 400, RATE // 70)  # lags of 400 and 70 Hz
_PITCH_WINDOW = 1024
# Frames below this amplitude (-66 dBFS) are silence, whatever they look like.
_QUIET = 5e-4

FEATURES = (
    "level", "above_floor", "swing", "harmonic", "harmonic_swing", "flux", "flux_swing",
    "roughness", "low_share", "high_share", "steady",
)  # fmt: skip


def voice_activity(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech per 20 ms: ``(ceil(N / 320),)`` in 0..1.

    A logistic model of eleven features, trained on the speech cache with noise and music under
    it; figures stand in the card of the motion weights. Sees two seconds to either side.

    Args:
        samples: ``(N,)`` float32 in -1..1, 16 kHz.
    """
    score = activity_features(samples) @ _WEIGHTS + _BIAS
    smooth = ndimage.gaussian_filter1d(score, 3.0, mode="nearest") if len(score) else score
    probability = 1 / (1 + np.exp(-np.clip(smooth, -30, 30)))
    return (probability * (_loudness(samples) > _QUIET)).astype(np.float32)


def activity_features(samples: NDArray[np.float32]) -> Array:
    """The features ``(T, 11)`` in the order of ``FEATURES``, minute by minute."""
    total = frame_count(len(samples))
    out = np.zeros((total, len(FEATURES)))
    stream, heard = LogMel().stream(), 0
    mel, first = np.zeros((0, LogMel.dim), np.float32), 0
    for start in range(0, total, _CHUNK):
        low, high = max(start - _MARGIN, 0), min(start + _CHUNK + _MARGIN, total)
        # A frame is ready once the next has begun.
        reach = min((high + 1) * FRAME, len(samples))
        parts = [mel[low - first :], stream.push(samples[heard:reach])]
        if reach == len(samples):
            parts.append(stream.finish())
        mel, first, heard = np.concatenate(parts), low, reach
        part = _features(mel[: high - low], samples[low * FRAME : high * FRAME])
        stop = min(start + _CHUNK, total)
        out[start:stop] = part[start - low : stop - low]
    return out


def _features(mel: NDArray[np.float32], samples: NDArray[np.float32]) -> Array:
    halves = mel.reshape(len(mel), 2, 2, BANDS).astype(np.float64)
    relative, own = halves[:, :, 0].mean(1), halves[:, :, 1].mean(1)
    level = relative.mean(1)
    floor = ndimage.percentile_filter(level, 10, size=2 * _MARGIN + 1, mode="nearest")
    harmonic = _harmonicity(samples, len(mel))
    flux = np.abs(np.diff(own, axis=0, prepend=own[:1])).mean(1)
    return np.stack(
        [
            level,
            level - floor,
            _spread(level, _LONG),
            ndimage.uniform_filter1d(harmonic, _SHORT, mode="nearest"),
            _spread(harmonic, _LONG),
            ndimage.uniform_filter1d(flux, _SHORT, mode="nearest"),
            _spread(flux, _LONG),
            np.abs(np.diff(own, 2, axis=1)).mean(1),
            own[:, :12].mean(1),
            own[:, 56:].mean(1),
            -np.abs(own - ndimage.uniform_filter1d(own, _LONG, axis=0, mode="nearest")).mean(1),
        ],
        1,
    )


def _spread(values: Array, size: int) -> Array:
    """Standard deviation in a moving window."""
    mean = ndimage.uniform_filter1d(values, size, mode="nearest")
    square = ndimage.uniform_filter1d(values**2, size, mode="nearest")
    return np.sqrt(np.maximum(square - mean**2, 0))


def _harmonicity(samples: NDArray[np.float32], frames: int) -> Array:
    """Highest normalised autocorrelation among the lags of a voice's pitch, 0..1: ``(frames,)``."""
    reach = (_PITCH_WINDOW - FRAME) // 2
    need = frames * FRAME + 2 * reach
    padded = np.pad(samples, (reach, max(need - reach - len(samples), 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _PITCH_WINDOW)[::FRAME][:frames]
    spectrum = np.abs(fft.rfft(windows * np.hanning(_PITCH_WINDOW), 2 * _PITCH_WINDOW, axis=1))
    correlation = fft.irfft(np.square(spectrum), axis=1)[:, : _PITCH[1]]
    # A window makes long lags weak; its own autocorrelation undoes that (Boersma 1993).
    window = fft.irfft(np.square(np.abs(fft.rfft(np.hanning(_PITCH_WINDOW), 2 * _PITCH_WINDOW))))
    scaled = correlation[:, _PITCH[0] :] / (correlation[:, :1] + 1e-9)
    return np.clip((scaled / (window[_PITCH[0] : _PITCH[1]] / window[0])).max(1), 0, 1)


def _loudness(samples: NDArray[np.float32]) -> Array:
    """Root mean square amplitude of every frame."""
    frames = frame_count(len(samples))
    padded = np.pad(samples, (0, frames * FRAME - len(samples))).reshape(frames, FRAME)
    return np.sqrt(np.square(padded, dtype=np.float64).mean(1))


# In the order of FEATURES.
_WEIGHTS = np.array(
    [0.5177, 0.4957, -1.7356, 7.0671, 18.2318, 19.0185, 0.6479, -7.5039, -0.4824, -0.7643, -1.4455]
)
_BIAS = -11.1044
