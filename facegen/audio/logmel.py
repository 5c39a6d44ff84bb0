"""Log-mel features with causal normalisation: the encoder that needs no download."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from facegen.audio.encoder import FRAME, frame_count
from facegen.audio.speech import RATE

Features = NDArray[np.float32]

BANDS = 80
_HOP, _WINDOW, _FFT = 160, 400, 512
# A window reaches this far beyond its 10 ms slot to either side.
_REACH = (_WINDOW - _HOP) // 2
# Mel power of white noise of unit variance: the window's energy over the width of a bin in Hz.
_UNIT_NOISE = 150 / 31.25
# About -87 dBFS, the noise floor of a good 16-bit recording.
_FLOOR = 1e-8
# The reference spectrum forgets in 10 s and starts from one second of soft speech.
_MEMORY = 10 * 100
_PRIOR_FRAMES = 100
_PRIOR_DBFS = -45.0
_SCALE, _LIMIT = 3.0, 4.0
_CHUNK = 3000  # mel frames turned at once, 30 s


class LogMel:
    """80 log-mel bands, 25 ms windows every 10 ms, two frames stacked, two normalised views.

    The first view is relative to a running reference spectrum (loudness and microphone drop out,
    pauses stay low), the second to the frame's own mean (the shape of the spectrum alone). The
    reference is an amplitude-weighted mean of what was heard so far, so pauses do not dilute it.
    Frame t sees 7.5 ms beyond its end and nothing later.
    """

    name = "logmel"
    rate = RATE // FRAME
    dim = 2 * 2 * BANDS

    def encode(self, samples: NDArray[np.float32]) -> Features:
        """Features of a whole recording (see ``AudioEncoder``): ``(T, 320)``.

        Columns: earlier 10 ms relative (80) and own (80), later 10 ms relative and own.
        """
        stream = self.stream()
        return np.concatenate([stream.push(samples), stream.finish()])

    def stream(self) -> LogMelStream:
        """Features of sound that arrives piece by piece, equal to those of the whole."""
        return LogMelStream()


class LogMelStream:
    """State between pieces: unfinished samples and the running reference."""

    def __init__(self) -> None:
        # The first window begins before the sound does.
        self._tail = np.zeros(_REACH, np.float32)
        self._heard = self._given = 0
        share = _PRIOR_FRAMES * prior_amplitude()
        self._spectrum = (share * prior_spectrum())[None] * _decay()
        self._weight = np.full((1, 1), share) * _decay()

    def push(self, samples: NDArray[np.float32]) -> Features:
        """Features ``(t, 320)`` that ``(n,)`` more samples complete; t may be 0."""
        self._heard += len(samples)
        self._tail = np.concatenate([self._tail, np.asarray(samples, np.float32)])
        ready = (len(self._tail) - 2 * _REACH) // FRAME
        return self._take(max(ready, 0))

    def finish(self) -> Features:
        """The last frames; silence follows the end."""
        missing = frame_count(self._heard) - self._given
        need = missing * FRAME + 2 * _REACH
        self._tail = np.pad(self._tail, (0, max(need - len(self._tail), 0)))
        return self._take(missing)

    def _take(self, frames: int) -> Features:
        """Turn ``frames`` finished 20 ms frames of the tail into features."""
        parts = [np.zeros((0, LogMel.dim), np.float32)]
        for start in range(0, 2 * frames, _CHUNK):
            count = min(_CHUNK, 2 * frames - start)
            part = self._tail[start * _HOP : (start + count) * _HOP + 2 * _REACH]
            parts.append(self._normalised(log_mel(part)).reshape(-1, LogMel.dim))
        self._tail = self._tail[frames * FRAME :]
        self._given += frames
        return np.concatenate(parts)

    def _normalised(self, mel: Features) -> Features:
        amplitude = np.sqrt(np.exp(mel.astype(np.float64)).mean(1, keepdims=True))
        # The prior trickles in for ever, lest noise become the reference in a long pause.
        trickle = (1 - _decay()) * _PRIOR_FRAMES * prior_amplitude()
        spectrum, self._spectrum = _leaky_sum(
            amplitude * mel + trickle * prior_spectrum(), self._spectrum
        )
        weight, self._weight = _leaky_sum(amplitude + trickle, self._weight)
        relative = mel - spectrum / weight
        own = mel - mel.mean(1, keepdims=True)
        views = np.concatenate([relative, own], 1) / _SCALE
        return np.clip(views, -_LIMIT, _LIMIT).astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> Features:
    """Natural log of mel power: ``(n, 80)`` for ``n * 160 + 240`` samples.

    Frame k is centred on its 10 ms slot: samples 160 k to 160 k + 400 of what is given.
    """
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    spectrum = fft.rfft(windows * _hann(), _FFT, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.log(power @ _filters() + np.float32(_FLOOR)).astype(np.float32)


def _leaky_sum(
    steps: NDArray[np.float64], state: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``y[t] = decay y[t-1] + x[t]`` along axis 0, and the state to go on from."""
    out, after = signal.lfilter([1.0], [1.0, -_decay()], steps, axis=0, zi=state)
    return out, after


def _decay() -> float:
    return float(np.exp(-1 / _MEMORY))


@lru_cache
def prior_spectrum() -> NDArray[np.float64]:
    """Log-mel spectrum ``(80,)`` of average soft speech.

    Flat to 500 Hz, then falling 9 dB per octave in constant bandwidth, about the long-term
    average of Byrne et al. 1994, "An international comparison of long-term average speech spectra".
    """
    import librosa

    centres = librosa.mel_frequencies(BANDS + 2, fmin=20, fmax=7600)[1:-1]
    shape = -9.0 * np.log2(np.maximum(centres, 500) / 500) * np.log(10) / 10
    # Bands of one power mean the amplitude asked for.
    return shape - np.log(np.exp(shape).mean()) + 2 * np.log(prior_amplitude())


def prior_amplitude() -> float:
    """Root of the mean mel power of a soft voice."""
    return float(np.sqrt(_UNIT_NOISE) * 10 ** (_PRIOR_DBFS / 20))


@lru_cache
def _hann() -> Features:
    return signal.get_window("hann", _WINDOW).astype(np.float32)


@lru_cache
def _filters() -> Features:
    """``(257, 80)`` triangles of unit area (Slaney)."""
    import librosa

    bank = librosa.filters.mel(sr=RATE, n_fft=_FFT, n_mels=BANDS, fmin=20, fmax=7600)
    return np.ascontiguousarray(bank.T)
