"""Head rotation and ten expression coefficients: 3DDFA V2 (Guo et al. 2020), MobileNet x 0.5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.crops import crop
from facegen.evaluation.expression import Estimate, nearest_rotation
from facegen.evaluation.geometry import landmarks68
from facegen.evaluation.judges.onnx import OnnxNet
from facegen.evaluation.metric import Face, Image
from facegen.evaluation.roles import Component
from facegen.media import file_sha256

FILE = "pose3dmm_3ddfav2_mb05_120.onnx"
SIDE = 120
_POSE, _SHAPE, _EXPRESSION = 12, 40, 10


def landmark_square(face: Face, side: int) -> NDArray[np.float64]:
    """``(2, 3)`` to the square the network expects: the middle of the 68 landmarks' box, its
    longer side times the root of two (the authors' own rule for landmarks)."""
    points = landmarks68(face)
    low, high = points.min(0), points.max(0)
    scale = side / max(float(np.sqrt(2) * (high - low).max()), 1e-6)
    shift = side / 2 - scale * (low + high) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


class Tddfa:
    """Input: BGR, (x - 127.5) / 128, 120 x 120, ``landmark_square``.

    Output: a scaled 3 x 4 camera, 40 shape and 10 expression coefficients (Basel face model; the
    basis is not needed here). On 16 images of AFLW2000-3D the mean errors are 4 degrees of yaw, 8
    of pitch, 9 of roll, one failure included.
    """

    def __init__(self, path: Path) -> None:
        self.component = Component("3ddfa_v2", file_sha256(path), ("300W-LP",))
        self._net = OnnxNet(path, (1, 3, SIDE, SIDE), (1, _POSE + _SHAPE + _EXPRESSION))

    def __call__(self, image: Image, face: Face) -> Estimate:
        """Expression ``(10,)`` and rotation of a crop and its landmarks."""
        patch = crop(image, landmark_square(face, SIDE), SIDE)
        bgr = patch[..., ::-1].transpose(2, 0, 1).astype(np.float32)
        found = self._net((bgr - 127.5) / 128)
        return Estimate(found[-_EXPRESSION:], camera_rotation(found[:_POSE].reshape(3, 4)))


def camera_rotation(camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation ``(3, 3)`` of a scaled orthographic camera ``(3, 4)``: its first two rows decide."""
    first, second = (row / max(float(np.linalg.norm(row)), 1e-12) for row in camera[:2, :3])
    return nearest_rotation(np.stack([first, second, np.cross(first, second)]))
