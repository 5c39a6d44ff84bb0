"""A painted face and everything that is known about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import LOOK, to_head
from facegen.compose.frame import head_frame
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.synthesis.samples import Sample, View

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of S by S pixels, before the camera spoils it.

    Attributes:
        rgb: ``(S, S, 3)`` uint8. head: one frame with the picture's camera, exact.
        vertices: ``(V, 3)`` of it, camera space. curves: ``(52,)`` ARKit, what it shows.
        light: ``(9, 3)`` where it is known, else None.
    """

    rgb: NDArray[np.uint8]
    head: Motion
    vertices: NDArray[np.float32]
    curves: NDArray[np.floating]
    light: NDArray[np.float32] | None = None

    def landmarks(self, model: HeadModel, which: str) -> Array:
        """Landmarks ``(L, 2)`` where they truly are, pixels."""
        return landmarks(self.vertices, model, self.head.camera, which)


class Painter(Protocol):
    """Makes pictures of one person.

    Attributes:
        suits: how far the person suits each class, 0..1; 1 for those not named.
        portrait: the photo and its landmarks ``(478, 2)``, None for made people.
        facts: columns of all its samples: generator, weights.
    """

    suits: dict[str, float]
    facts: dict[str, Any]

    @property
    def portrait(self) -> tuple[NDArray[np.uint8], Array] | None:
        """See above."""

    def paint(self, sample: Sample) -> Shot:
        """One still.

        Raises:
            FacegenError: it cannot be made.
        """

    def still_head(self, sample: Sample) -> Motion:
        """The head of a clip's sample with its turn and gaze, face at rest: one frame."""

    def lens(self, motion: Motion, sample: Sample) -> Camera:
        """Camera of a clip's pictures, which follow its first frame's place."""

    def film(self, motion: Motion, sample: Sample) -> Iterator[NDArray[np.uint8]]:
        """Frames ``(S, S, 3)`` of a clip.

        Args:
            motion: of :meth:`still_head`, moved.
        """


def felt_head(rest: Motion, head: HeadModel, curves: NDArray[np.floating], view: View) -> Motion:
    """A person's resting head with other curves, turn and gaze: one frame.

    Args:
        rest: one frame. curves: ``(52,)``.
    """
    face = to_head(np.asarray(curves, np.float32)[None], head)
    eyes = np.clip(np.append(view.gaze, 0), -LOOK, LOOK)
    return replace(
        rest,
        expression=face.expression,
        jaw_pose=face.jaw_pose,
        leye_pose=(face.leye_pose + eyes).astype(np.float32),
        reye_pose=(face.reye_pose + eyes).astype(np.float32),
        neck_pose=(rest.neck_pose + view.turn).astype(np.float32),
    )


@dataclass(frozen=True)
class Square:
    """A square of a picture: ``x0, y0`` its corner and ``side`` in that picture's pixels."""

    x0: float
    y0: float
    side: float

    def crop(self, rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """``(size, size, 3)``; edges repeat outside the picture."""
        import cv2

        scale = size / self.side
        shrink = max(1, int(np.ceil(1 / scale)))
        fine = scale * shrink
        corner = -fine * np.array([self.x0, self.y0]) + fine / 2 - 0.5
        matrix = np.array([[fine, 0, corner[0]], [0, fine, corner[1]]])
        way = cv2.INTER_CUBIC if fine > 1 else cv2.INTER_LINEAR
        shape = (size * shrink, size * shrink)
        big = cv2.warpAffine(rgb, matrix, shape, flags=way, borderMode=cv2.BORDER_REPLICATE)
        if shrink == 1:
            return np.asarray(big, np.uint8)
        return np.asarray(cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA), np.uint8)

    def camera(self, lens: Camera, size: int) -> Camera:
        """The camera of the cropped picture."""
        return lens.cropped(self.x0, self.y0, size / self.side, size, size)


def face_square(vertices: NDArray, head: HeadModel, lens: Camera, view: View) -> Square:
    """Where the picture is cut: ``view.frame`` inter-ocular distances about the face."""
    points = landmarks(vertices, head, lens, "mediapipe478")[:468]
    frame = head_frame(head)
    scale = lens.focal / float(-vertices[frame.skull, 2].mean())
    side = view.frame * frame.iod * (scale if lens.kind == "perspective" else lens.focal)
    middle = (points.min(0) + points.max(0)) / 2 - (0, 0.06 * side) + view.shift * side
    return Square(float(middle[0] - side / 2), float(middle[1] - side / 2), float(side))


def landmarks(vertices: NDArray, head: HeadModel, lens: Camera, which: str) -> Array:
    """Landmarks ``(L, 2)`` of a posed head in pixels."""
    points = head.landmarks[which].on(vertices, head.faces)
    return np.asarray(lens.project(points)[:, :2], np.float64)
