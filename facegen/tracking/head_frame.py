"""Where the head is in camera space, and back to the model's translation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.rotations import rotation_matrix
from facegen.motion import Motion

Array = NDArray[np.float64]


def head_rotations(motion: Motion) -> Array:
    """Rotation of the head against the camera: ``(T, 3, 3)``."""
    return rotation_matrix(motion.global_orient) @ rotation_matrix(motion.neck_pose)


def _neck_offset(motion: Motion, joints: Array) -> Array:
    """Posed neck joint before ``transl``: ``(T, 3)``."""
    return joints[0] + rotation_matrix(motion.global_orient) @ (joints[1] - joints[0])


def _centre_offset(motion: Motion, joints: Array) -> Array:
    """Posed point between the eyes before ``transl``: ``(T, 3)``."""
    arm = joints[3:5].mean(0) - joints[1]
    return _neck_offset(motion, joints) + head_rotations(motion) @ arm


def head_centres(motion: Motion, joints: Array) -> Array:
    """Point between the eyes in camera space: ``(T, 3)`` metres.

    A landmark fit knows this point far better than the neck joint that it turns about, so filters
    and transfers work on it.

    Args:
        joints: ``(5, 3)`` at rest, of the motion's identity (``flame.landmark_model.rest_joints``).
    """
    return _centre_offset(motion, joints) + motion.transl


def transl_for_centres(motion: Motion, joints: Array, centres: Array) -> NDArray[np.float32]:
    """``transl (T, 3)`` that puts the point between the eyes at ``centres (T, 3)``."""
    return (centres - _centre_offset(motion, joints)).astype(np.float32)


def neck_positions(motion: Motion, joints: Array) -> Array:
    """Neck joint, about which the head turns, in camera space: ``(T, 3)`` metres."""
    return _neck_offset(motion, joints) + motion.transl


def transl_for_necks(motion: Motion, joints: Array, necks: Array) -> NDArray[np.float32]:
    """``transl (T, 3)`` that puts the neck joint at ``necks (T, 3)``."""
    return (necks - _neck_offset(motion, joints)).astype(np.float32)
