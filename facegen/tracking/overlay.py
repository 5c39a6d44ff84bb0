"""Draws fitted heads over the pictures they were fitted to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.camera import Camera
from facegen.flame.normals import frame_normals

Image = NDArray[np.uint8]

_RED = (235, 64, 52)


def overlay(
    rgb: Image,
    points: NDArray[np.floating],
    *,
    colour: tuple[int, int, int] = _RED,
    radius: float | None = None,
    opacity: float = 0.85,
) -> Image:
    """Dots on a copy of a picture.

    Args:
        rgb: ``(H, W, 3)`` uint8.
        points: ``(N, >= 2)`` pixels: landmarks, or vertices from :func:`visible_vertices`.
        radius: of the dots in pixels; by default it follows the picture's size.
        opacity: 0..1.
    """
    height, width = rgb.shape[:2]
    radius = max(height, width) / 700 + 0.4 if radius is None else radius
    places = np.asarray(points, np.float64)[:, :2]
    places = places[np.isfinite(places).all(1)]
    reach = int(np.ceil(radius + 1))
    around = np.arange(-reach, reach + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(around, around, indexing="ij"))
    corner = np.floor(places).astype(int)
    x, y = corner[:, :1] + dx, corner[:, 1:] + dy
    # Pixel centres stand at half-integers.
    distance = np.hypot(x + 0.5 - places[:, :1], y + 0.5 - places[:, 1:])
    cover = np.clip(radius + 0.5 - distance, 0, 1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (cover > 0)
    paint = np.zeros((height, width))
    np.maximum.at(paint, (y[inside], x[inside]), cover[inside])
    share = opacity * paint[..., None]
    return np.rint(rgb * (1 - share) + np.array(colour) * share).astype(np.uint8)


def visible_vertices(
    vertices: NDArray[np.floating], faces: NDArray[np.int32], camera: Camera
) -> NDArray[np.float64]:
    """Pixels ``(N, 2)`` of the vertices that face the camera.

    Args:
        vertices: ``(V, 3)`` camera space, metres.
    """
    posed = np.asarray(vertices, np.float64)
    front = (frame_normals(posed, faces) * -posed).sum(1) > 0
    return camera.project(posed[front])[:, :2]
