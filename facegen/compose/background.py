"""What stands behind the person, and filling of unknown pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def push_pull(image: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill pixels of low weight from their surroundings, coarse to fine.

    Gortler et al. 1996, "The lumigraph", section 3.4.

    Args:
        image: ``(h, w, c)`` float32. weight: ``(h, w)`` float32 in 0..1, 0 where unknown.

    Returns:
        ``(h, w, c)``; pixels of weight 1 keep their value.
    """
    pyramid = [(image * weight[..., None], weight)]
    while min(pyramid[-1][1].shape) > 2:
        colour, known = pyramid[-1]
        half = ((known.shape[1] + 1) // 2, (known.shape[0] + 1) // 2)
        colour = cv2.resize(colour, half, interpolation=cv2.INTER_AREA).reshape(*half[::-1], -1)
        pyramid.append((colour, cv2.resize(known, half, interpolation=cv2.INTER_AREA)))
    colour, known = pyramid[-1]
    filled = colour / np.maximum(known, 1e-6)[..., None]
    # Even the coarsest level may have empty pixels: they take the mean of the others.
    overall = colour.sum((0, 1)) / max(float(known.sum()), 1e-6)
    filled = np.where(known[..., None] > 1e-6, filled, overall)
    for level, (colour, known) in enumerate(pyramid[-2::-1]):
        shape = (known.shape[1], known.shape[0])
        filled = cv2.resize(filled, shape, interpolation=cv2.INTER_LINEAR)
        filled = filled.reshape(*known.shape, -1)
        # Coarse levels count as known at a quarter of coverage; the finest one keeps its weight.
        trust = known if level == len(pyramid) - 2 else np.clip(known * 4, 0, 1)
        mean = colour / np.maximum(known, 1e-6)[..., None]
        filled += trust[..., None] * (mean - filled)
    return filled


def background_layer(
    patch: NDArray[np.uint8], person: NDArray[np.float32], margin: int
) -> NDArray[np.uint8]:
    """The patch without the person.

    Args:
        patch: ``(h, w, 3)``. person: ``(h, w)`` matte in 0..1.
        margin: pixels around the person that may still carry its colour.

    Returns:
        ``(h, w, 3)``; equal to the patch wherever the person is at least ``margin`` away.
    """
    grown = _grow(person, margin)
    sure = (grown < 0.02).astype(np.float32)
    if not sure.any():
        return patch.copy()
    scale = min(1.0, 384 / max(person.shape))
    size = (max(2, round(person.shape[1] * scale)), max(2, round(person.shape[0] * scale)))
    small = cv2.resize(
        patch.astype(np.float32) * sure[..., None], size, interpolation=cv2.INTER_AREA
    )
    weight = cv2.resize(sure, size, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(weight, 1e-6)[..., None]
    filled = push_pull(small, np.where(weight > 0.5, weight, 0))
    filled = cv2.resize(filled, person.shape[::-1], interpolation=cv2.INTER_LINEAR)
    blend = np.where(sure > 0, 0, np.clip(grown / 0.02 - 1, 0, 1))[..., None]
    return np.rint(patch + blend * (filled - patch)).astype(np.uint8)


def _grow(person: NDArray[np.float32], margin: int) -> NDArray[np.float32]:
    size = 2 * max(1, margin) + 1
    grown = cv2.dilate(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return np.maximum(cv2.blur(grown, (size // 2 * 2 + 1,) * 2), person)
