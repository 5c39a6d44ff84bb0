"""Head and face motion of any length, drawn window after window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from facegen.audio import FRAME, LogMel
from facegen.emotion.labels import EMOTIONS
from facegen.errors import UsageError
from facegen.speech.head_channels import CURVES, JITTER, RATE, ROTATIONS, curves_of
from facegen.speech.head_net import HeadMotionNet, feelings
from facegen.speech.head_weights import open_head_net
from facegen.speech.noise import wander, white

Array = NDArray[np.float32]

_SAMPLES = 2 * FRAME  # per frame of motion
_STEPS = 5  # of the flow, midpoint rule
# Frames that two windows both draw; one fades into the other there.
_OVERLAP = 12
# Spread in degrees of pitch, yaw and roll of somebody who speaks to a camera: between the read
# speech the network has seen (.3) and free talk (3.6, 6.7, 3.2). Sentences of three seconds teach
# nothing slower than that, so posture is added.
_LIVELY = np.array([1.5, 1.8, 1.2])
_POSTURE, _POSTURE_SECONDS = np.array([0.8, 1.3, 0.8]), 2.5


@dataclass(frozen=True, eq=False)
class HeadTrack:
    """Motion that speech does not dictate, T frames.

    Attributes:
        rate: frames per second; frame k stands for the time ``k / rate``.
        rotation: ``(T, 3)`` axis-angle radians away from rest (x down, y to the subject's left).
        curves: ``(T, K)`` ARKit curves 0..1. names: K names.
    """

    rate: Fraction
    rotation: Array
    curves: Array
    names: tuple[str, ...] = CURVES


def sample_head(
    sound: Array | Iterable[Array],
    emotion: NDArray[np.floating] | None = None,
    *,
    seed: int,
    rate: Fraction | float = RATE,
    strength: float = 1.0,
    length: int | None = None,
    net: HeadMotionNet | None = None,
) -> HeadTrack:
    """Draw a head's motion to a voice.

    The same seed gives the same motion; noise belongs to the absolute frame, windows continue
    each other, and memory does not grow but for the result.

    Args:
        sound: ``(N,)`` float32 in -1..1, 16 kHz; or such blocks in order, with ``length``.
        emotion: ``(T25, 8)`` intensities per 40 ms, ``T25 = ceil(N / 640)``; None is neutral.
        rate: frames per second of the result, which has ``ceil(N / 16000 * rate)`` frames.
        strength: factor on everything.
        length: samples N of a sound in blocks.
        net: the network, by default the embedded one.

    Raises:
        UsageError: not as many rows of emotion as the sound has frames.
        ModelFileError: the embedded weights cannot be read.
    """
    fps = rate if isinstance(rate, Fraction) else Fraction(rate).limit_denominator(1001)
    if isinstance(sound, np.ndarray):
        sound, length = [sound], len(sound)
    if length is None:
        raise UsageError("a sound in blocks needs its length")
    calm = neutral(length)
    felt = calm if emotion is None else emotion
    if felt.shape != calm.shape:
        raise UsageError(f"emotion has shape {felt.shape}; this sound wants {calm.shape}")
    net = net or open_head_net()
    drawn = draw_channels(net, sound, felt, seed=seed)
    turns, face = _in_units(net, drawn, felt, seed)
    count = ceil(Fraction(length, 16_000) * fps)
    return HeadTrack(
        fps,
        (strength * _resampled(turns, fps, count)).astype(np.float32),
        np.clip(strength * _resampled(curves_of(face), fps, count), 0, 1).astype(np.float32),
    )


def neutral(length: int) -> Array:
    """No feeling for the frames of a sound of ``length`` samples: ``(T25, 8)``."""
    return np.zeros((-(-length // _SAMPLES), len(EMOTIONS)), np.float32)


def draw_channels(
    net: HeadMotionNet, sound: Iterable[Array], felt: NDArray[np.floating], *, seed: int
) -> Array:
    """What the network draws to blocks of sound: ``(T25, C)`` in units of each channel's spread.

    Args:
        felt: ``(T25, 8)`` emotion per 40 ms.
    """
    if not len(felt):
        return np.zeros((0, len(net.config.channels)), np.float32)
    drawn = np.concatenate(list(_windows(net, sound, felt.astype(np.float32), seed)))
    # The tracked motion went through the same filter; what is quicker is left-over noise.
    return gaussian_filter1d(drawn, JITTER, axis=0, mode="nearest")


def _windows(net: HeadMotionNet, sound: Iterable[Array], felt: Array, seed: int) -> Iterator[Array]:
    """Motion ``(n, C)`` in units of its spread, piece after piece."""
    config = net.config
    frames, count = len(felt), len(config.channels)
    past = np.zeros((0, count), np.float32)
    fading = np.zeros((0, count), np.float32)
    voice = _Voice(sound)
    done = 0
    while done < frames:
        start = done - len(past)
        drawn = _draw(net, voice(start, config.window), felt, start, past, seed)[len(past) :]
        share = np.linspace(0, 1, len(fading) + 2, dtype=np.float32)[1:-1, None]
        drawn[: len(fading)] = (1 - share) * fading + share * drawn[: len(fading)]
        # The first window has no past and gives so much more.
        take = min(config.window - len(past) - _OVERLAP, frames - done)
        fading = drawn[take : take + _OVERLAP]
        past = np.concatenate([past, drawn[:take]])[-config.context :]
        done += take
        yield drawn[:take]


def _draw(
    net: HeadMotionNet, audio: Array, felt: Array, start: int, past: Array, seed: int
) -> Array:
    """One window ``(window, C)`` from frame ``start``, whose first frames are ``past``."""
    config = net.config
    size, count = config.window, len(config.channels)
    noise = white(seed, "head", start * count, size * count).reshape(1, size, count)
    known = np.zeros((1, size, count), np.float32)
    given = np.zeros((1, size, 1), np.float32)
    known[0, : len(past)], given[0, : len(past)] = past, 1
    # Beyond the end feelings stay as they are.
    here = felt[np.minimum(np.arange(start, start + size), len(felt) - 1)]
    fixed = [torch.from_numpy(a) for a in (audio[None], known, given)]
    feeling = feelings(torch.from_numpy(here))[None]
    x = torch.from_numpy(noise.astype(np.float32))

    def velocity(x: torch.Tensor, time: float) -> torch.Tensor:
        return net(x, torch.full((1,), time), fixed[0], feeling, fixed[1], fixed[2])

    with torch.inference_mode():
        for k in range(_STEPS):
            half = x + 0.5 / _STEPS * velocity(x, k / _STEPS)
            x = x + velocity(half, (k + 0.5) / _STEPS) / _STEPS
    out = x[0].numpy().copy()
    out[: len(past)] = past
    return out


class _Voice:
    """Features of the sound, made as windows move on; what is behind them is forgotten."""

    def __init__(self, sound: Iterable[Array]) -> None:
        self._blocks = iter(sound)
        self._waiting = np.zeros(0, np.float32)
        self._stream = LogMel().stream()
        self._heard = 0
        self._first, self._features = 0, np.zeros((0, LogMel.dim), np.float32)

    def __call__(self, start: int, frames: int) -> Array:
        """Features ``(2 frames, F)`` from motion frame ``start`` on; silence beyond the end."""
        self._features = self._features[2 * start - self._first :]
        self._first = 2 * start
        want = (start + frames) * _SAMPLES + 2 * FRAME
        new = self._next(want - self._heard)
        self._heard += len(new)
        self._features = np.concatenate([self._features, self._stream.push(new)])
        return self._features[: 2 * frames]

    def _next(self, count: int) -> Array:
        """The next ``(count,)`` samples, zeros after the last."""
        while len(self._waiting) < count and (block := next(self._blocks, None)) is not None:
            self._waiting = np.concatenate([self._waiting, block])
        new, self._waiting = self._waiting[:count], self._waiting[count:]
        return np.pad(new, (0, count - len(new)))


def _in_units(
    net: HeadMotionNet, drawn: Array, felt: NDArray[np.floating], seed: int
) -> tuple[NDArray[np.float64], Array]:
    """Turns ``(T, 3)`` in radians, posture included, and the face channels."""
    from facegen.emotion.prototypes import factor

    axes = len(ROTATIONS)
    assert net.config.channels[:axes] == ROTATIONS
    times = np.arange(len(drawn)) / RATE
    slow = [wander(times, seed, f"head posture {k}", _POSTURE_SECONDS) for k in range(axes)]
    posture = _POSTURE * np.stack(slow, 1) * factor("head", felt)[:, None]
    turns = np.radians(drawn[:, :axes] * _LIVELY + posture)
    return turns, drawn[:, axes:] * net.scale[axes:].numpy()


def _resampled(values: NDArray[np.floating], fps: Fraction, count: int) -> NDArray[np.float64]:
    """Frames at 25 Hz, each the middle of its time, at the times ``k / fps``."""
    if not count:
        return np.zeros((0, values.shape[1]))
    middles = (np.arange(len(values)) + 0.5) / RATE
    times = np.clip(np.arange(count) / float(fps), middles[0], middles[-1])
    if len(values) < 2:
        return np.repeat(values.astype(np.float64), count, 0)
    return CubicSpline(middles, values, axis=0)(times)
