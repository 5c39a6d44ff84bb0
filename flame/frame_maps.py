"""Condition maps frame by frame in compiled loops: the CPU path for video."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.flame.camera import Camera
from facegen.flame.flow import NORMAL_LOWEST, NORMAL_RAMP, ReferenceGeometry
from facegen.flame.lighting import GREY, SH_FACTORS
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize_attributes


def frame_maps(
    model: HeadModel,
    vertices: Tensor,
    camera: Camera,
    light: Tensor,
    albedo: Tensor | None,
    reference: ReferenceGeometry | None,
) -> dict[str, Tensor]:
    """Maps of :func:`facegen.flame.maps.render_maps` that do not follow from one another.

    Args:
        vertices: ``(B, V, 3)`` on the CPU. light: ``(9, 3)``. albedo: ``(V, 3)`` or None.
    """
    size = (len(vertices), camera.height, camera.width)
    maps = {
        "depth": torch.empty(size),
        "normal": torch.empty((*size, 3)),
        "render": torch.empty((*size, 3)),
        "regions": torch.empty(size, dtype=torch.uint8),
    }
    if reference is not None:
        maps["flow"] = torch.empty((*size, 2))
        maps["visibility"] = torch.empty(size)
    scaled_light = light.double().numpy() * np.array(SH_FACTORS)[:, None]
    constant = _constant_attributes(albedo, reference)
    for i, points in enumerate(vertices.detach().double().numpy()):
        out = {name: value[i].numpy() for name, value in maps.items()}
        _draw(model, points, camera, scaled_light, constant, albedo is None, reference, out)
    return maps


def _constant_attributes(
    albedo: Tensor | None, reference: ReferenceGeometry | None
) -> list[NDArray[np.float64]]:
    """Vertex attributes that do not change from frame to frame."""
    given = [albedo, None if reference is None else reference.attributes]
    return [t.detach().double().cpu().numpy() for t in given if t is not None]


def _draw(
    model: HeadModel,
    points: NDArray[np.float64],
    camera: Camera,
    light: NDArray[np.float64],
    constant: list[NDArray[np.float64]],
    grey: bool,
    reference: ReferenceGeometry | None,
    out: dict[str, NDArray],
) -> None:
    """Fill the maps of one frame."""
    from facegen.flame.raster import _loops

    attributes, face, depth = rasterize_attributes(
        camera.project(points),
        model.faces,
        np.concatenate([frame_normals(points, model.faces), *constant], 1),
        camera.height,
        camera.width,
        perspective=camera.kind == "perspective",
    )
    out["depth"][:] = depth
    _loops.shade(attributes, face, light, GREY if grey else -1.0, out["normal"], out["render"])
    # Index -1, where nothing is seen, meets the zero at the end of the table.
    np.take(np.append(model.face_regions, np.uint8(0)), face, out=out["regions"], mode="wrap")
    if reference is None:
        return
    lens = reference.camera
    group = np.append(reference.face_groups.cpu().numpy(), np.uint8(0))
    _loops.flow(
        attributes,
        3 if grey else 6,
        np.take(group, face, mode="wrap"),
        (float(lens.focal), float(lens.cx), float(lens.cy), lens.kind == "perspective"),
        reference.depth.cpu().numpy(),
        reference.groups.cpu().numpy(),
        (float(reference.tolerance), NORMAL_LOWEST, NORMAL_RAMP),
        out["flow"],
        out["visibility"],
    )
