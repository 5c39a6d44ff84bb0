"""Made-up faces for the recognizer's tests."""

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import EYE_CORNERS


def mesh(centre: tuple[float, float], size: float, roll: float = 0.0) -> NDArray[np.float32]:
    """478 landmarks in a square of ``size`` pixels around a centre, eyes where eyes are."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (478, 3))
    points[0], points[1], points[2], points[3] = (
        (-0.5, 0, 0), (0.5, 0, 0), (0, -0.5, 0), (0, 0.5, 0),
    )  # fmt: skip
    for corners, x in zip(EYE_CORNERS, (-0.2, 0.2), strict=True):
        points[list(corners)] = (x, -0.15, 0)
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    points[:, :2] = points[:, :2] @ turn * size + centre
    return points.astype(np.float32)
