"""Methods that need no network: ground truth, copy, best 2-D similarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import similarity
from facegen.evaluation.metric import Image
from facegen.evaluation.protocol import Task
from facegen.evaluation.roles import Origin

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Driving:
    """A true frame as a method sees it: ``image (H, W, 3)`` uint8, landmarks ``(478, 2)`` in its
    pixels or None, frame number."""

    index: int
    image: Image
    points: Points | None


class Playback(Protocol):
    """A method at work on one clip."""

    def __call__(self, frame: Driving) -> Image | None:
        """The method's frame for a driving frame, asked in order; None where it has none."""
        ...


class Method(Protocol):
    """Something that makes frames from a reference picture and a driving clip."""

    origin: Origin

    def open(
        self, task: Task, reference: Driving, indices: Sequence[int]
    ) -> tuple[Playback, list[str]]:
        """Start a clip; the frames that will be asked for are known. Also: problems to report."""
        ...


class GroundTruth:
    """The true frame: the best any method can do."""

    origin = Origin("truth")

    def open(
        self, task: Task, reference: Driving, indices: Sequence[int]
    ) -> tuple[Playback, list[str]]:
        return (lambda frame: frame.image), []


class Copy:
    """The reference picture, unmoved: the least any method must beat."""

    origin = Origin("copy")

    def open(
        self, task: Task, reference: Driving, indices: Sequence[int]
    ) -> tuple[Playback, list[str]]:
        return (lambda frame: reference.image), []


class Similarity2d:
    """The reference picture under the best shift, turn and scale (least squares of 468 landmarks).

    The fair baseline for the face: what is gained over it is more than following the head.
    """

    origin = Origin("similarity")

    def open(
        self, task: Task, reference: Driving, indices: Sequence[int]
    ) -> tuple[Playback, list[str]]:
        import cv2

        def play(frame: Driving) -> Image | None:
            if reference.points is None or frame.points is None:
                return None
            matrix, _ = similarity(reference.points[:468], frame.points[:468])
            # OpenCV puts pixel centres at integers.
            matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5
            size = (frame.image.shape[1], frame.image.shape[0])
            moved = cv2.warpAffine(
                reference.image,
                matrix,
                size,
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REPLICATE,
            )
            return np.asarray(moved, np.uint8)

        return play, []
