"""Rotations as axis-angle vectors, in numpy: Rodrigues' formula, its inverse and its derivative.

Notation of Sola et al. 2018, "A micro Lie theory for state estimation in robotics", eq. 132-146.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
AnyFloat = NDArray[np.floating]


# Cross-product matrices of the three axes.
_GENERATORS = np.array(
    [
        [[0.0, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0.0, 0, 1], [0, 0, 0], [-1, 0, 0]],
        [[0.0, -1, 0], [1, 0, 0], [0, 0, 0]],
    ]
)


def skew(vectors: AnyFloat) -> Array:
    """Cross-product matrices ``(..., 3, 3)`` of ``(..., 3)`` vectors."""
    flat = np.asarray(vectors) @ _GENERATORS.reshape(3, 9)
    return flat.reshape(*flat.shape[:-1], 3, 3)


def _coefficients(axis_angle: Array) -> tuple[Array, Array, Array]:
    """``sin(a)/a``, ``(1 - cos(a))/a^2`` and ``(a - sin(a))/a^3``, smooth at zero."""
    squared = np.sum(axis_angle * axis_angle, -1)
    small = squared < 1e-6
    safe = np.where(small, 1.0, squared)
    angle = np.sqrt(safe)
    sine = np.where(small, 1 - squared / 6, np.sin(angle) / angle)
    cosine = np.where(small, 0.5 - squared / 24, (1 - np.cos(angle)) / safe)
    third = np.where(small, 1 / 6 - squared / 120, (1 - np.sin(angle) / angle) / safe)
    return sine, cosine, third


def rotation_matrix(axis_angle: AnyFloat) -> Array:
    """Rotation matrices ``(..., 3, 3)`` of axis-angle vectors ``(..., 3)``, radians."""
    vectors = np.asarray(axis_angle, np.float64)
    a, b, _ = _coefficients(vectors)
    cross = skew(vectors)
    square = cross @ cross
    return np.asarray(np.eye(3) + a[..., None, None] * cross + b[..., None, None] * square)


def left_jacobian(axis_angle: AnyFloat) -> Array:
    """``(..., 3, 3)`` with ``R(r + d) = R(left_jacobian(r) d) R(r)`` to first order."""
    vectors = np.asarray(axis_angle, np.float64)
    _, b, c = _coefficients(vectors)
    cross = skew(vectors)
    square = cross @ cross
    return np.asarray(np.eye(3) + b[..., None, None] * cross + c[..., None, None] * square)


def quaternion(matrices: AnyFloat) -> Array:
    """Unit quaternions ``(..., 4)``, scalar first and not negative, of rotation matrices."""
    m = np.asarray(matrices, np.float64)
    diagonal = np.diagonal(m, axis1=-2, axis2=-1)
    trace = diagonal.sum(-1)
    # Outer product of the quaternion with itself; its largest row is the stable one.
    outer = np.empty((*m.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1 + trace
    antisymmetric = m - np.swapaxes(m, -1, -2)
    vector = np.stack(
        [antisymmetric[..., 2, 1], antisymmetric[..., 0, 2], antisymmetric[..., 1, 0]], -1
    )
    outer[..., 0, 1:] = outer[..., 1:, 0] = vector
    outer[..., 1:, 1:] = m + np.swapaxes(m, -1, -2)
    for i in range(3):
        outer[..., i + 1, i + 1] = 1 - trace + 2 * diagonal[..., i]
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), -1)
    row = np.take_along_axis(outer, best[..., None, None], -2)[..., 0, :]
    row = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return np.where(row[..., :1] < 0, -row, row)


def rotation_vector(matrices: AnyFloat) -> Array:
    """Axis-angle vectors ``(..., 3)`` with angles in 0..pi, inverse of :func:`rotation_matrix`."""
    q = quaternion(matrices)
    sine = np.linalg.norm(q[..., 1:], axis=-1)
    small = sine < 1e-9
    angle = 2 * np.arctan2(sine, q[..., 0])
    scale = np.where(small, 2.0, angle / np.where(small, 1.0, sine))
    return q[..., 1:] * scale[..., None]
