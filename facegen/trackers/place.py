"""From the weak perspective of a crop to a head in front of a real camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.camera import Camera
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.trackers.crops import Window

Array = NDArray[np.float64]


def view_rotation(sight: Array) -> Array:
    """Shortest rotation that takes the viewing axis ``-z`` to ``sight (3,)``: ``(3, 3)``."""
    axis = np.cross([0.0, 0, -1], sight)
    sine, cosine = np.linalg.norm(axis), -sight[2]
    if sine < 1e-12:
        return np.eye(3)
    return rotation_matrix(axis / sine * np.arctan2(sine, cosine))


def place(
    camera_code: Array, global_orient: Array, joints: Array, window: Window, camera: Camera
) -> tuple[Array, Array]:
    """Root rotation and translation ``(3,)`` of a head seen by a weak-perspective crop.

    The point between the eyes keeps its place and size in the picture. A crop camera looks straight
    at its crop: off the picture's middle, the head turns along with the line of sight.

    Args:
        camera_code: ``(3,)`` ``s, tx, ty`` (see :class:`FaceCodes`).
        global_orient: ``(3,)`` as seen in the crop, radians.
        joints: ``(5, 3)`` rest joints of the identity, metres.
        window: of the crop. camera: of the whole picture, perspective.
    """
    scale, shift = float(camera_code[0]), camera_code[1:]
    turn = rotation_matrix(global_orient)
    arm = joints[3:5].mean(0) - joints[0]
    seen = (turn @ arm + joints[0])[:2] + shift
    half = window.side / 2
    u = window.x + half * (1 + scale * seen[0])
    v = window.y + half * (1 - scale * seen[1])
    depth = camera.focal / max(half * scale, 1e-6)
    centre = np.array([u - camera.cx, camera.cy - v, -camera.focal]) * depth / camera.focal
    turned = view_rotation(centre / np.linalg.norm(centre)) @ turn
    return rotation_vector(turned), centre - turned @ arm - joints[0]
