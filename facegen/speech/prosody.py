"""The melody and stress of speech that heads move to: loudness, pitch, accents, at 50 Hz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

Array = NDArray[np.float64]

RATE = 50
_HOP, _WINDOW = 320, 1024  # samples at 16 kHz
_PIECE = 30 * 16_000  # librosa holds every window of what it is given
_LOWEST, _HIGHEST = 65.0, 500.0  # Hz
_RANGE = 35.0  # dB of loudness that speech spans
_VOICED = 0.45  # of that range
_SILENCE = -60.0  # dB below full scale
_ACCENT_GAP = 0.25  # seconds between stressed syllables


@dataclass(frozen=True, eq=False)
class Prosody:
    """Melody and stress, T frames at ``RATE``.

    Attributes:
        samples: length of the recording at 16 kHz.
        loudness: ``(T,)`` 0..1 over the loudest 35 dB of the recording.
        semitones: ``(T,)`` pitch above the speaker's median, smooth, 0 where unvoiced.
        accents: ``(N, 2)`` seconds and strength 0..1 of stressed syllables.
    """

    samples: int
    loudness: Array
    semitones: Array
    accents: Array


def prosody(sound: NDArray[np.float32] | Iterable[NDArray[np.float32]]) -> Prosody:
    """Measure a recording.

    Args:
        sound: ``(N,)`` 16 kHz mono in -1..1, or such blocks in order (whole multiples of 320
            samples but for the last one).

    Returns:
        ``ceil(N / 320)`` frames.
    """
    blocks = _pieces(sound) if isinstance(sound, np.ndarray) else sound
    parts = [(len(block), _level(block), pitch(block)) for block in blocks]
    samples = sum(size for size, _, _ in parts)
    level = np.concatenate([part for _, part, _ in parts] or [np.zeros(0)])
    hertz = np.concatenate([part for _, _, part in parts] or [np.zeros(0)])
    top = np.percentile(level, 95) if len(level) else _SILENCE
    if top <= _SILENCE:
        return Prosody(samples, np.zeros(len(level)), np.zeros(len(level)), np.zeros((0, 2)))
    loudness = np.clip((level - top) / _RANGE + 1, 0, 1)
    semitones = _semitones(hertz, loudness > _VOICED)
    return Prosody(samples, loudness, semitones, _accents(loudness, semitones))


def _pieces(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(samples), _PIECE):
        yield samples[start : start + _PIECE]


def _level(samples: NDArray[np.float32]) -> Array:
    """Decibels below full scale of every frame."""
    count = -(-len(samples) // _HOP)
    power = np.square(np.pad(samples, (0, count * _HOP - len(samples)))).reshape(count, _HOP)
    return 10 * np.log10(power.mean(1, dtype=np.float64) + 1e-10)


def pitch(samples: NDArray[np.float32]) -> Array:
    """Fundamental frequency ``(ceil(N / 320),)`` Hz of every frame, voiced or not (YIN)."""
    import librosa

    count = -(-len(samples) // _HOP)
    padded = np.pad(samples, (0, max(0, 2 * _WINDOW - len(samples))))
    return librosa.yin(
        padded, fmin=_LOWEST, fmax=_HIGHEST, sr=16_000, frame_length=_WINDOW, hop_length=_HOP
    )[:count]


def _semitones(hertz: Array, loud: NDArray[np.bool_]) -> Array:
    # At the edges of its range the method has found nothing.
    voiced = loud & (hertz > 1.05 * _LOWEST) & (hertz < 0.95 * _HIGHEST)
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
