"""Soft silhouette: coverage that slides with the outline, for fitting a head to a matte.

Hard coverage has no gradient. Near the outline it is replaced by a sigmoid of the signed distance
to the nearest outline edge (the idea of Liu et al. 2019, "Soft Rasterizer", for the silhouette
edges alone, as in Li et al. 2018, "Differentiable Monte Carlo ray tracing through edge sampling").
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegen.flame.raster import Fragments

_PAIRS_AT_ONCE = 1 << 22
_REACH = 4.0
"""In widths: farther from the outline than this, coverage is hard (the sigmoid is within 2 %)."""


class SoftSilhouette(nn.Module):
    """Soft coverage of one mesh.

    Args:
        faces: ``(F, 3)``.
    """

    def __init__(self, faces: NDArray[np.int32]) -> None:
        super().__init__()
        edges, sides = mesh_edges(faces)
        self.register_buffer("faces", torch.from_numpy(np.asarray(faces, np.int64)))
        self.register_buffer("edges", torch.from_numpy(edges))
        self.register_buffer("sides", torch.from_numpy(sides))

    faces: Tensor
    edges: Tensor
    sides: Tensor

    def forward(self, screen: Tensor, drawn: Fragments, width: float = 1.0) -> Tensor:
        """Coverage with gradients to the outline's vertices.

        Args:
            screen: ``(B, V, 3)``. drawn: its fragments.
            width: of the sigmoid, pixels: coverage is 0.73 one width inside the outline.

        Returns:
            ``(B, H, W)`` in 0..1, dtype of ``screen``.
        """
        frames = zip(screen, drawn.mask, strict=True)
        return torch.stack([self._frame(points, mask, width) for points, mask in frames])

    def _frame(self, points: Tensor, mask: Tensor, width: float) -> Tensor:
        hard = mask.to(points.dtype)
        edges = self.edges[self._outline(points.detach(), mask)]
        row, column = torch.nonzero(_near_border(mask, _REACH * width), as_tuple=True)
        if len(edges) == 0 or len(row) == 0:
            return hard
        pixels = torch.stack([column, row], -1).to(points.dtype) + 0.5
        segments = points[edges][..., :2]
        nearest = _nearest(pixels, segments.detach())
        distance = _distance(pixels, segments[nearest])
        sign = 2 * hard[row, column] - 1
        return hard.index_put((row, column), torch.sigmoid(sign * distance / width))

    def _outline(self, points: Tensor, mask: Tensor) -> Tensor:
        """Which edges lie between a front and a back face (or border a hole) and on the outline."""
        a, b, c = points[self.faces][..., :2].unbind(1)
        p, q = b - a, c - a
        front = p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1] < 0
        two_sided = front[self.sides.clamp_min(0)] & (self.sides >= 0)
        contour = two_sided[:, 0] != two_sided[:, 1]
        # An inner contour, the nose's say, has the head on both sides; the outline does not.
        start, end = points[self.edges][..., :2].unbind(1)
        along = nn.functional.normalize(end - start, dim=-1)
        across = torch.stack([-along[:, 1], along[:, 0]], -1)
        middle = (start + end) / 2
        return contour & (_covered(mask, middle + across) != _covered(mask, middle - across))


def mesh_edges(faces: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of a mesh and the triangles on their two sides.

    Args:
        faces: ``(F, 3)``.

    Returns:
        edges ``(E, 2)`` vertex indices and sides ``(E, 2)`` triangle indices, -1 at a border. Of
        more than two triangles at an edge, two are kept.
    """
    index = np.asarray(faces, np.int64)
    halves = np.sort(index[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    owner = np.repeat(np.arange(len(index)), 3)
    edges, inverse = np.unique(halves, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    sides = np.full((len(edges), 2), -1, np.int64)
    sides[inverse, 0] = owner
    other = sides[inverse, 0] != owner
    sides[inverse[other], 1] = owner[other]
    return edges, sides


def _covered(mask: Tensor, points: Tensor) -> Tensor:
    """Hard coverage at ``(N, 2)`` pixels; False outside the image."""
    height, width = mask.shape
    column, row = points.floor().nan_to_num(-1).clamp(-1, max(height, width)).long().unbind(-1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return inside & mask[row.clamp(0, height - 1), column.clamp(0, width - 1)]


def _near_border(mask: Tensor, reach: float) -> Tensor:
    """Pixels within ``reach`` (in the maximum norm) of the other kind: ``(H, W)`` bool."""
    radius = int(np.ceil(reach))
    image = mask[None, None].float()
    pool = nn.MaxPool2d(2 * radius + 1, stride=1, padding=radius)
    return (pool(image) != -pool(-image))[0, 0]


def _nearest(pixels: Tensor, segments: Tensor) -> Tensor:
    """Index of the nearest segment ``(E, 2, 2)`` of each pixel ``(N, 2)``."""
    chunk = max(1, _PAIRS_AT_ONCE // len(segments))
    found = [_distance(p[:, None], segments[None]).argmin(1) for p in pixels.split(chunk)]
    return torch.cat(found)


def _distance(pixels: Tensor, segments: Tensor) -> Tensor:
    """Distance from pixels ``(..., 2)`` to segments ``(..., 2, 2)``."""
    start, end = segments.unbind(-2)
    along, to = end - start, pixels - start
    length = (along * along).sum(-1).clamp_min(1e-12)
    share = ((to * along).sum(-1) / length).clamp(0, 1)
    away = to - share[..., None] * along
    # The square root has no derivative at zero.
    return ((away * away).sum(-1) + 1e-12).sqrt()
