"""Focal length from several pictures of one turning head.

Exact landmarks tell it well; a landmark network draws faces towards its own idea of perspective,
so on real clips the answer often lies at the end of the range and is then not taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter

_FIELDS_OF_VIEW_DEG = (10.0, 14.0, 20.0, 28.0, 40.0, 56.0)
# Spread of yaw below which the focal length and the depth of the head cannot be told apart.
MIN_YAW_SPREAD_DEG = 15.0


def estimate_focal(
    fitter: LandmarkFitter, landmarks: Sequence[NDArray[np.floating]], camera: Camera
) -> Camera:
    """The camera whose field of view explains the landmarks best.

    Identity, pose and expression are fitted anew for each candidate; a parabola through the best
    one and its neighbours in log focal length gives the result.

    Args:
        fitter: with the identity free.
        landmarks: ``(L, >= 2)`` pixels each, of one person and one camera; about ten are enough.
        camera: size and principal point, and the answer where the head hardly turns or no field of
            view inside the range fits best.

    Returns:
        ``camera`` with the estimated focal length.
    """
    turns = [fitter.head_rotation(points, camera)[:, 2] for points in landmarks]
    yaws = np.degrees([math.atan2(nose[0], nose[2]) for nose in turns])
    if len(landmarks) < 2 or np.ptp(yaws) < MIN_YAW_SPREAD_DEG:
        return camera
    cameras = [_with_view(camera, fov) for fov in _FIELDS_OF_VIEW_DEG]
    costs = np.array([_cost(fitter, landmarks, candidate) for candidate in cameras])
    focal = np.log([candidate.focal for candidate in cameras])
    best = int(np.argmin(costs))
    if not 0 < best < len(costs) - 1:
        return camera
    near = slice(best - 1, best + 2)
    a, b, _ = np.polyfit(focal[near], costs[near], 2)
    return _with_focal(camera, float(np.exp(-b / (2 * a))))


def _with_view(camera: Camera, fov_deg: float) -> Camera:
    side = max(camera.width, camera.height)
    return _with_focal(camera, side / 2 / math.tan(math.radians(fov_deg) / 2))


def _with_focal(camera: Camera, focal: float) -> Camera:
    return Camera(focal, camera.cx, camera.cy, camera.width, camera.height)


def _cost(
    fitter: LandmarkFitter, landmarks: Sequence[NDArray[np.floating]], camera: Camera
) -> float:
    fits = fitter.fit_shared(landmarks, camera, iterations=4)
    return float(np.mean([fit.residual**2 for fit in fits]))
