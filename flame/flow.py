"""Dense flow between two poses of one head, and which of it can be trusted.

A pixel of the driven picture shows a point of the surface; the same point stands somewhere in the
reference picture. Depth and normals of the reference say whether it is seen there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normals import vertex_normals
from facegen.flame.raster import Fragments, interpolate, rasterize

DEPTH_TOLERANCE = 0.06
"""Of the inter-ocular distance: how far behind the reference's nearest surface still counts."""
NORMAL_LOWEST = 0.12
NORMAL_RAMP = 0.25
"""Visibility is 0 up to the lowest reference normal z and 1 this much above it."""

_GROUPS = (
    ("skin", "lips", "ears", "scalp", "neck"),
    ("mouth", "teeth_upper", "teeth_lower", "tongue"),
    ("eye_left",),
    ("eye_right",),
)
_IRIS_CENTRES = (468, 473)
_USUAL_IOD = 0.062


@dataclass(frozen=True, eq=False)
class ReferenceGeometry:
    """The head as the reference picture shows it.

    Attributes:
        camera: of the reference picture, ``H`` by ``W`` pixels.
        vertices: ``(V, 3)`` camera space, metres.
        normals: ``(V, 3)`` unit, camera space.
        depth: ``(H, W)`` metres, 0 where nothing is seen.
        groups: ``(H, W)`` uint8: which kind of surface is seen (see ``face_groups``), 0 = nothing.
        face_groups: ``(F,)`` uint8: 1 skin, 2 mouth interior, 3 left eye, 4 right eye. Colour never
            moves between them.
        tolerance: metres; see ``DEPTH_TOLERANCE``.
    """

    camera: Camera
    vertices: Tensor
    normals: Tensor
    depth: Tensor
    groups: Tensor
    face_groups: Tensor
    tolerance: float

    @classmethod
    def build(
        cls, model: HeadModel, vertices: Tensor, camera: Camera, *, backend: str = "auto"
    ) -> ReferenceGeometry:
        """Draw the reference head once.

        Args:
            vertices: ``(V, 3)`` or ``(1, V, 3)`` camera space, metres.
        """
        vertices = vertices.detach().reshape(1, -1, 3)
        faces = torch.from_numpy(model.faces).to(vertices.device)
        drawn = rasterize(
            camera.project(vertices),
            faces,
            camera.height,
            camera.width,
            backend=backend,
            perspective=camera.kind == "perspective",
        )
        groups = torch.from_numpy(face_groups(model)).to(vertices.device)
        return cls(
            camera=camera,
            vertices=vertices[0],
            normals=vertex_normals(vertices, faces)[0],
            depth=drawn.depth[0],
            groups=group_map(drawn.face, groups)[0],
            face_groups=groups,
            tolerance=DEPTH_TOLERANCE * inter_ocular_distance(model, vertices[0]),
        )

    @property
    def attributes(self) -> Tensor:
        """``(V, 4)``: camera-space point and z of the normal, to be carried to driven pixels.

        Points, not pixels: pixels are not linear on a triangle under perspective.
        """
        return torch.cat([self.vertices, self.normals[:, 2:]], 1)


def face_groups(model: HeadModel) -> np.ndarray:
    """``(F,)`` uint8 group of every triangle; regions of no group go with the skin."""
    table = np.ones(len(model.region_names), np.uint8)
    for number, names in enumerate(_GROUPS, 1):
        table[list(model.region_ids(*names))] = number
    return table[model.face_regions]


def group_map(face: Tensor, groups: Tensor) -> Tensor:
    """Per-triangle labels ``(F,)`` uint8 at pixels: any shape of ``face``, 0 where nothing."""
    return torch.where(face >= 0, groups[face.clamp_min(0).long()], 0)


def inter_ocular_distance(model: HeadModel, vertices: Tensor) -> float:
    """Metres between the iris centres of ``vertices (V, 3)``; the usual 62 mm without landmarks."""
    marks = model.landmarks.get("mediapipe478")
    if marks is None:
        return _USUAL_IOD
    rows = list(_IRIS_CENTRES)
    corners = vertices[torch.from_numpy(model.faces[marks.faces[rows]]).long().to(vertices.device)]
    weights = torch.from_numpy(marks.bary[rows]).to(corners)
    left, right = (corners * weights[..., None]).sum(1)
    return float((left - right).norm())


def reproject(
    reference: ReferenceGeometry, drawn: Fragments, faces: Tensor
) -> tuple[Tensor, Tensor]:
    """Where each driven pixel's surface point stands in the reference picture.

    A point is visible there if it lies inside the picture, is at most ``tolerance`` behind the
    nearest surface of its pixel, that surface is of the same group, and its normal faces the
    camera.

    Args:
        drawn: the driven head, B frames of any size. faces: ``(F, 3)``.

    Returns:
        flow ``(B, H, W, 2)`` in pixels of the reference (0 where nothing is drawn) and visibility
        ``(B, H, W)`` in 0..1.
    """
    carried = interpolate(drawn, faces, reference.attributes[None])
    camera = reference.camera
    seen = drawn.mask
    point = torch.where(seen[..., None], carried[..., :3], carried.new_tensor([0.0, 0.0, -1.0]))
    u, v, z = camera.project(point).unbind(-1)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    column = u.detach().clamp(0, camera.width - 1).long()
    row = v.detach().clamp(0, camera.height - 1).long()
    near = z <= reference.depth[row, column] + reference.tolerance
    alike = reference.groups[row, column] == group_map(drawn.face, reference.face_groups)
    facing = ((carried[..., 3] - NORMAL_LOWEST) / NORMAL_RAMP).clamp(0, 1)
    trusted = seen & (z > 0) & inside & near & alike
    flow = torch.stack([u, v], -1) * (seen & (z > 0))[..., None]
    return flow, facing * trusted
