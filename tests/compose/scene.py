"""A made-up photo of the open head: patterned skin before a patterned wall, exactly fitted."""

from typing import NamedTuple

import numpy as np

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize_attributes
from facegen.motion import Motion
from facegen.posing import resting_head


class Scene(NamedTuple):
    photo: np.ndarray
    matte: np.ndarray
    fit: Motion


def still(model: HeadModel, camera: Camera, **values) -> Motion:
    """One frame of a face at 0.9 m; ``values`` by name, axis-angle or {expression: value}."""
    rest = resting_head(model, camera, (0, -0.06, -1.0), np.zeros(model.n_shape, np.float32))
    for name, value in values.items():
        if name == "expression":
            for action, amount in value.items():
                rest.expression[0, model.expression_index(action)] = amount
        else:
            getattr(rest, name)[0] += np.asarray(value, np.float32)
    return rest


def wall(height: int, width: int) -> np.ndarray:
    """Smooth pattern ``(height, width, 3)`` in 40..215."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(19 * x + 5 * y), np.sin(7 * x - 17 * y), np.sin(11 * (x + y))]
    return 128 + 85 * np.stack(waves, -1)


def make_scene(model: HeadModel, size: int = 384, **values) -> Scene:
    """Photo, person matte and fit of a square picture of ``size`` pixels."""
    from facegen.posing import pose_vertices

    camera = Camera.from_fov(size, size)
    fit = still(model, camera, **values)
    vertices = pose_vertices(model, fit)
    pattern = 150 + 50 * np.sin(90 * model.v_template + np.array([0.0, 1.0, 2.0]))
    light = frame_normals(vertices, model.faces)[:, 2:] * 0.4 + 0.6
    colour, face, _ = rasterize_attributes(
        camera.project(vertices), model.faces, pattern * light, size, size
    )
    person = (face >= 0).astype(np.float32)
    photo = np.where(face[..., None] >= 0, colour, wall(size, size))
    return Scene(np.rint(np.clip(photo, 0, 255)).astype(np.uint8), person, fit)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = ((a.astype(float) - b.astype(float)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
