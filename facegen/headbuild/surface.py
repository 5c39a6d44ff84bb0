"""Points on a triangle mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def closest_on_triangle(p: Array, a: Array, b: Array, c: Array) -> Array:
    """Barycentrics ``(..., 3)`` of the nearest points on triangles (Ericson 2004, 5.1.5).

    Args:
        p, a, b, c: ``(..., 3)`` query points and corners.
    """
    ab, ac, ap, bp, cp = b - a, c - a, p - a, p - b, p - c
    d1, d2 = (ab * ap).sum(-1), (ac * ap).sum(-1)
    d3, d4 = (ab * bp).sum(-1), (ac * bp).sum(-1)
    d5, d6 = (ab * cp).sum(-1), (ac * cp).sum(-1)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    total = np.where(np.abs(va + vb + vc) < 1e-30, 1e-30, va + vb + vc)
    out = np.stack([va, vb, vc], -1) / total[..., None]

    def ratio(x: Array, y: Array) -> Array:
        return x / np.where(np.abs(x + y) < 1e-30, 1e-30, x + y)

    zero = np.zeros_like(d1)
    t = ratio(d4 - d3, d5 - d6)
    on_bc = (va <= 0) & (d4 >= d3) & (d5 >= d6)
    out = np.where(on_bc[..., None], np.stack([zero, 1 - t, t], -1), out)
    t = ratio(d2, -d6)
    on_ac = (vb <= 0) & (d2 >= 0) & (d6 <= 0)
    out = np.where(on_ac[..., None], np.stack([1 - t, zero, t], -1), out)
    t = ratio(d1, -d3)
    on_ab = (vc <= 0) & (d1 >= 0) & (d3 <= 0)
    out = np.where(on_ab[..., None], np.stack([1 - t, t, zero], -1), out)
    at_corner = (
        ((d6 >= 0) & (d5 <= d6), (0.0, 0, 1)),
        ((d3 >= 0) & (d4 <= d3), (0.0, 1, 0)),
        ((d1 <= 0) & (d2 <= 0), (1.0, 0, 0)),
    )
    for inside, corner in at_corner:
        out = np.where(inside[..., None], np.array(corner), out)
    return out


def closest_on_mesh(
    points: Array,
    v: Array,
    faces: NDArray[np.integer],
    allowed: NDArray[np.integer],
    near: int = 60,
) -> tuple[NDArray[np.int64], Array]:
    """Nearest surface points: faces ``(n,)`` and barycentrics ``(n, 3)``.

    Args:
        points: ``(n, 3)``. v: ``(V, 3)``. allowed: triangles that may be used.
        near: candidates per point, by distance of the triangle's centre.
    """
    from scipy.spatial import cKDTree

    corners = v[faces[allowed]]
    tree = cKDTree(corners.mean(1))
    _, index = tree.query(points, min(near, len(allowed)))
    c = corners[index]
    bary = closest_on_triangle(points[:, None], c[:, :, 0], c[:, :, 1], c[:, :, 2])
    found = (bary[..., None] * c).sum(2)
    best = np.linalg.norm(found - points[:, None], axis=2).argmin(1)
    rows = np.arange(len(points))
    return allowed[index[rows, best]], bary[rows, best]


def at(v: NDArray, faces: NDArray, index: NDArray, bary: NDArray) -> NDArray:
    """Values ``(n, ...)`` of a vertex attribute at surface points."""
    return np.einsum("lk,lk...->l...", bary, v[faces[index]])
