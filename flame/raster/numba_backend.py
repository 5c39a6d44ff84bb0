"""Bounding-box z-buffer in compiled loops: the CPU default.

Work is cut into bands of rows, each drawn by one thread that touches no other band, so the picture
does not depend on the number of threads. Edge functions are evaluated in double precision from
coefficients that two triangles with a common edge share up to sign: no cracks (Pineda 1988).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.flame.jit import F32, F64, I32, jit
from facegen.flame.raster.fragments import NEAR, Fragments

_NEAR = NEAR


@jit
def _setup(screen: F64, faces: I32, t: int, cull: bool, edge: F64, z: F64) -> bool:
    """Fill ``edge (3, 3)`` so that ``edge[i] @ (u, v, 1) >= 0`` inside; False: not to be drawn."""
    for i in range(3):
        a, b = faces[t, (i + 1) % 3], faces[t, (i + 2) % 3]
        xa, ya, xb, yb = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        edge[i, 0], edge[i, 1], edge[i, 2] = ya - yb, xb - xa, xa * yb - xb * ya
        z[i] = screen[faces[t, i], 2]
        if not (z[i] >= _NEAR and np.isfinite(edge[i, 2]) and np.isfinite(z[i])):
            return False
    # Taken from one corner: the sum of the three constants would cancel far from the origin.
    o, a, b = faces[t, 0], faces[t, 1], faces[t, 2]
    ax, ay = screen[a, 0] - screen[o, 0], screen[a, 1] - screen[o, 1]
    bx, by = screen[b, 0] - screen[o, 0], screen[b, 1] - screen[o, 1]
    area = ax * by - bx * ay
    if area == 0.0 or (cull and area > 0.0):
        return False
    if area < 0.0:
        for i in range(3):
            for k in range(3):
                edge[i, k] = -edge[i, k]
    return True


@jit
def _draw(
    screen: F64,
    faces: I32,
    perspective: bool,
    cull: bool,
    row0: int,
    row1: int,
    face: I32,
    depth: F32,
) -> None:
    """Nearest triangle and its depth for the rows ``row0 <= y < row1``; ties: lower index."""
    width = face.shape[1]
    edge, z, g = np.empty((3, 3)), np.empty(3), np.empty(3)
    face[row0:row1] = -1
    depth[row0:row1] = np.inf
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        low = min(screen[a, 1], screen[b, 1], screen[c, 1])
        high = max(screen[a, 1], screen[b, 1], screen[c, 1])
        if not (low < row1 and high > row0):
            continue
        left = min(screen[a, 0], screen[b, 0], screen[c, 0])
        right = max(screen[a, 0], screen[b, 0], screen[c, 0])
        if not (left < width and right > 0.0):
            continue
        x0, x1 = int(np.ceil(max(left, 0.0) - 0.5)), int(np.floor(min(right, width) - 0.5))
        y0 = max(int(np.ceil(max(low, 0.0) - 0.5)), row0)
        y1 = min(int(np.floor(min(high, row1) - 0.5)), row1 - 1)
        if x1 < x0 or y1 < y0 or not _setup(screen, faces, t, cull, edge, z):
            continue
        for i in range(3):
            g[i] = 1.0 / z[i] if perspective else z[i]
        for y in range(y0, y1 + 1):
            v = y + 0.5
            k0 = edge[0, 1] * v + edge[0, 2]
            k1 = edge[1, 1] * v + edge[1, 2]
            k2 = edge[2, 1] * v + edge[2, 2]
            for x in range(x0, x1 + 1):
                u = x + 0.5
                e0, e1, e2 = edge[0, 0] * u + k0, edge[1, 0] * u + k1, edge[2, 0] * u + k2
                if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                    continue
                total, blend = e0 + e1 + e2, e0 * g[0] + e1 * g[1] + e2 * g[2]
                if total <= 0.0:
                    continue
                d = np.float32(total / blend if perspective else blend / total)
                if d < depth[y, x]:
                    depth[y, x] = d
                    face[y, x] = t


@jit
def _weights(
    screen: F64, a: int, b: int, c: int, u: float, v: float, perspective: bool
) -> tuple[float, float, float]:
    """Surface barycentrics of a pixel centre in one triangle."""
    ax, ay = screen[a, 0] - u, screen[a, 1] - v
    bx, by = screen[b, 0] - u, screen[b, 1] - v
    cx, cy = screen[c, 0] - u, screen[c, 1] - v
    w0, w1, w2 = bx * cy - cx * by, cx * ay - ax * cy, ax * by - bx * ay
    if perspective:
        w0, w1, w2 = w0 / screen[a, 2], w1 / screen[b, 2], w2 / screen[c, 2]
    scale = 1.0 / (w0 + w1 + w2)
    return w0 * scale, w1 * scale, w2 * scale


@jit
def _resolve(
    screen: F64,
    faces: I32,
    perspective: bool,
    row0: int,
    row1: int,
    face: I32,
    depth: F32,
    attributes: F64,
    out: F32,
) -> None:
    """Blend the corners' attributes ``(V, C)`` into ``out (H, W, C)``; empty depth becomes 0."""
    for y in range(row0, row1):
        for x in range(face.shape[1]):
            t = face[y, x]
            if t < 0:
                depth[y, x] = 0.0
                for k in range(out.shape[2]):
                    out[y, x, k] = 0.0
                continue
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            w0, w1, w2 = _weights(screen, a, b, c, x + 0.5, y + 0.5, perspective)
            for k in range(out.shape[2]):
                out[y, x, k] = w0 * attributes[a, k] + w1 * attributes[b, k] + w2 * attributes[c, k]


