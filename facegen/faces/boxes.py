"""Boxes around faces and the choice of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from facegen.errors import FaceNotFoundError, UsageError

# ``largest``, a position counted from the left (0 first), or a pixel ``(x, y)`` on the face.
FaceChoice = Literal["largest"] | int | tuple[float, float]


@dataclass(frozen=True)
class FaceBox:
    """A detected face: centre and side of a square in pixels, detector's score 0..1."""

    x: float
    y: float
    size: float
    score: float

    def overlap(self, other: FaceBox) -> float:
        """Shared area over the smaller one's, 0..1."""
        reach = (self.size + other.size) / 2
        smaller = min(self.size, other.size)
        wide = min(reach - abs(self.x - other.x), smaller)
        high = min(reach - abs(self.y - other.y), smaller)
        return max(wide, 0.0) * max(high, 0.0) / smaller**2


def distinct(boxes: Sequence[FaceBox], limit: float = 0.5) -> list[FaceBox]:
    """Greedy non-maximum suppression, best score first, returned from left to right."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda b: -b.score):
        if all(box.overlap(other) < limit for other in kept):
            kept.append(box)
    return sorted(kept, key=lambda b: b.x)


def choose_face(boxes: Sequence[FaceBox], choice: FaceChoice = "largest") -> FaceBox:
    """One of several faces, given from left to right.

    Raises:
        FaceNotFoundError: no faces, no such position, or none near the pixel.
        UsageError: not a choice.
    """
    if not boxes:
        raise FaceNotFoundError("no face found")
    if choice == "largest":
        return max(boxes, key=lambda b: b.size)
    if isinstance(choice, int):
        if not 0 <= choice < len(boxes):
            raise FaceNotFoundError(
                f"there is no face {choice}: {len(boxes)} found, counted from the left from 0"
            )
        return boxes[choice]
    if isinstance(choice, tuple) and len(choice) == 2:
        x, y = choice
        best = min(boxes, key=lambda b: (b.x - x) ** 2 + (b.y - y) ** 2)
        if max(abs(best.x - x), abs(best.y - y)) > best.size:
            raise FaceNotFoundError(
                f"no face at ({x:g}, {y:g}); the nearest is at ({best.x:.0f}, {best.y:.0f})"
            )
        return best
    raise UsageError(f"{choice!r} is not a face: give largest, a number from 0, or x,y in pixels")


def parse_face_choice(text: str) -> FaceChoice:
    """Read ``largest``, ``2`` or ``120,80``.

    Raises:
        UsageError: none of them.
    """
    if text == "largest":
        return "largest"
    try:
        numbers = [float(part) for part in text.split(",")]
        if not all(0 <= number < inf for number in numbers):
            raise ValueError("outside every picture")
        if len(numbers) == 1:
            return int(text)
        x, y = numbers
    except ValueError:
        raise UsageError(
            f"{text!r} is not a face: give largest, a number from 0, or x,y in pixels"
        ) from None
    return (x, y)
