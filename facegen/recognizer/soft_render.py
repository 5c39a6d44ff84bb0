"""The head as a picture with gradients: what a loss on pixels needs to move a face.

The surface is found once per call without gradients (z-buffer); then the barycentric coordinates of
every pixel are a function of the vertices, so a pixel's colour changes as the skin slides under it
and as its normal turns to the light. That is the exact derivative inside a surface. Outlines, where
one surface begins to hide another, have no gradient: expressions move skin within the face's
outline, and lips and lids, whose borders are outlines, are moved by the skin around them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

from facegen.flame.camera import Camera
from facegen.flame.lighting import default_light, shade
from facegen.flame.model import HeadModel
from facegen.flame.normals import vertex_normals
from facegen.flame.raster import rasterize
from facegen.flame.raster.fragments import interpolate

_WALL = 0.55
_SAMPLES = 2  # per pixel and axis


def render_head(
    vertices: Tensor,
    head: HeadModel,
    camera: Camera,
    *,
    albedo: Tensor | None = None,
    light: Tensor | None = None,
    wall: float | Tensor = _WALL,
) -> Tensor:
    """Shaded pictures ``(B, 3, H, W)`` RGB in 0..1 with gradients to vertices, albedo and light.

    Args:
        vertices: ``(B, V, 3)`` camera space, metres, of ``HeadLayer``.
        camera: of the picture; one for all.
        albedo: ``(V, 3)`` 0..1, by default the head's mean.
        light: ``(9, 3)`` spherical harmonics, by default three-quarter light.
        wall: behind the head, a grey or ``(3, H, W)``.
    """
    if albedo is None:
        mean = torch.full((head.n_vertices, 3), 0.7)
        albedo = mean if head.albedo_mean is None else torch.as_tensor(head.albedo_mean)
    faces = torch.as_tensor(head.faces).long()
    height, width = camera.height * _SAMPLES, camera.width * _SAMPLES
    lens = camera.cropped(0, 0, _SAMPLES, width, height)
    fragments = rasterize(lens.project(vertices), faces, height, width)
    values = torch.cat(
        [vertex_normals(vertices, faces), albedo.to(vertices).expand(len(vertices), -1, -1)], -1
    )
    drawn = interpolate(fragments, faces, values)
    normal = nnf.normalize(drawn[..., :3], dim=-1)
    given = default_light() if light is None else light
    colour = shade(normal, drawn[..., 3:], given.to(vertices))
    seen = fragments.mask[..., None].to(vertices)
    fine = torch.cat([colour * seen, seen], -1).permute(0, 3, 1, 2)
    # Averaged in premultiplied light, so that outlines mix skin with the wall.
    body = nnf.avg_pool2d(fine, _SAMPLES)
    return body[:, :3] + (1 - body[:, 3:]) * wall