@jit
def _resolve_weights(
    screen: F64,
    faces: I32,
    perspective: bool,
    row0: int,
    row1: int,
    face: I32,
    depth: F32,
    out: F32,
) -> None:
    """Barycentrics into ``out (H, W, 3)``; empty depth becomes 0."""
    for y in range(row0, row1):
        for x in range(face.shape[1]):
            t = face[y, x]
            if t < 0:
                depth[y, x] = 0.0
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = 0.0
                continue
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            w = _weights(screen, a, b, c, x + 0.5, y + 0.5, perspective)
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = w


@lru_cache(maxsize=1)
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="raster")


def _each(draw: Callable[[Any], None], tasks: list[Any]) -> None:
    """Run every task, on as many threads as torch is allowed."""
    threads = torch.get_num_threads()
    if threads == 1 or len(tasks) == 1:
        for task in tasks:
            draw(task)
        return
    # A forked child inherits the pool but not its threads, so each process has its own.
    for _ in _pool(threads, os.getpid()).map(draw, tasks):
        pass


def _bands(height: int, frames: int) -> list[tuple[int, int]]:
    """Rows per task: as many tasks as threads, none where frames alone fill them."""
    count = max(1, min(height, -(-torch.get_num_threads() // max(frames, 1))))
    return [(height * i // count, height * (i + 1) // count) for i in range(count)]


def _plain(screen: NDArray, faces: NDArray) -> tuple[F64, I32]:
    """The one layout the loops are compiled for."""
    return np.ascontiguousarray(screen, np.float64), np.ascontiguousarray(faces, np.int32)


def fragments(
    screen: Tensor, faces: Tensor, height: int, width: int, *, perspective: bool, cull: bool
) -> Fragments:
    """See :func:`facegen.flame.raster.rasterize`; tensors on the CPU."""
    points, triangles = _plain(screen.numpy(), faces.numpy())
    batch = len(points)
    face = torch.empty((batch, height, width), dtype=torch.int32)
    bary = torch.empty((batch, height, width, 3))
    depth = torch.empty((batch, height, width))
    face_, bary_, depth_ = face.numpy(), bary.numpy(), depth.numpy()

    def draw(task: tuple[int, int, int]) -> None:
        i, row0, row1 = task
        _draw(points[i], triangles, perspective, cull, row0, row1, face_[i], depth_[i])
        _resolve_weights(
            points[i], triangles, perspective, row0, row1, face_[i], depth_[i], bary_[i]
        )

    _each(draw, [(i, *band) for i in range(batch) for band in _bands(height, batch)])
    return Fragments(face, bary, depth)


def attributes(
    screen: NDArray[np.floating],
    faces: NDArray[np.int32],
    values: NDArray[np.floating],
    height: int,
    width: int,
    *,
    perspective: bool,
    cull: bool,
) -> tuple[F32, I32, F32]:
    """See :func:`facegen.flame.raster.rasterize_attributes`."""
    points, triangles = _plain(screen, faces)
    corners = np.ascontiguousarray(values, np.float64)
    face = np.empty((height, width), np.int32)
    depth = np.empty((height, width), np.float32)
    out = np.empty((height, width, corners.shape[1]), np.float32)

    def draw(band: tuple[int, int]) -> None:
        _draw(points, triangles, perspective, cull, *band, face, depth)
        _resolve(points, triangles, perspective, *band, face, depth, corners, out)

    _each(draw, _bands(height, 1))
    return out, face, depth
