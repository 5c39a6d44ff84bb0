"""One utterance of the speech cache: sound, phones, and the face that said it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.audio import FRAME, RATE, frame_count
from facegen.data.speech.geometry import GEOMETRY
from facegen.data.speech.phones import Segment, labels

FRAME_RATE = RATE // FRAME
"""Frames per second of every label; frame t is the middle of samples 320 t to 320 (t + 1)."""


@dataclass(frozen=True, eq=False)
class Face:
    """Tracked motion at 50 Hz, T frames.

    Attributes:
        curves: ``(T, 52)`` ARKit curves 0..1. geometry: ``(T, 8)``, see ``GEOMETRY``.
        rotation: ``(T, 3)`` head rotation, axis-angle radians. valid: ``(T,)`` bool.
    """

    curves: NDArray[np.float32]
    geometry: NDArray[np.float32]
    rotation: NDArray[np.float32]
    valid: NDArray[np.bool_]

    @classmethod
    def unseen(cls, frames: int) -> Face:
        """Zeros that are not valid."""

        def zeros(width: int) -> NDArray[np.float32]:
            return np.zeros((frames, width), np.float32)

        return cls(zeros(len(ARKIT)), zeros(len(GEOMETRY)), zeros(3), np.zeros(frames, np.bool_))


@dataclass(frozen=True, eq=False)
class Utterance:
    """Sound of N samples, T = ceil(N / 320) frames.

    Attributes:
        name: unique within its source. speaker: voice, person, or kind of sound.
        language: two letters, or "" where nobody speaks. text: what is said, where known.
        split: ``train``, ``val`` or ``test``.
        samples: ``(N,)`` float32 in -1..1, 16 kHz.
        segments: phones and their times; None where unknown.
        face: None where nobody is seen. sha256: of the file it came from, or "".
    """

    name: str
    speaker: str
    language: str
    text: str
    split: str
    samples: NDArray[np.float32]
    segments: list[Segment] | None
    face: Face | None = None
    sha256: str = ""
    frames: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", frame_count(len(self.samples)))

    def phones(self) -> NDArray[np.uint8]:
        """Class index of every frame ``(T,)``, 0 where unknown."""
        return labels(self.segments or [], self.frames, FRAME_RATE)


def split_of(name: str, *, val: float = 0.05) -> str:
    """``val`` for a fixed share of names, else ``train``: the same on every machine."""
    import hashlib

    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return "val" if number < val * 2**32 else "train"
