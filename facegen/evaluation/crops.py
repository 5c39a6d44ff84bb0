"""One square crop for all methods: fixed through a clip, so that motion and jitter stay visible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Face, Image

SIDE = 256
MARGIN = 1.8


def crop_matrix(faces: Sequence[NDArray[np.floating]], side: int = SIDE) -> NDArray[np.float64]:
    """``(2, 3)`` from frame pixels to crop pixels, both with centres at half-integers.

    A square of 1.8 times the face around its median place; a single bad detection moves nothing.

    Args:
        faces: landmarks ``(478, 2+)`` in frame pixels, at least one.
    """
    boxes = np.array([(f[:468, :2].min(0), f[:468, :2].max(0)) for f in faces])
    low, high = np.percentile(boxes[:, 0], 25, axis=0), np.percentile(boxes[:, 1], 75, axis=0)
    middle, width = (low + high) / 2, MARGIN * float((high - low).max())
    scale = side / max(width, 1.0)
    shift = side / 2 - scale * middle
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def resized(matrix: NDArray[np.float64], expected: Image, actual: Image) -> NDArray[np.float64]:
    """The crop's matrix for frames of another size than the true ones."""
    ratio = np.array([expected.shape[1] / actual.shape[1], expected.shape[0] / actual.shape[0]])
    changed = matrix.copy()
    changed[:, :2] *= ratio
    return changed


def crop(frame: Image, matrix: NDArray[np.float64], side: int = SIDE) -> Image:
    """``(side, side, 3)`` uint8; shrunk with an area filter, edges replicated."""
    import cv2

    oversample = max(1, int(np.ceil(1 / np.hypot(*matrix[:, 0]))))
    fine = matrix * oversample
    # OpenCV puts pixel centres at integers.
    fine[:, 2] += fine[:, :2].sum(1) / 2 - 0.5
    size = (side * oversample, side * oversample)
    big = cv2.warpAffine(frame, fine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = big if oversample == 1 else cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def to_frame(face: Face, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Landmarks of a crop in frame pixels: ``(478, 2)``."""
    points: NDArray[np.float64] = (face.points[:, :2] - matrix[:, 2]) / np.diag(matrix[:, :2])
    return points
