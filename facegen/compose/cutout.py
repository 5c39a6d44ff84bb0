"""Transparency of moved cut-outs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.reference import Reference
from facegen.compose.warp import WarpResult


def compose_alpha(reference: Reference, result: WarpResult) -> NDArray[np.uint8] | None:
    """Alpha ``(H, W)`` uint8 that belongs to :func:`compose`'s frame; None for opaque photos.

    The photo's own alpha where nothing moved; what is painted is as opaque as the paint.
    """
    if reference.alpha is None:
        return None
    window = reference.window
    rows, cols = window.patch(reference.photo.shape)
    size = (window.side, window.side)
    inside = (
        slice(rows.start - window.y0, rows.stop - window.y0),
        slice(cols.start - window.x0, cols.stop - window.x0),
    )
    shift = cv2.resize(result.shift / window.scale, size, interpolation=cv2.INTER_LINEAR)[inside]
    cover = cv2.resize(result.cover, size, interpolation=cv2.INTER_LINEAR)[inside]
    height, width = cover.shape
    u = shift[..., 0] + np.arange(width, dtype=np.float32)
    v = shift[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    patch = reference.alpha[rows, cols]
    moved = cv2.remap(patch, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = reference.alpha.copy()
    alpha[rows, cols] = np.maximum(moved, np.rint(255 * cover).astype(np.uint8))
    return alpha
