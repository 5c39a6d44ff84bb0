"""A small z-buffer for the builder's own renders."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray


@nb.njit(cache=True)
def _fill(v, faces, face_id, bary, depth):  # noqa: ANN001, ANN202
    h, w = face_id.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t]
        ax, ay, bx, by, cx, cy = v[a, 0], v[a, 1], v[b, 0], v[b, 1], v[c, 0], v[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0:
            continue
        for y in range(max(int(min(ay, by, cy)), 0), min(int(max(ay, by, cy)) + 1, h - 1) + 1):
            for x in range(max(int(min(ax, bx, cx)), 0), min(int(max(ax, bx, cx)) + 1, w - 1) + 1):
                px, py = x + 0.5, y + 0.5
                wa = ((bx - px) * (cy - py) - (cx - px) * (by - py)) / area
                wb = ((cx - px) * (ay - py) - (ax - px) * (cy - py)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * v[a, 2] + wb * v[b, 2] + wc * v[c, 2]
                if z < depth[y, x]:
                    depth[y, x], face_id[y, x] = z, t
                    bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = wa, wb, wc


def rasterize(
    pixels: NDArray[np.floating], faces: NDArray[np.int32], size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Face index (-1 where empty), barycentrics and depth of each pixel of a square image."""
    face_id = np.full((size, size), -1, np.int32)
    bary = np.zeros((size, size, 3), np.float32)
    depth = np.full((size, size), np.inf, np.float32)
    _fill(np.ascontiguousarray(pixels, np.float32), faces, face_id, bary, depth)
    return face_id, bary, depth
