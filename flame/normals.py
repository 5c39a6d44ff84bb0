"""Vertex normals: area-weighted mean of the adjoining triangles' normals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_TINY = 1e-30


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of a batch of meshes, differentiable.

    Args:
        vertices: ``(B, V, 3)``. faces: ``(F, 3)`` counter-clockwise seen from outside.

    Returns:
        ``(B, V, 3)``, same space as the vertices; 0 at vertices without a triangle.
    """
    import torch

    index = faces.long().to(vertices.device)
    a, b, c = vertices[:, index].unbind(2)
    # A cross product is twice the area long: summing them weighs by area.
    cross = torch.linalg.cross(b - a, c - a)
    corners = index.T.reshape(-1)
    total = torch.zeros_like(vertices).index_add(1, corners, cross.repeat(1, 3, 1))
    squared = (total * total).sum(-1, keepdim=True)
    return total * squared.clamp_min(_TINY).rsqrt()


def frame_normals(vertices: NDArray[np.floating], faces: NDArray[np.int32]) -> NDArray[np.float64]:
    """:func:`vertex_normals` of one mesh ``(V, 3)`` in a compiled loop: the path for video."""
    from facegen.flame.raster._loops import vertex_normals as loop

    return loop(np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int32))
