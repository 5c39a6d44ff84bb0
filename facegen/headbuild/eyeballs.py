"""Eyeballs: own UV spheres that follow the base mesh's 72-vertex eye helpers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Degrees from the gaze axis. 7-9: pupil rim; 20-23: iris rim, so both are mesh edges. The base
# mesh's eyeballs are large; at these angles the iris is 11 mm wide, a fifth of the eyes' distance.
RINGS = (7, 9, 14, 20, 23, 30, 40, 54, 70, 90, 112, 140)
SECTORS = 24
N_EYE = 1 + len(RINGS) * SECTORS


def eye_directions() -> NDArray[np.float64]:
    """``(289, 3)`` unit directions; the first is the gaze axis +z."""
    angle = 2 * np.pi * np.arange(SECTORS) / SECTORS
    out = [np.array([[0.0, 0.0, 1.0]])]
    for ring in np.radians(RINGS):
        x, y = np.sin(ring) * np.cos(angle), np.sin(ring) * np.sin(angle)
        out.append(np.stack([x, y, np.full(SECTORS, np.cos(ring))], -1))
    return np.concatenate(out)


def eye_uv() -> NDArray[np.float64]:
    """``(289, 2)``: the ball flattened around the gaze axis, in 0..1."""
    d = eye_directions()
    polar = np.arccos(np.clip(d[:, 2], -1, 1)) / np.pi
    flat = d[:, :2] / np.maximum(np.linalg.norm(d[:, :2], axis=1, keepdims=True), 1e-9)
    return 0.5 + 0.5 * polar[:, None] * flat


def eye_faces() -> NDArray[np.int64]:
    """Triangles, counter-clockwise seen from outside."""
    k = np.arange(SECTORS)
    following = (k + 1) % SECTORS
    out = [np.stack([0 * k, 1 + k, 1 + following], -1)]
    for ring in range(len(RINGS) - 1):
        a, b = 1 + ring * SECTORS, 1 + (ring + 1) * SECTORS
        out.append(np.stack([a + k, b + k, b + following], -1))
        out.append(np.stack([a + k, b + following, a + following], -1))
    return np.concatenate(out)


def eye_mirror() -> NDArray[np.int64]:
    """``(289,)``: the vertex at the mirrored direction (x negated)."""
    mirrored = (SECTORS // 2 - np.arange(SECTORS)) % SECTORS
    rings = [1 + r * SECTORS + mirrored for r in range(len(RINGS))]
    return np.concatenate([[0], *rings])


def fit_sphere(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Least-squares centre and radius of points ``(n, 3)`` on a sphere."""
    p = np.asarray(points, np.float64)
    x = np.linalg.lstsq(np.c_[2 * p, np.ones(len(p))], (p**2).sum(1), rcond=None)[0]
    return x[:3], float(np.sqrt(x[3] + x[:3] @ x[:3]))
