"""Rotation and mirroring that a file asks its player to apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from av import VideoFrame
from av.buffer import Buffer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """Quarter turns counter-clockwise after an optional left-right mirror."""

    turns: int = 0
    mirror: bool = False

    @property
    def degrees(self) -> int:
        """Counter-clockwise rotation, 0, 90, 180 or 270."""
        return 90 * self.turns

    @property
    def swaps(self) -> bool:
        """Width and height change places."""
        return self.turns % 2 == 1

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``(H, W, C)`` as shown; contiguous."""
        if self.mirror:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(np.rot90(picture, self.turns))


def orientation_of(frame: VideoFrame) -> Orientation:
    """Read a frame's display matrix (ISO 14496-12: 3x3, 16.16 fixed point, row vectors).

    Angles between quarter turns are rounded to the nearest one.
    """
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(cast(Buffer, side)), np.int32)[:5] / 65536.0
    if a * d - b * c == 0:
        return Orientation()
    mirror = a * d - b * c < 0
    # The mirror acts before the turn: it changes the sign of the matrix's first row.
    angle = np.degrees(np.arctan2(-b if not mirror else b, a if not mirror else -a))
    return Orientation(int(round(angle / 90)) % 4, bool(mirror))
