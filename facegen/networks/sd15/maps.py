"""Maps of a driven head in the conventions the published weights were trained on.

They are what MagicPortrait's programs save to disk, so their oddities belong to the weights: depth
is stretched over the whole head in every frame, and negative components of normals are lost.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facegen.flame.camera import Camera
from facegen.flame.maps import render_maps
from facegen.flame.model import HeadModel


def portrait_maps(
    model: HeadModel,
    vertices: Tensor,
    camera: Camera,
    light: Tensor | None = None,
    *,
    compat: bool = False,
) -> dict[str, Tensor]:
    """Depth, normals and shaded render of one head.

    Args:
        vertices: ``(V, 3)`` camera space, metres. camera: of the window, S by S pixels.
        light: ``(9, 3)``, a soft default if None.
        compat: pass the maps through JPEG files, as the published programs do.

    Returns:
        ``(3, S, S)`` float32 in 0..1, 0 where nothing is seen: ``depth`` with 1 at the nearest
        vertex and 0 at the farthest of all, seen or not, in three equal channels; ``normal``
        (x right, y up, z to the viewer), negative components clipped; ``render``, RGB.
    """
    albedo = None if model.albedo_mean is None else torch.from_numpy(model.albedo_mean)
    drawn = render_maps(model, vertices[None], camera, light=light, albedo=albedo)
    near, far = (-vertices[:, 2]).aminmax()
    depth = (far - drawn.depth) / (far - near) * drawn.alpha
    maps = {
        "depth": depth.clamp(0, 1).expand(3, -1, -1),
        "normal": drawn.normal[0].permute(2, 0, 1).clamp(0, 1),
        "render": drawn.render[0].permute(2, 0, 1),
    }
    change = through_jpeg if compat else Tensor.contiguous
    return {name: change(value.float()) for name, value in maps.items()}


def through_jpeg(picture: Tensor) -> Tensor:
    """A picture ``(3, S, S)`` in 0..1 as it comes back from a JPEG file of usual quality."""
    pixels = (picture * 255 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG")
    read = np.asarray(Image.open(file), np.float32)
    return torch.from_numpy(read.transpose(2, 0, 1) / 255)
