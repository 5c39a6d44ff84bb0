"""The melody and stress of speech that heads move to: loudness, pitch, accents, at 50 Hz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

Array = NDArray[np.float64]

RATE = 50
_HOP, _WINDOW = 320, 1024  # samples at 16 kHz
_PIECE = 30 * 16_000  # pitch is followed piece by piece: librosa holds every window of a piece
_LOWEST, _HIGHEST = 65.0, 500.0  # Hz
_RANGE = 35.0  # dB of loudness that speech spans
_ACCENT_GAP = 0.25  # seconds between stressed syllables


@dataclass(frozen=True, eq=False)
class Prosody:
    """Melody and stress, T frames at ``RATE``.

    Attributes:
        loudness: ``(T,)`` 0..1 over the loudest 35 dB of the recording.
        semitones: ``(T,)`` pitch above the speaker's median, smooth, 0 where unvoiced.
        accents: ``(N, 2)`` seconds and strength 0..1 of stressed syllables.
    """

    loudness: Array
    semitones: Array
    accents: Array


def prosody(samples: NDArray[np.float32]) -> Prosody:
    """Measure a recording.

    Args:
        samples: ``(N,)`` 16 kHz mono in -1..1.

    Returns:
        ``ceil(N / 320)`` frames.
    """
    count = -(-len(samples) // _HOP)
    power = np.square(np.pad(samples, (0, count * _HOP - len(samples)))).reshape(count, _HOP)
    level = 10 * np.log10(power.mean(1, dtype=np.float64) + 1e-10)
    top = np.percentile(level, 95) if count else 0.0
    loudness = np.clip((level - top) / _RANGE + 1, 0, 1)
    if top < -60:  # dB: nobody speaks
        return Prosody(np.zeros(count), np.zeros(count), np.zeros((0, 2)))
    voiced = loudness > 0.45
    semitones = _semitones(samples, voiced)
    return Prosody(loudness, semitones, _accents(loudness, semitones))


def pitch(samples: NDArray[np.float32]) -> Array:
    """Fundamental frequency ``(ceil(N / 320),)`` Hz of every frame, voiced or not (YIN)."""
    import librosa

    count = -(-len(samples) // _HOP)
    out = np.zeros(count)
    for start in range(0, len(samples), _PIECE):
        piece = np.asarray(samples[start : start + _PIECE], np.float32)
        piece = np.pad(piece, (0, max(0, 2 * _WINDOW - len(piece))))
        found = librosa.yin(
            piece, fmin=_LOWEST, fmax=_HIGHEST, sr=16_000, frame_length=_WINDOW, hop_length=_HOP
        )
        first = start // _HOP
        room = min(len(found), _PIECE // _HOP, count - first)
        out[first : first + room] = found[:room]
    return out


def _semitones(samples: NDArray[np.float32], voiced: NDArray[np.bool_]) -> Array:
    hertz = pitch(samples)
    # At the edges of its range the method has found nothing.
    voiced = voiced & (hertz > 1.05 * _LOWEST) & (hertz < 0.95 * _HIGHEST)
    if voiced.sum() < 5:
        return np.zeros(len(voiced))
    tones = 12 * np.log2(np.where(voiced, hertz, 1.0))
    above = np.where(voiced, np.clip(tones - np.median(tones[voiced]), -10, 10), 0)
    weight = gaussian_filter1d(voiced.astype(float), 4)
    return gaussian_filter1d(above, 4) / np.maximum(weight, 0.3)


def _accents(loudness: Array, semitones: Array) -> Array:
    """Peaks of loudness above their neighbourhood, the stronger the higher their pitch."""
    near, wide = gaussian_filter1d(loudness, 3), gaussian_filter1d(loudness, 20)
    salience = np.clip(near - wide, 0, None)
    peaks, _ = find_peaks(salience, height=0.05, distance=round(_ACCENT_GAP * RATE))
    strength = np.clip(salience[peaks] / 0.4 + np.clip(semitones[peaks], -4, 6) / 12, 0, 1)
    return np.stack([(peaks + 0.5) / RATE, strength], 1)
