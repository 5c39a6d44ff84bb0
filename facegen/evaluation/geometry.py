"""Measures of a face read off its landmarks: opening, lids, gaze, the 68-point set."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Face

INNER_LIP_TOP, INNER_LIP_BOTTOM = 13, 14
MOUTH_CORNERS = (61, 291)
RIGHT_LIDS, LEFT_LIDS = (159, 145), (386, 374)
RIGHT_IRIS_CENTRE, LEFT_IRIS_CENTRE = 468, 473
# Nearest MediaPipe landmarks of the iBUG 68: contour, brows, nose, eyes, outer and inner lips.
IBUG68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
# Corners of the subject's right and left eye, image left to right.
EYE_CORNERS = ((33, 133), (362, 263))
_LIDS = (RIGHT_LIDS, LEFT_LIDS)
_IRISES = (RIGHT_IRIS_CENTRE, LEFT_IRIS_CENTRE)
# Width of the eye opening over the radius of the eyeball, adults (about 30 mm over 12 mm).
_WIDTH_OVER_RADIUS = 30 / 12
CLOSED = 0.08


def landmarks68(face: Face, axes: int = 2) -> NDArray[np.float64]:
    """``(68, axes)`` crop pixels."""
    points: NDArray[np.float64] = face.points[list(IBUG68), :axes]
    return points


def mouth_opening(face: Face) -> float:
    """Distance of the inner lips in inter-ocular distances."""
    return _distance(face, INNER_LIP_TOP, INNER_LIP_BOTTOM) / face.iod


def mouth_width(face: Face) -> float:
    """Distance of the mouth's corners in inter-ocular distances."""
    return _distance(face, *MOUTH_CORNERS) / face.iod


def _distance(face: Face, a: int, b: int) -> float:
    return float(np.linalg.norm(face.points[a] - face.points[b]))


def eye_openness(face: Face) -> NDArray[np.float64]:
    """Lid distance over eye width, right then left eye: ``(2,)``; about 0.3 open, 0.05 shut."""
    return np.array(
        [
            _distance(face, top, low) / max(_distance(face, a, b), 1e-6)
            for (top, low), (a, b) in zip(_LIDS, EYE_CORNERS, strict=True)
        ]
    )


def gaze(face: Face) -> NDArray[np.float64] | None:
    """Unit gaze direction in the head's image frame (right, down, towards the viewer).

    From the iris centre's offset from the middle of the eye corners, both eyes averaged, with an
    eyeball of 0.4 eye widths. None while an eye is shut. An angle of the eye in the head, not in
    the world.
    """
    if eye_openness(face).min() < CLOSED:
        return None
    offsets = []
    for (a, b), iris in zip(EYE_CORNERS, _IRISES, strict=True):
        start, end = face.points[a, :2], face.points[b, :2]
        along = end - start
        width = float(np.linalg.norm(along))
        along = along / max(width, 1e-6)
        off = face.points[iris, :2] - (start + end) / 2
        across = np.array([-along[1], along[0]])
        offsets.append(np.array([off @ along, off @ across]) / max(width, 1e-6))
    x, y = np.clip(np.mean(offsets, axis=0) * _WIDTH_OVER_RADIUS, -0.7, 0.7)
    return np.array([x, y, math.sqrt(max(1 - x * x - y * y, 0.0))])


def angle_deg(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Angle between two directions in degrees."""
    sine = float(np.linalg.norm(np.cross(a, b)))
    return math.degrees(math.atan2(sine, float(a @ b)))


def similarity(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Least-squares 2-D similarity ``(2, 3)`` from points to points, and its RMS error.

    Umeyama 1991.

    Args:
        source, target: ``(N, 2)``, N >= 2.
    """
    ms, mt = source.mean(0), target.mean(0)
    s, t = source - ms, target - mt
    u, d, vt = np.linalg.svd(t.T @ s)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = float((d * sign).sum() / max((s * s).sum(), 1e-12))
    linear = scale * rotation
    matrix = np.concatenate([linear, (mt - linear @ ms)[:, None]], axis=1)
    error = source @ linear.T + matrix[:, 2] - target
    return matrix, float(np.sqrt((error * error).sum(1).mean()))
