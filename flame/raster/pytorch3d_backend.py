"""Adapter to ``pytorch3d.renderer.mesh.rasterize_meshes`` (Ravi et al. 2020).

Only the triangle indices are taken: pytorch3d adds a small constant to areas, which moves its
depths by millimetres, so barycentrics and depth are computed here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from facegen.flame.raster.fragments import Fragments, differentiable, drawable


class _Packed:
    """The three things ``rasterize_meshes`` asks of its meshes.

    Triangles that must not be drawn are left out here, so that the rules for them are ours.
    """

    def __init__(self, corners: list[Tensor]) -> None:
        counts = torch.tensor([len(c) for c in corners], device=corners[0].device)
        self._corners = torch.cat(corners)
        self._first = counts.cumsum(0) - counts
        self._counts = counts

    def verts_packed(self) -> Tensor:
        return self._corners.reshape(-1, 3)

    def faces_packed(self) -> Tensor:
        count = self._corners.shape[0] * 3
        return torch.arange(count, device=self._corners.device).reshape(-1, 3)

    def mesh_to_faces_packed_first_idx(self) -> Tensor:
        return self._first

    def num_faces_per_mesh(self) -> Tensor:
        return self._counts


def fragments(
    screen: Tensor, faces: Tensor, height: int, width: int, *, perspective: bool, cull: bool
) -> Fragments:
    """See :func:`facegen.flame.raster.rasterize`."""
    from pytorch3d.renderer.mesh import rasterize_meshes

    points, triangles = screen.double(), faces.long()
    corners = points[:, triangles]
    kept = [torch.nonzero(drawable(c, cull))[:, 0] for c in corners]
    to_ndc = _Ndc(height, width)
    packed: Any = _Packed([to_ndc(c[k]).float() for c, k in zip(corners, kept, strict=True)])
    found = rasterize_meshes(
        packed,
        image_size=(height, width),
        blur_radius=0.0,
        faces_per_pixel=1,
        perspective_correct=perspective,
        cull_backfaces=False,
    )[0][..., 0]
    # A table from pytorch3d's packed index to ours; -1 meets the last entry.
    table = torch.cat([*kept, torch.tensor([-1], device=screen.device)])
    face = table[found].int()
    exact = differentiable(Fragments(face, points, points), points, faces, perspective=perspective)
    return Fragments(face, exact.bary.float(), exact.depth.float())


class _Ndc:
    """Pixels to pytorch3d's axes: x left, y up, the shorter image side spans -1..1."""

    def __init__(self, height: int, width: int) -> None:
        self.centre, self.half = (width / 2, height / 2), min(height, width) / 2

    def __call__(self, corners: Tensor) -> Tensor:
        u, v, z = corners.unbind(-1)
        x, y = (self.centre[0] - u) / self.half, (self.centre[1] - v) / self.half
        return torch.stack([x, y, z], -1)
