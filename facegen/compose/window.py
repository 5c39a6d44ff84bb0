"""The head window: a square crop of the photo in which the head moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import HeadFrame, rigid_rotation
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel

# Window side in units of the face's larger landmark extent: room for hair, collar and turning.
SIDE_PER_FACE = 2.6
# The window's centre stands this much of the face extent above the face's centre: hair is tall.
LIFT_PER_FACE = 0.06
# Nothing is painted at a window's edge; full paint from this share of it inwards.
_FADE = 0.06
# A window that follows the head holds hair, neck and collar; in inter-ocular distances.
FOLLOW_SIDE = 5.2
# Its centre stands in the middle of the head, a little under the eyes (``HeadFrame.local``).
FOLLOW_CENTRE = (0.0, -0.25, -1.2)


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

    @classmethod
    def following(
        cls,
        vertices: NDArray[np.floating],
        camera: Camera,
        model: HeadModel,
        frame: HeadFrame,
        size: int,
    ) -> HeadWindow:
        """Window that travels with a head: a function of its pose and distance alone.

        Expression and turning do not change it, and neither does any other frame.

        Args:
            vertices: ``(V, 3)`` posed head, camera space. camera: of the photo.
            frame: of ``model``. size: pixels.
        """
        rest, posed = model.v_template[frame.skull], vertices[frame.skull]
        rotation = rigid_rotation(rest, posed)
        middle = frame.eyes.mean(0) + frame.iod * np.array(FOLLOW_CENTRE) - rest.mean(0)
        point = camera.project(posed.mean(0) + rotation @ middle)
        scale = camera.focal / point[2] if camera.kind == "perspective" else camera.focal
        side = max(8, round(FOLLOW_SIDE * frame.iod * float(scale)))
        # A head that leaves the photo takes the window's middle no farther than its edge.
        x, y = np.clip(point[:2], 0, (camera.width - 1, camera.height - 1))
        return cls(round(x - side / 2), round(y - side / 2), side, size)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``(3, 3)`` affine map from photo pixels to window pixels."""
        s = self.scale
        return np.array([[s, 0, -s * self.x0], [0, s, -s * self.y0], [0, 0, 1.0]])

    @property
    def scale(self) -> float:
        """Window pixels per photo pixel."""
        return self.size / self.side

    def inside(self, width: int, height: int) -> NDArray[np.float32]:
        """``(S, S)``: 1 where the window lies on a photo of this size, 0 beyond its edges."""
        centre = (np.arange(self.size) + 0.5) / self.scale
        across = (centre + self.x0 >= 0) & (centre + self.x0 < width)
        down = (centre + self.y0 >= 0) & (centre + self.y0 < height)
        return (down[:, None] & across).astype(np.float32)

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


def edge_fade(size: int) -> NDArray[np.float32]:
    """``(S, S)``: 0 at a window's edge, 1 inside; what is painted shows no seam then."""
    ramp = np.clip((np.arange(size) + 0.5) / (_FADE * size), 0, 1).astype(np.float32)
    ramp = ramp * ramp * (3 - 2 * ramp)
    line = ramp * ramp[::-1]
    return np.minimum(line[:, None], line)
