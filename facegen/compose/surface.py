"""The driven head in the window, and values at single pixels of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Surface(NamedTuple):
    """What a frame's rasterisation left in the window of S by S pixels.

    Attributes:
        face_id: ``(S, S)`` int32 triangle of ``HeadFrame.faces``, -1 where empty.
        attributes: ``(S, S, C)`` what the reference knows of that surface point.
        depth: ``(S, S)`` metres. pixels: ``(V, 3)`` driven vertices, window pixels and depth.
        vertices: ``(V, 3)`` driven vertices, camera space.
    """

    face_id: NDArray[np.int32]
    attributes: NDArray[np.float32]
    depth: NDArray[np.float32]
    pixels: NDArray[np.float32]
    vertices: NDArray[np.floating]


def values_at(
    surface_pixels: NDArray[np.floating],
    faces: NDArray[np.int32],
    face_id: NDArray[np.int32],
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
    values: NDArray[np.floating],
) -> NDArray[np.float32]:
    """A vertex attribute at few pixels, cheaper than over the whole window.

    Args:
        surface_pixels: ``(V, >= 2)``. face_id: ``(S, S)``, a face at every asked pixel.
        rows, cols: ``(N,)``. values: ``(V, C)``.

    Returns:
        ``(N, C)``.
    """
    corner = faces[face_id[rows, cols]]
    point = surface_pixels[corner, :2].astype(np.float64)
    point -= np.stack([cols + 0.5, rows + 0.5], -1)[:, None]
    a, b, c = point[:, 0], point[:, 1], point[:, 2]

    def cross(p: NDArray, q: NDArray) -> NDArray:
        return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]

    weight = np.stack([cross(b, c), cross(c, a), cross(a, b)], -1)
    weight /= weight.sum(1, keepdims=True)
    return np.einsum("nk,nkc->nc", weight, values[corner]).astype(np.float32)


def image_at(
    image: NDArray, u: NDArray[np.floating], v: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Bilinear colours ``(N, C)`` of an image at pixel positions; edges repeat."""
    height, width = image.shape[:2]
    x = np.clip(u - 0.5, 0, width - 1.001).astype(np.float32)
    y = np.clip(v - 0.5, 0, height - 1.001).astype(np.float32)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx
    low = image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx
    return (top * (1 - fy) + low * fy).astype(np.float32)


def bounding_box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice] | None:
    """Rows and columns of the mask's true part, grown by ``margin``; None where there is none."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    height, width = mask.shape
    return (
        slice(max(rows[0] - margin, 0), min(rows[-1] + margin + 1, height)),
        slice(max(cols[0] - margin, 0), min(cols[-1] + margin + 1, width)),
    )
