"""Mouth shape measured on landmarks alone: what a lip network is judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GEOMETRY = (
    "opening", "width", "inner_width", "jaw_drop", "upper_lip", "lower_lip", "outer_height",
    "protrusion",
)  # fmt: skip
"""All in distances of the outer eye corners (about 90 mm); positive is open, wide, down (jaw and
lower lip), up (upper lip), forward."""

# Eye corners, bridge and sides of the nose, forehead, temples: what speech leaves still.
STILL = [33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 98, 327, 151, 9, 127, 356, 234, 454]
_INNER_LIP = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
_NOSE = (2, 98, 327)
_ROUNDS = 3


def mouth_geometry(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shape of the mouth in every frame: ``(T, 8)``, see ``GEOMETRY``; NaN without a face.

    Frames are first brought into one pose by the points of the face that speech leaves still.

    Args:
        landmarks: ``(T, 478, 3)`` pixels, NaN where no face was seen.
    """
    out = np.full((len(landmarks), len(GEOMETRY)), np.nan, np.float32)
    seen = np.isfinite(landmarks[:, 0, 0])
    if seen.any():
        # Landmarks have y down and z away; the measures want both the other way.
        out[seen] = measures(upright(landmarks[seen] * np.array([1.0, -1.0, -1.0])))
    return out


def upright(points: Array) -> Array:
    """``(T, 478, 3)``, y up: generalised Procrustes over points that speech leaves still (Gower
    1975), then the eye corners along x at distance 1."""
    mean = points.mean(0)
    posed = points
    for _ in range(_ROUNDS):
        goal = mean[STILL] - mean[STILL].mean(0)
        centre = points[:, STILL].mean(1, keepdims=True)
        still = points[:, STILL] - centre
        u, s, vt = np.linalg.svd(still.transpose(0, 2, 1) @ goal)
        flip = np.ones_like(s)
        flip[:, 2] = np.sign(np.linalg.det(u @ vt))
        scale = (s * flip).sum(1) / np.square(still).sum((1, 2))
        posed = (points - centre) @ ((u * flip[:, None]) @ vt) * scale[:, None, None]
        mean = posed.mean(0)
    across = mean[263] - mean[33]
    unit = float(np.linalg.norm(across))
    across /= unit
    up = mean[168] - mean[152]
    up -= across * (up @ across)
    up /= np.linalg.norm(up)
    return posed @ np.stack([across, up, np.cross(across, up)], 1) / unit


def measures(p: Array) -> Array:
    """``(T, 8)`` of upright landmarks, see ``GEOMETRY``."""

    def height(*points: int) -> Array:
        return p[:, list(points), 1].mean(1)

    def depth(*points: int) -> Array:
        return p[:, list(points), 2].mean(1)

    def distance(a: int, b: int) -> Array:
        return np.linalg.norm(p[:, a] - p[:, b], axis=1)

    nose = height(*_NOSE)
    gaps = [np.maximum(p[:, a, 1] - p[:, b, 1], 0) for a, b in _INNER_LIP]
    return np.stack(
        [
            np.mean(gaps, axis=0),
            distance(61, 291),
            distance(78, 308),
            nose - height(152, 148, 377),
            height(0, 37, 267) - nose,
            nose - height(17, 84, 314),
            distance(0, 17),
            depth(0, 17, 13, 14) - depth(61, 291),
        ],
        1,
    )
