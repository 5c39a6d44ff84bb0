"""How a voice sounds, in numbers: statistics of pitch, loudness, timbre and rhythm.

In the spirit of GeMAPS (F. Eyben et al., IEEE Transactions on Affective Computing 7, 2016),
measured with librosa. Levels are relative to the loudest part, so that the distance of the
microphone does not matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATE = 16_000
_HOP, _WINDOW, _FFT = 160, 400, 512
_PITCH_WINDOW = 1024
_LOWEST, _HIGHEST = 65.0, 600.0  # Hz
_VOICED_RANGE = 26.0  # dB below the loudest frames
_MFCC = 13
_FLOOR = 1e-8
_MODULATION = 16  # bands of loudness modulation
_LEAST = 2 * _PITCH_WINDOW  # samples


def functionals(samples: NDArray[np.float32]) -> Array:
    """Features ``(FEATURES,)`` of a passage of speech of about 1 to 10 seconds.

    Args:
        samples: ``(N,)`` 16 kHz mono in -1..1.
    """
    import librosa

    samples = np.pad(samples, (0, max(0, _LEAST - len(samples))))
    samples = (samples - samples.mean()) / max(float(np.abs(samples).max()), 1e-4)
    power = np.abs(librosa.stft(samples, n_fft=_FFT, hop_length=_HOP, win_length=_WINDOW)) ** 2
    pitch = librosa.yin(
        samples,
        fmin=_LOWEST,
        fmax=_HIGHEST,
        sr=RATE,
        frame_length=_PITCH_WINDOW,
        hop_length=_HOP,
    )
    count = min(power.shape[1], len(pitch))
    power, pitch = power[:, :count], pitch[:count]
    level = 10 * np.log10(power.sum(0) + _FLOOR)
    level -= np.percentile(level, 95)
    loud = level > -_VOICED_RANGE
    sung = loud & (pitch > 1.05 * _LOWEST) & (pitch < 0.97 * _HIGHEST)
    tones = np.log2(pitch[sung] / 100)
    steps = np.abs(np.diff(tones)) if len(tones) > 1 else np.zeros(1)
    parts = [_statistics(tones), [np.median(steps), sung.mean(), loud.mean()]]
    parts += [_statistics(track[loud]) for track in _timbre(power, level)]
    mel = librosa.feature.melspectrogram(S=power, sr=RATE, n_mels=40, fmin=20, fmax=7600)
    shape = librosa.feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=_MFCC + 1)[1:]
    parts += [_statistics(row[loud])[:5] for row in shape]
    # The rhythm: how strongly loudness swings at 0 to about 3, 6 ... 50 Hz.
    swing = np.abs(np.fft.rfft(level - level.mean(), 512))[1 : 1 + 4 * _MODULATION]
    parts.append(np.log(swing.reshape(_MODULATION, 4).mean(1) + 1e-3))
    return np.concatenate([np.asarray(part, np.float64).ravel() for part in parts])


def _timbre(power: NDArray[np.float32], level: Array) -> list[Array]:
    """Loudness, flatness, centroid, flux, alpha ratio, Hammarberg index of every frame."""
    hertz = np.fft.rfftfreq(_FFT, 1 / RATE)[:, None]
    total = power.sum(0) + _FLOOR
    flatness = np.exp(np.log(power + _FLOOR).mean(0)) / (power.mean(0) + _FLOOR)
    centroid = (hertz * power).sum(0) / total / 1000
    logs = np.log(power + 1e-6)
    flux = np.maximum(np.diff(logs, axis=1, prepend=logs[:, :1]), 0).mean(0)
    low = power[(hertz[:, 0] > 50) & (hertz[:, 0] < 1000)].sum(0) + _FLOOR
    high = power[(hertz[:, 0] >= 1000) & (hertz[:, 0] < 5000)].sum(0) + _FLOOR
    peak = power[hertz[:, 0] < 2000].max(0) + _FLOOR
    upper = power[(hertz[:, 0] >= 2000) & (hertz[:, 0] < 5000)].max(0) + _FLOOR
    return [level, np.log(flatness), centroid, flux, np.log(high / low), np.log(peak / upper)]


def _statistics(track: NDArray[np.floating]) -> Array:
    """Mean, spread, three quantiles, mean and spread of the change."""
    if len(track) < 3:
        return np.zeros(7)
    change = np.diff(track)
    low, middle, high = np.percentile(track, (10, 50, 90))
    return np.array(
        [track.mean(), track.std(), low, middle, high, np.abs(change).mean(), change.std()]
    )
