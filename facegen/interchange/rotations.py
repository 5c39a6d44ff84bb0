"""Representations of rotations in the field's files, and the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from facegen.flame.rotations import rotation_matrix, rotation_vector

Array = NDArray[np.float64]


def from_six(six: NDArray[np.floating]) -> Array:
    """Rotation matrices ``(..., 3, 3)`` of 6D numbers ``(..., 6)``: the first two *rows*.

    Zhou et al. 2019, "On the continuity of rotation representations", in PyTorch3D's layout.

    Raises:
        ValueError: the two rows are zero or parallel.
    """
    a, b = np.split(np.asarray(six, np.float64), 2, -1)
    first = _unit(a)
    second = _unit(b - (first * b).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], -2)


def to_six(matrices: NDArray[np.floating]) -> Array:
    """6D numbers ``(..., 6)`` of rotation matrices."""
    m = np.asarray(matrices, np.float64)
    return m[..., :2, :].reshape(*m.shape[:-2], 6)


def _unit(vector: Array) -> Array:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    if (length < 1e-8).any():
        raise ValueError("6D rotation with zero or parallel rows")
    return vector / length


def to_euler(axis_angle: NDArray[np.floating], order: str = "xyz") -> Array:
    """Angles ``(..., 3)`` in radians of axis-angle vectors.

    Args:
        order: of :class:`scipy.spatial.transform.Rotation`: lower case turns about fixed axes,
            upper case about the turning ones.
    """
    flat = np.asarray(axis_angle, np.float64).reshape(-1, 3)
    return Rotation.from_rotvec(flat).as_euler(order).reshape(np.shape(axis_angle))


def from_euler(angles: NDArray[np.floating], order: str = "xyz") -> Array:
    """Axis-angle vectors ``(..., 3)`` of angles in radians; inverse of :func:`to_euler`."""
    flat = np.asarray(angles, np.float64).reshape(-1, 3)
    return Rotation.from_euler(order, flat).as_rotvec().reshape(np.shape(angles))


def opencv_from_opengl(
    rotation: NDArray[np.floating], translation: NDArray[np.floating]
) -> tuple[Array, Array]:
    """World-to-camera ``R (..., 3, 3)``, ``t (..., 3)`` for a camera that looks along +z, y down.

    The camera of this package looks along -z, y up; the map is its own inverse.
    """
    flip = np.diag([1.0, -1.0, -1.0])
    return flip @ np.asarray(rotation, float), np.asarray(translation, float) @ flip


__all__ = [
    "from_euler", "from_six", "opencv_from_opengl", "rotation_matrix", "rotation_vector",
    "to_euler", "to_six",
]  # fmt: skip
