"""Adapter to ``pytorch3d.renderer.mesh.rasterize_meshes`` (Ravi et al. 2020).

Only the triangle indices are taken: pytorch3d adds a small constant to areas, which moves its
depths by millimetres, so barycentrics and depth are computed here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facegen.flame.raster.fragments import Fragments, differentiable, drawable


def fragments(
    screen: Tensor, faces: Tensor, height: int, width: int, *, perspective: bool, cull: bool
) -> Fragments:
    """See :func:`facegen.flame.raster.rasterize`."""
    points, triangles = screen.double(), faces.long()
    corners = points[:, triangles]
    # Left out here, so that the rules for what is drawn are ours.
    kept = [torch.nonzero(drawable(c, cull))[:, 0] for c in corners]
    found = _found(points, [triangles[k] for k in kept], height, width, perspective)
    # A table from pytorch3d's packed index to ours; -1 meets the last entry.
    table = torch.cat([*kept, torch.tensor([-1], device=screen.device)])
    face = table[found].int()
    exact = differentiable(Fragments(face, points, points), points, faces, perspective=perspective)
    return Fragments(face, exact.bary.float(), exact.depth.float())


def _found(
    points: Tensor, faces: list[Tensor], height: int, width: int, perspective: bool
) -> Tensor:
    """Index into the frames' faces, counted through: ``(B, H, W)``, -1 where nothing is seen."""
    from pytorch3d.renderer.mesh import rasterize_meshes
    from pytorch3d.structures import Meshes

    if not sum(map(len, faces)):
        return torch.full((len(points), height, width), -1, device=points.device)
    meshes = Meshes(verts=[_ndc(p, height, width).float() for p in points], faces=faces)
    return rasterize_meshes(
        meshes,
        image_size=(height, width),
        blur_radius=0.0,
        faces_per_pixel=1,
        perspective_correct=perspective,
        cull_backfaces=False,
    )[0][..., 0]


def _ndc(points: Tensor, height: int, width: int) -> Tensor:
    """Pixels to pytorch3d's axes: x left, y up, the shorter image side spans -1..1."""
    u, v, z = points.unbind(-1)
    half = min(height, width) / 2
    return torch.stack([(width / 2 - u) / half, (height / 2 - v) / half, z], -1)
