"""What stands behind a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def backdrop(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A wall or an unfocused place: ``(H, W, 3)`` uint8, mostly of little colour."""
    height, width = shape
    side = 64
    ground = rng.uniform(15, 240) * (1 + rng.normal(0, 0.12, 3))
    picture = np.tile(ground, (side, side, 1))
    slope = np.linspace(-1, 1, side)
    across, down = rng.normal(0, 30, 2)
    picture += (across * slope[None, :] + down * slope[:, None])[..., None]
    for _ in range(int(rng.integers(0, 9))):
        _thing(picture, rng)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 5)))
    out = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = cv2.resize(
        rng.normal(0, rng.uniform(0, 6), (height // 2 + 1, width // 2 + 1, 1)), (width, height)
    )
    return np.rint(np.clip(out + grain[..., None], 0, 255)).astype(np.uint8)


def _thing(picture: NDArray[np.float64], rng: np.random.Generator) -> None:
    """A box or a disc of another colour, in place."""
    side = len(picture)
    colour = tuple(float(c) for c in rng.uniform(10, 245) * (1 + rng.normal(0, 0.25, 3)))
    x, y = (int(v) for v in rng.integers(0, side, 2))
    w, h = (int(v) for v in rng.integers(2, side // 2, 2))
    if rng.random() < 0.6:
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    else:
        cv2.circle(picture, (x, y), w // 2 + 1, colour, -1)
