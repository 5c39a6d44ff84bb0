"""Overlapping windows over a clip of any length.

A clip is denoised in windows that the motion modules can hold. At every step the predictions of
neighbours are crossfaded where they overlap. Window ``k`` begins at frame ``k * stride`` of the
whole clip, wherever work begins, and the last one is as short as it comes: none wraps around.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from facegen.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Windows:
    """How a clip is cut.

    Attributes:
        length: frames of a window. overlap: frames that neighbours share, at most half.
    """

    length: int = 12
    overlap: int = 4

    def __post_init__(self) -> None:
        if self.length < 1 or not 0 <= self.overlap <= self.length // 2:
            raise UsageError(
                f"windows of {self.length} frames that share {self.overlap}: "
                "the overlap is at most half the window"
            )

    @property
    def stride(self) -> int:
        """Frames from one window's begin to the next."""
        return self.length - self.overlap

    def cut(self, items: Iterable[T]) -> Iterator[tuple[list[T], bool]]:
        """Windows of a stream, and whether it is the last one; a window and an item are held."""
        stream = iter(items)
        window = list(islice(stream, self.length))
        while window:
            ahead = list(islice(stream, 1))
            yield window, not ahead
            if not ahead:
                return
            window = window[self.stride :] + ahead
            window += islice(stream, self.stride - 1)

    def crossfade(self, before: Tensor, after: Tensor) -> Tensor:
        """What two windows ``(overlap, ...)`` say about the frames they share."""
        weight = torch.arange(1, len(after) + 1, device=after.device) / (len(after) + 1)
        weight = weight.to(after.dtype).view(-1, *[1] * (after.ndim - 1))
        return torch.lerp(before, after, weight)


def wrapping_windows(frames: int, length: int, overlap: int) -> list[list[int]]:
    """The published programs' windows: the last ones go on at the clip's first frames.

    AnimateDiff's "uniform" contexts with stride 1 (its command-line front end made them popular).
    """
    if frames <= length:
        return [list(range(frames))]
    starts = range(0, frames, length - overlap)
    return [[(start + i) % frames for i in range(length)] for start in starts]
