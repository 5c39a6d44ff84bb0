"""Methods that need no network: ground truth, copy, best 2-D similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facegen.evaluation.footage import Footage, Points, Shot
from facegen.evaluation.geometry import similarity
from facegen.evaluation.metric import Image
from facegen.evaluation.roles import Origin


@dataclass(frozen=True, eq=False)
class Driving:
    """A moment as a method sees it.

    Attributes:
        shot: the pictures. points: landmarks ``(478, 2)`` in the driving frame's pixels, or None.
    """

    shot: Shot
    points: Points | None

    @property
    def index(self) -> int:
        """Frame number in the driving video."""
        return self.shot.index


class Playback(Protocol):
    """A method at work on one clip."""

    def __call__(self, frame: Driving) -> Image | None:
        """The method's frame for a driving frame, asked in order; None where it has none."""
        ...


class Method(Protocol):
    """Something that makes frames from a reference picture and a driving clip.

    Frames have the reference picture's size, or are counted as of another size and scaled.
    """

    origin: Origin

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        """Start a clip; ``footage.indices`` will be asked for. Also: problems to report."""
        ...


class GroundTruth:
    """The true frame: the best any method can do."""

    origin = Origin("truth")

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        return (lambda frame: frame.shot.truth), []


class Copy:
    """The reference picture, unmoved: the least any method must beat."""

    origin = Origin("copy")

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        return (lambda frame: footage.reference.image), []


class Similarity2d:
    """The reference picture under the best shift, turn and scale (least squares of 468 landmarks).

    The fair baseline for the face: what is gained over it is more than following the head.
    """

    origin = Origin("similarity")

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        import cv2

        reference = footage.reference
        size = (reference.image.shape[1], reference.image.shape[0])
        # Another person's face stands elsewhere: its first place is carried to the photo's.
        place: Points | None = np.eye(2, 3) if footage.has_truth else None

        def play(frame: Driving) -> Image | None:
            nonlocal place
            if frame.points is None:
                return None
            if place is None:
                place, _ = similarity(frame.points[:468], reference.points[:468])
            target = frame.points[:468] @ place[:, :2].T + place[:, 2]
            matrix, _ = similarity(reference.points[:468], target)
            # OpenCV puts pixel centres at integers.
            matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5
            moved = cv2.warpAffine(
                reference.image,
                matrix,
                size,
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REPLICATE,
            )
            return np.asarray(moved, np.uint8)

        return play, []
