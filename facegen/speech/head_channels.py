"""What the head network moves: three turns of the head and what speech leaves free in the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from facegen.arkit import ARKIT, columns
from facegen.data.speech.cache import SpeechSet, Window

Array = NDArray[np.float32]

RATE = 25
ROTATIONS = ("pitch", "yaw", "roll")
PAIRS = (
    "browDown", "browInnerUp", "browOuterUp", "cheekSquint", "eyeSquint", "eyeWide", "noseSneer",
)  # fmt: skip
CHANNELS = ROTATIONS + PAIRS
CURVES = tuple(ARKIT[i] for name in PAIRS for i in columns(name))
"""ARKit names that are driven; both sides of a pair get the same."""

# A mirrored head turns and tilts the other way.
_MIRROR = np.array([1, -1, -1] + [1] * len(PAIRS), np.float32)
# Frames at 25 Hz: the tracker's jitter is quicker than heads are, blinks shorter than brows move.
JITTER, _BLINK = 1.5, 7
_REST = 20  # percentile of a curve that counts as its rest


def channels_of(window: Window) -> Array:
    """Tracked motion of an utterance at 25 Hz: ``(T, 10)``, turns in radians from their mean,
    curves from their rest."""
    rotation = _halved(window.rotation)
    curves = _halved(window.curves)
    face = np.stack([curves[:, columns(name)].mean(1) for name in PAIRS], 1)
    face = median_filter(face, (_BLINK, 1), mode="nearest")
    face = face - np.percentile(face, _REST, axis=0)
    joined = np.concatenate([rotation - rotation.mean(0), face], 1)
    return gaussian_filter1d(joined, JITTER, axis=0, mode="nearest").astype(np.float32)


def mirrored(channels: Array) -> Array:
    """The same motion in a mirror."""
    return channels * _MIRROR


def curves_of(channels: Array) -> Array:
    """``CURVES`` ``(T, 13)`` in 0..1 of the pair channels ``(T, 7)``."""
    widths = [len(columns(name)) for name in PAIRS]
    return np.clip(np.repeat(channels, widths, axis=1), 0, 1)


@dataclass(frozen=True, eq=False)
class Clip:
    """A stretch of one speaker: ``samples`` at 16 kHz and ``channels (T, 10)`` at 25 Hz."""

    samples: Array
    channels: Array


def read_clips(cache: SpeechSet, split: str) -> list[Clip]:
    """Tracked utterances of a split whose face is seen nearly throughout."""
    out = []
    for item in cache.select(split=split):
        if not item.has_face:
            continue
        window = cache.window(item, 0, item.frames - item.frames % 2)
        if window.face.mean() > 0.95:
            out.append(Clip(window.samples, channels_of(window)))
    return out


def splice(clips: list[Clip]) -> Clip:
    """Clips one after the other; the jump at a joint is spread over both sides.

    The corpus is cut into sentences that begin and end in silence, so the joints are pauses.
    """
    parts = [clip.channels.copy() for clip in clips]
    for before, after in zip(parts, parts[1:], strict=False):
        half = (after[0] - before[-1]) / 2
        before += half * _fade(len(before))[::-1]
        after -= half * _fade(len(after))
    return Clip(np.concatenate([clip.samples for clip in clips]), np.concatenate(parts))


def _fade(frames: int) -> Array:
    """``(frames, 1)``: falls from 1 with a quarter of a second."""
    return np.exp(-np.arange(frames, dtype=np.float32) / (RATE / 4))[:, None]


def _halved(values: Array) -> Array:
    """50 Hz to 25 Hz: the mean of two frames is the middle of their time."""
    return values.reshape(-1, 2, values.shape[1]).mean(1)
