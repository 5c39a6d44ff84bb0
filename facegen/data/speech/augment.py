"""What happens to speech between a mouth and a file: rooms, microphones, lines, other sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from facegen.audio import RATE

Wave = NDArray[np.float32]
Rng = np.random.Generator
Background = Callable[[int, Rng], Wave]


def noise(count: int, rng: Rng) -> Wave:
    """Coloured noise of unit variance: white to brown."""
    return _unit(_coloured(count, rng, rng.uniform(0, 1)))


def music(count: int, rng: Rng) -> Wave:
    """A made-up band: chords, a bass, a tune with vibrato and a drum, of unit variance."""
    t = np.arange(count) / RATE
    out = np.zeros(count)
    beat = rng.uniform(0.25, 0.7)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12]) if rng.random() < 0.5 else np.arange(0, 13, 3)
    partials = np.arange(1, rng.integers(3, 10))
    slope, decay = rng.uniform(0.7, 2.0), rng.uniform(0.8, 6)
    for start in np.arange(0, count / RATE, beat):
        here = t[(t >= start) & (t < start + 2 * beat)] - start
        at = slice(int(np.ceil(start * RATE)), int(np.ceil(start * RATE)) + len(here))
        tune = root * 2 ** (rng.choice(scale) / 12 + rng.integers(0, 3))
        chord = root * 2 ** (np.array([0, rng.choice([3, 4]), 7]) / 12)
        wobble = 0.003 * rng.random() * np.sin(2 * np.pi * 5.5 * here)
        for pitch, level in ((tune, 1.2), *((p, 0.6) for p in chord), (root / 2, 0.9)):
            tones = np.sin(2 * np.pi * pitch * partials[:, None] * (here + wobble))
            out[at] += level * (tones / partials[:, None] ** slope).sum(0) * np.exp(-decay * here)
        hit = np.exp(-here / rng.uniform(0.01, 0.08)) * rng.standard_normal(len(here))
        out[at] += rng.uniform(0, 2.5) * hit
    return _unit(out)


def hum(count: int, rng: Rng) -> Wave:
    """Mains or engine hum with a slow swell, of unit variance."""
    t = np.arange(count) / RATE
    pitch = rng.choice([50, 60, 100, 120]) * rng.uniform(0.97, 1.03)
    tones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, rng.integers(2, 12)))
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * t)
    return _unit(tones * swell + 0.1 * rng.standard_normal(count))


def clicks(count: int, rng: Rng) -> Wave:
    """Keys, knocks and clatter over faint noise, of unit variance."""
    out = 0.02 * rng.standard_normal(count)
    for at in rng.integers(0, max(count, 1), size=max(1, int(count / RATE * rng.uniform(0.5, 6)))):
        length = min(count - at, int(rng.uniform(0.004, 0.06) * RATE))
        ring = np.exp(-np.arange(length) / (length / 4 + 1))
        out[at : at + length] += rng.uniform(0.2, 1) * ring * rng.standard_normal(length)
    return _unit(out)


BACKGROUNDS: tuple[Background, ...] = (noise, music, hum, clicks)


def babble(voices: list[Wave], count: int, rng: Rng) -> Wave:
    """Several voices at once, of unit variance; each is cut or repeated to ``count`` samples."""
    total = np.zeros(count)
    for voice in voices:
        at = int(rng.integers(len(voice)))
        total += np.resize(np.roll(voice, at), count)
    return _unit(total)


def speed(samples: Wave, factor: float) -> Wave:
    """Play faster (and higher) by ``factor``: ``(round(N / factor),)``."""
    count = max(1, round(len(samples) / factor))
    at = np.arange(count) * factor
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def reverb(samples: Wave, rng: Rng) -> Wave:
    """A room of 0.1 to 0.6 s: a decaying tail under the direct sound."""
    length = int(rng.uniform(0.1, 0.6) * RATE)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.7) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return signal.fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def equalise(samples: Wave, rng: Rng) -> Wave:
    """A microphone and a room colour: up to 8 dB up and down over the spectrum."""
    decibel = rng.uniform(-8, 8, 6)
    return _filtered(samples, lambda f: 10 ** (np.interp(f, np.linspace(0, 8000, 6), decibel) / 20))


def telephone(samples: Wave) -> Wave:
    """300 to 3400 Hz."""
    return _filtered(samples, lambda f: np.where((f > 300) & (f < 3400), 1.0, 0.02))


def mixed(samples: Wave, other: Wave, snr: float) -> Wave:
    """Speech over another sound of unit variance at ``snr`` decibel."""
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)
    return (samples + other * level * 10 ** (-snr / 20)).astype(np.float32)


def kept_backgrounds(seconds: float, count: int, seed: int = 0) -> tuple[Background, ...]:
    """``BACKGROUNDS`` that cut from ``count`` pieces made once: making them is slow."""
    rng = np.random.default_rng(seed)

    def kept(make: Background) -> Background:
        pieces = [make(int(seconds * RATE), rng) for _ in range(count)]

        def cut(length: int, rng: Rng) -> Wave:
            piece = pieces[rng.integers(count)]
            return np.resize(np.roll(piece, -int(rng.integers(len(piece)))), length)

        return cut

    return tuple(kept(make) for make in BACKGROUNDS)


def augmented(
    samples: Wave,
    rng: Rng,
    voices: list[Wave] | None = None,
    backgrounds: Sequence[Background] = BACKGROUNDS,
) -> Wave:
    """One random way from the mouth to the file; time is kept.

    Args:
        samples: ``(N,)``. voices: others that may babble in the background.
        backgrounds: what else may sound there.
    """
    out = samples
    if rng.random() < 0.35:
        out = reverb(out, rng)
    if rng.random() < 0.6:
        out = equalise(out, rng)
    if rng.random() < 0.15:
        out = telephone(out)
    if rng.random() < 0.6:
        kind = int(rng.integers(len(backgrounds) + (1 if voices else 0)))
        if kind == len(backgrounds):
            other = babble(voices or [], len(out), rng)
        else:
            other = backgrounds[kind](len(out), rng)
        out = mixed(out, other, rng.uniform(3, 35))
    out = out * 10 ** (rng.uniform(-24, 3) / 20)
    return np.clip(out, -1, 1).astype(np.float32)


def _filtered(samples: Wave, gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Wave:
    spectrum = fft.rfft(samples.astype(np.float64))
    spectrum *= gain(fft.rfftfreq(len(samples), 1 / RATE))
    return fft.irfft(spectrum, len(samples)).astype(np.float32)


def _coloured(count: int, rng: Rng, slope: float) -> NDArray[np.float64]:
    frequencies = fft.rfftfreq(max(count, 2), 1 / RATE)
    phases = rng.standard_normal(len(frequencies)) + 1j * rng.standard_normal(len(frequencies))
    return fft.irfft(phases / np.maximum(frequencies, 30) ** slope, max(count, 2))[:count]


def _unit(samples: NDArray[np.float64]) -> Wave:
    return (samples / (samples.std() + 1e-9)).astype(np.float32)
