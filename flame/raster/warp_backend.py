"""Bounding-box z-buffer in NVIDIA Warp kernels: the default on CUDA; runs on a CPU too.

One thread draws one triangle; the nearest depth of a pixel is settled first, then the lowest index
among the triangles that reach it. A minimum does not depend on the order of threads, so pictures
repeat bit by bit.
"""

# mypy: ignore-errors
# Warp reads the annotations of kernels as values, so they must not become strings:
# no ``from __future__ import annotations`` here.
from functools import lru_cache
from typing import Any

import torch
import warp as wp
from torch import Tensor

from facegen.flame.raster.fragments import NEAR, Fragments, differentiable

_NEAR = wp.constant(wp.float64(NEAR))
_FAR = float("inf")


@wp.func
def _edge(a: wp.vec3d, b: wp.vec3d, u: wp.float64, v: wp.float64) -> wp.float64:
    """Edge function around the pixel centre; exactly opposite for the neighbour's edge."""
    return (a[0] - u) * (b[1] - v) - (b[0] - u) * (a[1] - v)


@wp.func
def _depth(
    a: wp.vec3d, b: wp.vec3d, c: wp.vec3d, u: wp.float64, v: wp.float64, perspective: bool
) -> wp.float32:
    """Depth of the triangle at a pixel centre; infinite outside."""
    zero = wp.float64(0.0)
    e0, e1, e2 = _edge(b, c, u, v), _edge(c, a, u, v), _edge(a, b, u, v)
    inside = (e0 <= zero and e1 <= zero and e2 <= zero) or (
        e0 >= zero and e1 >= zero and e2 >= zero
    )
    total = e0 + e1 + e2
    if not inside or total == zero:
        return wp.float32(_FAR)
    if perspective:
        return wp.float32(total / (e0 / a[2] + e1 / b[2] + e2 / c[2]))
    return wp.float32((e0 * a[2] + e1 * b[2] + e2 * c[2]) / total)


@wp.kernel
def _draw(
    points: wp.array2d(dtype=wp.vec3d),
    faces: wp.array2d(dtype=wp.int32),
    perspective: bool,
    cull: bool,
    settle: bool,
    depth: wp.array3d(dtype=wp.float32),
    face: wp.array3d(dtype=wp.int32),
) -> None:
    """First pass: lower ``depth``. Second (``settle``): lowest index at exactly that depth."""
    frame, t = wp.tid()
    a, b, c = points[frame, faces[t, 0]], points[frame, faces[t, 1]], points[frame, faces[t, 2]]
    zero, half = wp.float64(0.0), wp.float64(0.5)
    if not (a[2] >= _NEAR and b[2] >= _NEAR and c[2] >= _NEAR):
        return
    area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    # Written so that a coordinate that is no number leaves too.
    if not (area < zero or (area > zero and not cull)) or not wp.isfinite(area):
        return
    if not (wp.isfinite(a[2]) and wp.isfinite(b[2]) and wp.isfinite(c[2])):
        return
    height, width = wp.float64(depth.shape[1]), wp.float64(depth.shape[2])
    left, right = wp.min(wp.min(a[0], b[0]), c[0]), wp.max(wp.max(a[0], b[0]), c[0])
    low, high = wp.min(wp.min(a[1], b[1]), c[1]), wp.max(wp.max(a[1], b[1]), c[1])
    if not (left < width and right > zero and low < height and high > zero):
        return
    x0, x1 = int(wp.ceil(wp.max(left, zero) - half)), int(wp.floor(wp.min(right, width) - half))
    y0, y1 = int(wp.ceil(wp.max(low, zero) - half)), int(wp.floor(wp.min(high, height) - half))
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            u, v = wp.float64(x) + half, wp.float64(y) + half
            d = _depth(a, b, c, u, v, perspective)
            if settle and d == depth[frame, y, x] and wp.isfinite(d):
                wp.atomic_min(face, frame, y, x, t)
            elif d < depth[frame, y, x]:
                wp.atomic_min(depth, frame, y, x, d)


@lru_cache(maxsize=1)
def _start() -> None:
    """Start warp without the banner it prints."""
    if hasattr(wp.config, "log_level"):
        wp.config.log_level = max(wp.config.log_level, wp.LOG_ERROR)
    else:
        wp.config.quiet = True
    wp.init()


def fragments(
    screen: Tensor, faces: Tensor, height: int, width: int, *, perspective: bool, cull: bool
) -> Fragments:
    """See :func:`facegen.flame.raster.rasterize`; tensors on the CPU or a CUDA device."""
    _start()
    points = screen.double().contiguous()
    batch, device = len(points), screen.device
    depth = torch.full((batch, height, width), _FAR, device=device)
    none = torch.iinfo(torch.int32).max
    face = torch.full((batch, height, width), none, dtype=torch.int32, device=device)
    arrays: list[Any] = [
        wp.from_torch(points, dtype=wp.vec3d),
        wp.from_torch(faces.int().contiguous()),
    ]
    images = [wp.from_torch(depth), wp.from_torch(face)]
    stream = wp.stream_from_torch(device) if device.type == "cuda" else None
    for settle in (False, True):
        wp.launch(
            _draw,
            dim=(batch, len(faces)),
            inputs=[*arrays, perspective, cull, settle, *images],
            device=wp.device_from_torch(device),
            stream=stream,
        )
    drawn = Fragments(face.masked_fill(face == none, -1), points, depth)
    exact = differentiable(drawn, points, faces, perspective=perspective)
    return Fragments(drawn.face, exact.bary.float(), exact.depth.float())
