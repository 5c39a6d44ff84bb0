"""Renders random heads whose exact geometry is known; landmarks are found on the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize
from facegen.flame.skinning import HeadLayer

Array = NDArray[np.float64]
SIZE = 512
OVERSAMPLE = 2
PAIRED = (
    "mouthSmile", "browDown", "browOuterUp", "eyeBlink", "eyeSquint", "eyeWide", "mouthUpperUp",
    "mouthLowerDown", "mouthStretch", "mouthFrown",
)  # fmt: skip
SINGLE = ("mouthPucker", "mouthFunnel", "browInnerUp")
DEPTH_TOLERANCE = 0.004


@dataclass(frozen=True)
class Views:
    """K rendered heads.

    Attributes:
        images: ``(K, 512, 512, 3)`` uint8 RGB.
        pixels: ``(K, V, 2)`` projected vertices. visible: ``(K, V)``.
        facing: ``(K, V)`` z of the camera-space normal.
        iod: ``(K,)`` distance of the eye centres in pixels as if seen from the front.
        vertices: ``(K, V, 3)`` metres in the head's frame before the view rotation.
    """

    images: NDArray[np.uint8]
    pixels: NDArray[np.float32]
    visible: NDArray[np.bool_]
    facing: NDArray[np.float32]
    iod: NDArray[np.float32]
    vertices: NDArray[np.float32]


def render_views(model: HeadModel, count: int, seed: int, spread: float = 0.8) -> Views:
    """Random identity, expression, jaw, gaze, pose, colour and light.

    Args:
        model: with albedo and masks.
        spread: standard deviations of identity.
    """
    rng = np.random.default_rng(seed)
    layer = HeadLayer(model)
    rows = [_one_view(model, layer, rng, k, spread) for k in range(count)]
    return Views(*(np.stack(column) for column in zip(*rows, strict=True)))


def _one_view(
    model: HeadModel, layer: HeadLayer, rng: np.random.Generator, k: int, spread: float
) -> tuple[Any, ...]:
    coefficients = _random_coefficients(model, rng, k, spread)
    given = {name: torch.tensor(x, dtype=torch.float32)[None] for name, x in coefficients.items()}
    with torch.no_grad():
        posed = layer(**given)
    v, joints = posed.vertices[0].numpy(), posed.joints[0].numpy()
    frontal = k % 4 == 0
    limit = np.array([0.1, 0.1]) if frontal else np.array([0.3, 0.6])
    pitch, yaw = rng.uniform(-limit, limit)
    turn = _rotation(pitch, yaw, rng.normal(0, 0.08))
    camera = Camera.from_fov(SIZE, SIZE)
    distance = camera.focal / (1500 * rng.uniform(0.85, 1.1))
    centre = np.array([0, 0.055, 0.06])
    seen = (v - centre) @ turn.T + [0, -0.01, -distance]
    projected = camera.project(seen)
    normals = frame_normals(seen, model.faces)
    image, depth = _shade(model, rng, projected, normals)
    x, y = np.clip(projected[:, :2].astype(int), 0, SIZE - 1).T
    visible = (projected[:, 2] < depth[y, x] + DEPTH_TOLERANCE) & (normals[:, 2] > 0.15)
    span = float(np.linalg.norm(joints[3] - joints[4]))
    return (
        image,
        projected[:, :2].astype(np.float32),
        visible,
        normals[:, 2].astype(np.float32),
        np.float32(span * camera.focal / distance),
        v.astype(np.float32),
    )


def _random_coefficients(
    model: HeadModel, rng: np.random.Generator, k: int, spread: float
) -> dict[str, Array]:
    expression = np.zeros(model.n_expression)
    if k % 3:
        for stem in PAIRED:
            if rng.random() < 0.25:
                both = [model.expression_index(stem + side) for side in ("Left", "Right")]
                expression[both] = rng.uniform(0, 0.7)
        for name in SINGLE:
            if rng.random() < 0.2:
                expression[model.expression_index(name)] = rng.uniform(0, 0.7)
    betas = rng.normal(0, spread, model.n_shape) * (k % 5 > 0)
    jaw = rng.uniform(0, 0.28) * (rng.random() < 0.6)
    gaze = np.array([rng.normal(0, 0.08), rng.normal(0, 0.15), 0])
    return {
        "betas": betas,
        "expression": expression,
        "jaw_pose": np.array([jaw, 0, 0]),
        "leye_pose": gaze,
        "reye_pose": gaze,
    }


def _rotation(pitch: float, yaw: float, roll: float) -> Array:
    cx, sx, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    cz, sz = np.cos(roll), np.sin(roll)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def _colours(model: HeadModel, rng: np.random.Generator) -> Array:
    """Random skin, brows, lips, hair on the scalp and irises."""
    assert model.albedo_mean is not None and model.albedo_dirs is not None
    amounts = rng.normal(0, 0.9, model.albedo_dirs.shape[2])
    colour: Array = np.float64(1) * model.albedo_mean + model.albedo_dirs @ amounts
    hair = rng.uniform(0.03, 0.35) * np.array([1, 0.75, 0.5])
    for name, chance, strength in (("brow", 1.0, 0.7), ("scalp", 0.85, 1.0)):
        if rng.random() < chance:
            blend = strength * model.masks[name][:, None]
            colour = (1 - blend) * colour + blend * hair
    return np.clip(colour * rng.uniform(0.95, 1.05, 3), 0.01, 1)


def _shade(
    model: HeadModel, rng: np.random.Generator, projected: Array, normals: Array
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The picture ``(512, 512, 3)`` and its depth ``(512, 512)``."""
    large = SIZE * OVERSAMPLE
    screen = torch.tensor(projected * [OVERSAMPLE, OVERSAMPLE, 1])[None]
    drawn = rasterize(screen, torch.tensor(model.faces), large, large)
    covered = drawn.mask[0].numpy()
    corners = model.faces[drawn.face[0].numpy()[covered]]
    weights = drawn.bary[0].numpy()[covered][..., None]
    colour = (_colours(model, rng)[corners] * weights).sum(1)
    normal = (normals[corners] * weights).sum(1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    light = np.array([rng.normal(0, 0.35), rng.uniform(0.1, 0.6), 1])
    light /= np.linalg.norm(light)
    half = (light + [0, 0, 1]) / np.linalg.norm(light + [0, 0, 1])
    gloss = 0.10 * np.clip(normal @ half, 0, 1) ** 18
    lit = colour * (0.45 + 0.6 * np.clip(normal @ light, 0, 1))[:, None] + gloss[:, None]
    picture = np.tile(rng.uniform(0.2, 0.9, 3), (large, large, 1))
    picture[covered] = np.clip(lit, 0, 1)
    picture = gaussian_filter(picture, (1, 1, 0))
    small = picture.reshape(SIZE, OVERSAMPLE, SIZE, OVERSAMPLE, 3).mean((1, 3))
    small = np.clip(small + rng.normal(0, 0.01, small.shape), 0, 1)
    behind = np.where(covered, drawn.depth[0].numpy(), np.inf)[::OVERSAMPLE, ::OVERSAMPLE]
    return (small * 255).astype(np.uint8), behind.astype(np.float32)
