"""Rasteriser in plain torch operations: any device, no compiler.

Every pixel of every triangle's bounding box is a candidate; those inside compete for their pixel
with one integer: the bits of the depth, then the triangle index.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facegen.flame.raster.fragments import (
    Fragments,
    differentiable,
    drawable,
    edge_functions,
    working_dtype,
)

CHUNK = 1 << 19
"""Candidates tested at once; larger chunks fall out of the processor's cache."""

_EMPTY = torch.iinfo(torch.int64).max


def fragments(
    screen: Tensor, faces: Tensor, height: int, width: int, *, perspective: bool, cull: bool
) -> Fragments:
    """See :func:`facegen.flame.raster.rasterize`."""
    points = screen.to(working_dtype(screen.device))
    face = torch.stack([_faces(p, faces.long(), height, width, perspective, cull) for p in points])
    nothing = points.new_zeros(0)
    drawn = differentiable(
        Fragments(face, nothing, nothing), points, faces, perspective=perspective
    )
    return Fragments(face, drawn.bary.float(), drawn.depth.float())


def _faces(
    points: Tensor, faces: Tensor, height: int, width: int, perspective: bool, cull: bool
) -> Tensor:
    """Nearest triangle per pixel of one frame: ``(H, W)`` int32."""
    corners = points[faces]
    index = torch.nonzero(drawable(corners, cull))[:, 0]
    first, last = _box(corners[index], height, width)
    extent = (last - first + 1).clamp_min(0)
    count = extent.prod(-1)
    keep = count > 0
    index, first, extent, count = index[keep], first[keep], extent[keep], count[keep]
    best = torch.full((height * width,), _EMPTY, dtype=torch.int64, device=points.device)
    end = count.cumsum(0)
    start = 0
    while start < len(index):
        done = int(end[start - 1]) if start else 0
        stop = max(start + 1, int(torch.searchsorted(end, done + CHUNK, right=True)))
        part = slice(start, stop)
        owner, pixel = _candidates(first[part], extent[part], count[part], width)
        _compete(corners, index[part][owner], pixel, width, perspective, best)
        start = stop
    found = torch.where(best == _EMPTY, -1, best & 0xFFFFFFFF)
    return found.to(torch.int32).reshape(height, width)


def _box(corners: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """First and last pixel (column, row) whose centre may lie inside: two ``(F, 2)`` int64."""
    size = corners.new_tensor([width, height])
    low = corners[..., :2].amin(1).clamp_min(0)
    high = torch.minimum(corners[..., :2].amax(1), size)
    inside = (low < size) & (high > 0)
    first = torch.where(inside, (low - 0.5).ceil(), torch.ones_like(low)).long()
    last = torch.where(inside, (high - 0.5).floor(), torch.zeros_like(low)).long()
    return first, last


def _candidates(first: Tensor, extent: Tensor, count: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """All pixels of all boxes: which box, and the pixel's index in the image."""
    owner = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    rank = torch.arange(len(owner), device=count.device) - (count.cumsum(0) - count)[owner]
    across = extent[owner, 0]
    row = first[owner, 1] + rank // across
    return owner, row * width + first[owner, 0] + rank % across


def _compete(
    corners: Tensor, face: Tensor, pixel: Tensor, width: int, perspective: bool, best: Tensor
) -> None:
    """Lower ``best`` to the nearest candidate of each pixel, in place."""
    u, v = (pixel % width) + 0.5, (pixel // width) + 0.5
    triangle = corners[face]
    edges = edge_functions(triangle, u.to(corners.dtype), v.to(corners.dtype))
    inside = ((edges <= 0).all(-1) | (edges >= 0).all(-1)) & (edges != 0).any(-1)
    face, pixel, edges = face[inside], pixel[inside], edges[inside]
    z, total = triangle[inside][..., 2], edges.sum(-1)
    depth = total / (edges / z).sum(-1) if perspective else (edges * z).sum(-1) / total
    # Bits of positive floats sort like the floats.
    key = (depth.float().view(torch.int32).long() << 32) | face
    best.scatter_reduce_(0, pixel, key, "amin")
