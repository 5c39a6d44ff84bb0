"""What a rasteriser hands on, and the differentiable arithmetic every back end shares."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEAR = 1e-6
"""Metres. A triangle with a vertex nearer than this, or behind the camera, is not drawn."""


class Fragments(NamedTuple):
    """The nearest surface point behind each pixel centre.

    Attributes:
        face: ``(B, H, W)`` int32 triangle index, -1 where nothing is seen.
        bary: ``(B, H, W, 3)`` weights of the triangle's corners *on the surface* (perspective
            corrected), 0 where nothing is seen.
        depth: ``(B, H, W)`` metres, 0 where nothing is seen.
    """

    face: Tensor
    bary: Tensor
    depth: Tensor

    @property
    def mask(self) -> Tensor:
        """``(B, H, W)`` bool, True where something is seen."""
        return self.face >= 0


def working_dtype(device: torch.device) -> torch.dtype:
    """Double precision where the device has it: edges then have no cracks at any image size."""
    return torch.float32 if device.type == "mps" else torch.float64


def drawable(corners: Tensor, cull: bool) -> Tensor:
    """Which triangles lie in front of the camera, are finite and show a side worth drawing.

    Args:
        corners: ``(F, 3, 3)`` u, v, depth. cull: leave out back faces.

    Returns:
        ``(F,)`` bool.
    """
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]
    seen = area < 0 if cull else area != 0
    return seen & (corners[..., 2] >= NEAR).all(-1) & corners.isfinite().all(-1).all(-1)


def edge_functions(corners: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Twice the signed areas of the three triangles between a pixel centre and an edge.

    Written around the pixel centre, so that two triangles with a common edge get exactly opposite
    values there: no pixel falls between them (Pineda 1988, "A parallel algorithm for polygon
    rasterization").

    Args:
        corners: ``(N, 3, >= 2)`` pixels. u, v: ``(N,)`` pixels.

    Returns:
        ``(N, 3)``, all negative inside a triangle that faces the camera (v points down).
    """
    x = corners[..., 0] - u[:, None]
    y = corners[..., 1] - v[:, None]
    x1, x2 = x[:, [1, 2, 0]], x[:, [2, 0, 1]]
    y1, y2 = y[:, [1, 2, 0]], y[:, [2, 0, 1]]
    return x1 * y2 - x2 * y1


def surface_weights(edges: Tensor, z: Tensor, perspective: bool) -> Tensor:
    """Barycentric weights on the surface from edge functions in the image.

    Args:
        edges: ``(N, 3)``. z: ``(N, 3)`` corner depths, metres.
        perspective: divide by depth (Blinn 1992, "Hyperbolic interpolation").

    Returns:
        ``(N, 3)``, rows sum to 1.
    """
    weights = edges / z if perspective else edges
    return weights / weights.sum(-1, keepdim=True)


def differentiable(
    fragments: Fragments, screen: Tensor, faces: Tensor, *, perspective: bool = True
) -> Fragments:
    """Barycentrics and depth once more, as functions of the vertices; visibility stays as it is.

    Args:
        fragments: of ``screen``. screen: ``(B, V, 3)``. faces: ``(F, 3)``.

    Returns:
        Fragments in the dtype of ``screen`` with gradients to it.
    """
    frame, row, column = torch.nonzero(fragments.mask, as_tuple=True)
    hit = faces.long()[fragments.face[frame, row, column].long()]
    corners = screen[frame[:, None], hit]
    u, v = (column + 0.5).to(screen.dtype), (row + 0.5).to(screen.dtype)
    weights = surface_weights(edge_functions(corners, u, v), corners[..., 2], perspective)
    at = (frame, row, column)
    empty = screen.new_zeros(fragments.face.shape)
    bary = screen.new_zeros((*fragments.face.shape, 3)).index_put(at, weights)
    depth = empty.index_put(at, (weights * corners[..., 2]).sum(-1))
    return Fragments(fragments.face, bary, depth)


def interpolate(fragments: Fragments, faces: Tensor, attributes: Tensor) -> Tensor:
    """Values of a vertex attribute at every pixel.

    Args:
        fragments: B frames. faces: ``(F, 3)``.
        attributes: ``(B | 1, V, C)``.

    Returns:
        ``(B, H, W, C)`` in the dtype of ``attributes``, 0 where nothing is seen. Gradients reach
        the attributes, and the vertices where the fragments carry them.
    """
    frame, row, column = torch.nonzero(fragments.mask, as_tuple=True)
    hit = faces.long()[fragments.face[frame, row, column].long()]
    source = frame if attributes.shape[0] > 1 else torch.zeros_like(frame)
    weights = fragments.bary[frame, row, column].to(attributes.dtype)
    values = (attributes[source[:, None], hit] * weights[..., None]).sum(1)
    out = attributes.new_zeros((*fragments.face.shape, attributes.shape[-1]))
    return out.index_put((frame, row, column), values)
