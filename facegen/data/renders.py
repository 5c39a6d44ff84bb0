"""Training pairs from renders of the open head: any number of people, exact truth.

A render is no photo: skin is smooth, hair is cropped short. What it teaches is geometry, light, and
which of two surfaces hides the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facegen.compose.frame import head_frame
from facegen.data.pairs import Origin, PairMaker, Picture
from facegen.data.photos import random_head
from facegen.data.windows import Window
from facegen.flame.camera import Camera
from facegen.flame.lighting import directional_light, shade
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize_attributes
from facegen.motion import Motion
from facegen.posing import head_layer, resting_head

# Pixels of a picture's side per pixel of the window, and samples per pixel and axis.
_PICTURE_PER_SIZE, _SAMPLES = 1.6, 2
# What a tracker gets wrong: radians, metres, activation.
_POSE_NOISE, _PLACE_NOISE, _ACTION_NOISE = 0.008, 0.0006, 0.03
_CLOTH_BELOW = -2.6  # height in inter-ocular distances under the eyes


@dataclass(frozen=True, eq=False)
class Studio:
    """A made-up person before a wall.

    Attributes:
        albedo: ``(V, 3)`` 0..1. light: ``(9, 3)``. wall: ``(H, W, 3)`` 0..1.
        camera: of the picture.
    """

    head: HeadModel
    albedo: NDArray[np.float32]
    light: NDArray[np.float32]
    wall: NDArray[np.float32]
    camera: Camera

    @classmethod
    def random(cls, head: HeadModel, side: int, rng: np.random.Generator) -> Studio:
        """Skin, cropped hair, a shirt, light and a wall."""
        return cls(
            head=head,
            albedo=_random_albedo(head, rng),
            light=_random_light(rng),
            wall=_random_wall(side, rng),
            camera=Camera.from_fov(side, side, float(rng.uniform(12, 35))),
        )

    def picture(self, fit: Motion, number: int = 0) -> Picture:
        """The person as a camera sees them; the matte is exact."""
        with torch.inference_mode():
            vertices = head_layer(self.head)(**fit.tensors()).vertices[0].numpy()
        side = self.camera.width * _SAMPLES
        lens = self.camera.cropped(0, 0, _SAMPLES, side, side)
        values = np.concatenate([frame_normals(vertices, self.head.faces), self.albedo], 1)
        drawn, face, _ = rasterize_attributes(
            lens.project(vertices), self.head.faces, values, side, side, perspective=True
        )
        normal = torch.from_numpy(np.ascontiguousarray(drawn[..., :3]))
        normal = torch.nn.functional.normalize(normal.float(), dim=-1)
        albedo = torch.from_numpy(np.ascontiguousarray(drawn[..., 3:])).float()
        colour = shade(normal, albedo, torch.from_numpy(self.light)).numpy()
        seen = (face >= 0).astype(np.float32)
        size = (self.camera.width, self.camera.width)
        # Averaged in premultiplied light, so that outlines mix skin with the wall.
        body = cv2.resize(colour * seen[..., None], size, interpolation=cv2.INTER_AREA)
        matte = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), np.float32)
        rgb = np.clip(body + (1 - matte[..., None]) * self.wall, 0, 1)
        return Picture(np.rint(rgb * 255).astype(np.uint8), fit, matte, number)


def render_windows(
    head: HeadModel, origin: Origin, *, pairs: int, size: int, seed: int
) -> Iterator[Window]:
    """Pairs of one made-up person."""
    rng = np.random.default_rng(seed)
    studio = Studio.random(head, round(_PICTURE_PER_SIZE * size), rng)
    rest = _random_person(head, studio.camera, rng)
    fit = random_head(rest, head, rng)
    shown = studio.picture(fit)
    maker = PairMaker(head, replace(shown, fit=tracked(fit, rng)), size)
    for number in range(1, pairs + 1):
        fit = random_head(rest, head, rng)
        target = studio.picture(fit, number)
        yield maker.pair(replace(target, fit=tracked(fit, rng)), origin)


def tracked(fit: Motion, rng: np.random.Generator) -> Motion:
    """A one-frame motion as a tracker would report it: a little off."""
    noisy = {
        name: getattr(fit, name) + rng.normal(0, _POSE_NOISE, (1, 3))
        for name in ("neck_pose", "jaw_pose", "leye_pose", "reye_pose")
    }
    noisy["transl"] = fit.transl + rng.normal(0, _PLACE_NOISE, (1, 3))
    shown = fit.expression != 0
    noisy["expression"] = fit.expression + shown * rng.normal(0, _ACTION_NOISE, shown.shape)
    return replace(fit, **{name: value.astype(np.float32) for name, value in noisy.items()})


def _random_person(head: HeadModel, camera: Camera, rng: np.random.Generator) -> Motion:
    """A calm head in the middle of the picture, one frame."""
    iod = head_frame(head).iod
    # The head's window is about the picture over ``_PICTURE_PER_SIZE`` wide.
    distance = camera.focal * iod * 5.2 * _PICTURE_PER_SIZE / camera.width * rng.uniform(1, 1.2)
    place = (rng.normal(0, 0.4 * iod), -head_frame(head).eyes.mean(0)[1], -distance)
    betas = rng.normal(0, 0.9, head.n_shape) * head.shape_sigma
    return resting_head(head, camera, place, betas.astype(np.float32))


def _random_albedo(head: HeadModel, rng: np.random.Generator) -> NDArray[np.float32]:
    mean = np.full((head.n_vertices, 3), 0.7) if head.albedo_mean is None else head.albedo_mean
    albedo = mean.astype(np.float64)
    if head.albedo_dirs is not None:
        albedo = albedo + head.albedo_dirs @ rng.normal(0, 1, head.albedo_dirs.shape[-1])
    hair = head.masks.get("hair_shell", head.masks.get("scalp"))
    if hair is not None and rng.random() < 0.85:
        tint = rng.uniform(0.02, 0.5) * np.array([1, rng.uniform(0.6, 0.95), rng.uniform(0.3, 0.9)])
        strands = rng.uniform(0.75, 1.15, (head.n_vertices, 1))
        albedo += np.asarray(hair, np.float64)[:, None] * (tint * strands - albedo)
    cloth = head_frame(head).local[:, 1] < _CLOTH_BELOW + rng.normal(0, 0.1)
    albedo[cloth] = rng.uniform(0.05, 0.9, 3)
    return np.clip(albedo, 0.01, 1).astype(np.float32)


def _random_light(rng: np.random.Generator) -> NDArray[np.float32]:
    """One to three lamps and an even share, each with a tint."""
    total = np.zeros((9, 3))
    ambient = rng.uniform(0.15, 0.5)
    for _ in range(int(rng.integers(1, 4))):
        direction = rng.normal(0, 1, 3) * (1, 0.7, 0.5) + (0, 0.4, 0.6)
        lamp = directional_light(direction.tolist(), intensity=rng.uniform(0.2, 0.7), ambient=0)
        total += lamp.double().numpy() * np.exp(rng.normal(0, 0.12, 3))
    total += directional_light((0, 0, 1), intensity=0, ambient=ambient).double().numpy()
    return total.astype(np.float32)


def _random_wall(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Soft shapes in a few sizes: ``(side, side, 3)`` in 0..1."""
    wall = np.tile(rng.uniform(0.1, 0.9, 3), (side, side, 1))
    for cells in (2, 4, 8, 32):
        # Mostly grey: walls are less colourful than their light is uneven.
        grid = rng.normal(0, rng.uniform(0, 0.35) / cells**0.7, (cells, cells, 1))
        grid = grid + rng.normal(0, rng.uniform(0, 0.12) / cells**0.7, (cells, cells, 3))
        wall = wall + cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(wall, 0, 1).astype(np.float32)
