"""What the invisible mark says: the task that made the picture, and a tag to find the job by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError

FORMAT = 1
KINDS = ("reenact", "talk", "synth", "edit")
SYMBOLS = 4  # bytes
# Odd factors: two payloads that differ in one byte differ in the check byte too.
_CHECK = (167, 59, 101)


@dataclass(frozen=True)
class Payload:
    """Content of a mark.

    Attributes:
        kind: the task that made the picture, one of ``KINDS``.
        tag: 0..65535, the same for all pictures of one job.
    """

    kind: str
    tag: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not 0 <= self.tag < 1 << 16:
            raise UsageError(f"watermark {self.kind}/{self.tag}: choose from {', '.join(KINDS)}")

    @classmethod
    def of_job(cls, kind: str, *facts: bytes) -> Payload:
        """The tag of a job from whatever identifies it."""
        digest = hashlib.sha256(b"\0".join(facts)).digest()
        return cls(kind, int.from_bytes(digest[:2], "big"))

    def to_bytes(self) -> bytes:
        """``SYMBOLS`` bytes: format and kind, tag (2), check."""
        body = bytes([FORMAT << 4 | KINDS.index(self.kind)]) + self.tag.to_bytes(2, "big")
        check = sum(factor * byte for factor, byte in zip(_CHECK, body, strict=True))
        return body + bytes([check & 0xFF])

    @classmethod
    def likest(cls, likeness: NDArray[np.float64]) -> tuple[Payload, float]:
        """Of all payloads the one whose bytes have the largest sum: maximum-likelihood decoding.

        Args:
            likeness: ``(SYMBOLS, 256)``, of every value of every byte.

        Returns:
            The payload and its sum.
        """
        heads = FORMAT << 4 | np.arange(len(KINDS))[:, None, None]
        high, low = np.arange(256)[:, None], np.arange(256)
        check = (heads * _CHECK[0] + high * _CHECK[1] + low * _CHECK[2]) & 0xFF
        total = likeness[0][heads] + likeness[1][high] + likeness[2][low] + likeness[3][check]
        kind, *tag = np.unravel_index(int(total.argmax()), total.shape)
        return cls(KINDS[kind], int(tag[0]) << 8 | int(tag[1])), float(total.max())

    def __str__(self) -> str:
        return f"{self.kind} {self.tag:04x}"
