"""What stands before a face, and what a camera and a codec make of the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.synthesis.plan import Lens, Scene

Rgb = NDArray[np.uint8]
Float = NDArray[np.float64]

_SIZE = 224  # pixels that ``Lens.blur_pixels`` is meant for


def seen_through(rgb: Rgb, lens: Lens, scene: Scene, rng: np.random.Generator) -> Rgb:
    """A picture as it would be found: hidden parts, other colours, softer, noisy, compressed.

    Args:
        rgb: ``(S, S, 3)`` uint8.
    """
    size = len(rgb)
    if rng.random() < scene.occluders:
        rgb = _hidden(rgb, rng)
    picture = _coloured(rgb / 255.0, lens, scene.light, rng)
    if rng.random() < lens.blur:
        picture = _blurred(picture, lens.blur_pixels * size / _SIZE, rng)
    side = size
    if rng.random() < lens.small:
        side = int(np.exp(rng.uniform(np.log(min(lens.small_side, size)), np.log(size))))
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < lens.noise:
        grain = rng.normal(0, lens.noise_level * rng.random(), (side, side, 1))
        speckle = rng.normal(0, 0.5 * lens.noise_level * rng.random(), (side, side, 3))
        picture = picture + grain + speckle
    out = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if rng.random() < lens.codec:
        quality = int(rng.uniform(*lens.codec_quality))
        _, data = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    if side != size:
        out = cv2.resize(out, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(out)


def _coloured(picture: Float, lens: Lens, light: float, rng: np.random.Generator) -> Float:
    """Exposure, contrast, tint, an uneven light across the picture; sometimes no colour at all."""
    size = len(picture)
    strength = lens.colour
    gamma = float(np.exp(strength * rng.normal(0, 0.2)))
    gain = np.exp(strength * (rng.normal(0, 0.12) + rng.normal(0, 0.05, 3)))
    out = np.clip(picture, 0, 1) ** gamma * gain
    direction = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, size)
    slope = np.cos(direction) * axis[None, :] + np.sin(direction) * axis[:, None]
    out = out * np.exp(light * rng.normal(0, 0.18) * slope)[..., None]
    grey = out.mean(-1, keepdims=True)
    saturation = float(np.clip(1 + strength * rng.normal(0, 0.25), 0, 1.8))
    if rng.random() < lens.grey:
        saturation = 0.0
    return np.asarray(np.clip(grey + saturation * (out - grey), 0, 1))


def _blurred(picture: Float, most: float, rng: np.random.Generator) -> Float:
    """Out of focus, or moved during the exposure."""
    amount = rng.uniform(0.3, 1) * most
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), amount))
    length = max(2, round(3 * amount))
    kernel = np.zeros((2 * length + 1, 2 * length + 1))
    angle = rng.uniform(0, np.pi)
    end = (length * np.cos(angle), length * np.sin(angle))
    first = (round(length - end[0]), round(length - end[1]))
    cv2.line(kernel, first, (round(length + end[0]), round(length + end[1])), (1.0,), 1)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()))


def _hidden(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A thing before the picture: a bar, a disc, a hand-like blob."""
    size = len(rgb)
    mask = np.zeros((size, size), np.uint8)
    centre = tuple(int(v) for v in rng.uniform(0.1, 0.9, 2) * size)
    way = rng.integers(3)
    if way == 0:
        axes = tuple(int(v) for v in rng.uniform(0.05, 0.2, 2) * size)
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, (255,), -1)
    elif way == 1:
        end = tuple(int(c + v) for c, v in zip(centre, rng.normal(0, 0.5, 2) * size, strict=True))
        cv2.line(mask, centre, end, (255,), max(2, int(rng.uniform(0.02, 0.1) * size)))
    else:
        for _ in range(4):
            end = tuple(
                int(c + v) for c, v in zip(centre, rng.normal(0, 0.2, 2) * size, strict=True)
            )
            cv2.line(mask, centre, end, (255,), max(2, int(0.05 * size)))
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 2)))[..., None] / 255.0
    ground = rng.uniform(10, 245) * (1 + rng.normal(0, 0.15, 3))
    shade = ground * (1 + 0.15 * np.linspace(-1, 1, size)[:, None, None])
    return np.rint(np.clip(rgb * (1 - soft) + shade * soft, 0, 255)).astype(np.uint8)
