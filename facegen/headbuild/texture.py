"""Sampling of uv-space pictures at mesh vertices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from facegen.headbuild.mesh import EYE_LEFT, HeadMesh

Array = NDArray[np.float64]


def read_picture(path: Path, blur: float) -> Array:
    """``(H, W, 3)`` in 0..1, smoothed by ``blur`` pixels so that a vertex sees its surroundings."""
    picture = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
    return gaussian_filter(picture, (blur, blur, 0))


def sample_at_vertices(mesh: HeadMesh, picture: Array) -> Array:
    """``(N, 3)``: a picture in the base mesh's uv at each vertex; eyeballs get 0.

    A vertex on a chart border takes the mean of its corners.
    """
    body = (mesh.part[mesh.faces] < EYE_LEFT).all(1)
    h, w = picture.shape[:2]
    x, y = mesh.uv[:, 0] * w - 0.5, (1 - mesh.uv[:, 1]) * h - 0.5
    at_corner = np.stack(
        [map_coordinates(picture[..., c], [y, x], order=1, mode="nearest") for c in range(3)], -1
    )
    total, count = np.zeros((len(mesh), 3)), np.zeros((len(mesh), 1))
    for k in range(3):
        np.add.at(total, mesh.faces[body, k], at_corner[mesh.uv_faces[body, k]])
        np.add.at(count, mesh.faces[body, k], 1)
    return total / np.maximum(count, 1)
