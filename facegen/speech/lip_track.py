"""What a mouth does while somebody speaks: the ``LipTrack`` contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError

RATE = 50  # frames per second of everything that is predicted from sound
ARRAYS = ("curves", "closure", "bilabial", "speech")


@dataclass(frozen=True, eq=False)
class LipTrack:
    """Mouth curves and what the speaker is doing, at ``rate`` frames per second.

    Frame ``t`` stands for the sound between ``t / rate`` and ``(t + 1) / rate`` seconds.

    Attributes:
        names: K ARKit mouth and jaw names.
        curves: ``(T, K)`` float32 in 0..1, zero is the mouth at rest with its lips together.
        closure: ``(T,)`` probability of a bilabial or labiodental sound (p b m, f v).
        bilabial: ``(T,)`` of a bilabial sound against any other: from 0.5 on the lips touch.
        speech: ``(T,)`` probability that somebody speaks.
        rate: frames per second.
    """

    names: tuple[str, ...]
    curves: NDArray[np.float32]
    closure: NDArray[np.float32]
    bilabial: NDArray[np.float32]
    speech: NDArray[np.float32]
    rate: Fraction = Fraction(RATE)

    def __post_init__(self) -> None:
        if self.curves.shape != (len(self.curves), len(self.names)):
            raise UsageError(f"lip track: {self.curves.shape} curves, {len(self.names)} names")
        for name in ARRAYS[1:]:
            if getattr(self, name).shape != (len(self.curves),):
                raise UsageError(f"lip track: {name} does not have {len(self.curves)} frames")

    def __len__(self) -> int:
        return len(self.curves)

    def __getitem__(self, frames: slice) -> LipTrack:
        """A run of frames as a track of its own."""
        return replace(self, **{name: getattr(self, name)[frames] for name in ARRAYS})

    def column(self, name: str) -> NDArray[np.float32]:
        """One curve ``(T,)``; zeros where the track has none of this name."""
        if name not in self.names:
            return np.zeros(len(self), np.float32)
        return self.curves[:, self.names.index(name)]

    def resampled(self, fps: Fraction, frames: int | None = None) -> LipTrack:
        """The track at another frame rate.

        A slower rate averages over its frame, yet keeps the surest closure inside it: a stop
        consonant shorter than a video frame must not fall between two frames.

        Args:
            fps: frames per second wanted. frames: how many; by default as long as the track.
        """
        count = frames if frames is not None else ceil(len(self) * fps / self.rate)
        if not len(self):
            return replace(self, rate=fps)
        middles = (np.arange(count) + 0.5) * float(self.rate / fps) - 0.5
        reach = max(0.5, float(self.rate / fps) / 2)
        curves = _averaged(self.curves, middles, reach)
        return LipTrack(
            self.names,
            curves,
            closure=_highest(self.closure, middles, reach),
            bilabial=_highest(self.bilabial, middles, reach),
            speech=_averaged(self.speech[:, None], middles, reach)[:, 0],
            rate=fps,
        )


def _averaged(
    values: NDArray[np.float32], middles: NDArray[np.float64], reach: float
) -> NDArray[np.float32]:
    """Triangle-weighted means of rows around ``middles``; linear interpolation at reach 0.5."""
    width = max(1.0, reach)
    last = len(values) - 1
    first = np.floor(middles - width).astype(int) + 1
    total = np.zeros((len(middles), values.shape[1]))
    weight = np.zeros((len(middles), 1))
    for k in range(int(np.ceil(2 * width))):
        share = np.maximum(1 - np.abs(first + k - middles) / width, 0)[:, None]
        total += share * values[np.clip(first + k, 0, last)]
        weight += share
    return (total / weight).astype(np.float32)


def _highest(
    values: NDArray[np.float32], middles: NDArray[np.float64], reach: float
) -> NDArray[np.float32]:
    """Largest value within ``reach`` of each of ``middles``, interpolated in between."""
    x = np.arange(len(values))
    offsets = np.linspace(-reach, reach, 5)
    sampled = [np.interp(middles + offset, x, values) for offset in offsets]
    return np.max(sampled, axis=0).astype(np.float32)
