"""The head window: a square crop of the photo in which the head moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.flame.camera import Camera

# Window side in units of the face's larger landmark extent: room for hair, collar and turning.
SIDE_PER_FACE = 2.6
# The window's centre stands this much of the face extent above the face's centre: hair is tall.
LIFT_PER_FACE = 0.06


@dataclass(frozen=True)
class HeadWindow:
    """A square of the photo, resampled to ``size`` by ``size`` pixels.

    Attributes:
        x0, y0: top-left corner in photo pixels; may lie outside the photo.
        side: of the square, photo pixels. size: of the window, pixels.
    """

    x0: int
    y0: int
    side: int
    size: int

    @classmethod
    def around(
        cls, points: NDArray[np.floating], photo_shape: tuple[int, ...], size: int
    ) -> HeadWindow:
        """Window about a face, inside the photo where the photo is large enough.

        Args:
            points: ``(N, 2)`` face landmarks, photo pixels.
            photo_shape: height and width of the photo. size: pixels.
        """
        height, width = photo_shape[:2]
        low, high = points.min(0), points.max(0)
        extent = float((high - low).max())
        side = int(round(min(SIDE_PER_FACE * extent, max(height, width))))
        centre = (low + high) / 2 - (0, LIFT_PER_FACE * extent)

        def corner(middle: float, length: int) -> int:
            if side >= length:
                return (length - side) // 2
            return int(np.clip(round(middle - side / 2), 0, length - side))

        return cls(corner(centre[0], width), corner(centre[1], height), side, size)

    @property
    def scale(self) -> float:
        """Window pixels per photo pixel."""
        return self.size / self.side

    def camera(self, photo_camera: Camera) -> Camera:
        """Camera of the window, given the photo's."""
        return photo_camera.cropped(self.x0, self.y0, self.scale, self.size, self.size)

    def patch(self, photo_shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns of the photo that the window covers."""
        height, width = photo_shape[:2]
        rows = slice(max(self.y0, 0), min(self.y0 + self.side, height))
        return rows, slice(max(self.x0, 0), min(self.x0 + self.side, width))

    def crop(self, image: NDArray) -> NDArray:
        """The window's pixels of a photo-sized image; edges repeat outside the photo."""
        rows, cols = self.patch(image.shape[:2])
        end = self.side
        top, left = rows.start - self.y0, cols.start - self.x0
        bottom, right = end - (rows.stop - self.y0), end - (cols.stop - self.x0)
        square = cv2.copyMakeBorder(
            image[rows, cols], top, bottom, left, right, cv2.BORDER_REPLICATE
        )
        if self.side == self.size:
            return square
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(square, (self.size, self.size), interpolation=how)
