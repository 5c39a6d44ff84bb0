"""What every audio encoder gives: features at 50 Hz."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FRAME = 320
"""Samples per feature frame: 20 ms at 16 kHz, the stride of wav2vec 2.0."""


class FeatureStream(Protocol):
    """Sound in pieces of any size in, features out."""

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features ``(t, dim)`` that ``(n,)`` more samples complete; t may be 0."""
        ...

    def finish(self) -> NDArray[np.float32]:
        """The last frames; silence follows the end."""
        ...


class AudioEncoder(Protocol):
    """Turns 16 kHz sound into features.

    Attributes:
        name: tells encoders apart in a checkpoint. rate: frames per second. dim: width.
    """

    name: str
    rate: int
    dim: int

    def stream(self) -> FeatureStream:
        """Features of sound that arrives piece by piece, equal to those of the whole."""
        ...

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a whole recording.

        Args:
            samples: ``(N,)`` in -1..1, 16 kHz.

        Returns:
            ``(T, dim)`` with ``T = ceil(N / 320)``; frame t covers samples 320 t to 320 (t + 1).
        """
        ...


def frame_count(samples: int) -> int:
    """Feature frames of a recording: the last one may be begun only."""
    return -(-samples // FRAME)
