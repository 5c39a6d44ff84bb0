"""Compiled per-vertex loops."""

from __future__ import annotations

import numpy as np

from facegen.flame.raster._jit import F64, I32, jit


@jit
def vertex_normals(vertices: F64, faces: I32) -> F64:
    """Area-weighted unit normals ``(V, 3)`` of one mesh, float64 and contiguous."""
    out = np.zeros(vertices.shape)
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x, y, z = vertices[a]
        px, py, pz = vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z
        qx, qy, qz = vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z
        nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
    for i in range(out.shape[0]):
        squared = out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2
        if squared > 0.0:
            out[i] /= np.sqrt(squared)
    return out
