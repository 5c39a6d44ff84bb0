"""Compositing at the photo's own resolution: only pixels that moved are touched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.compose.reference import FIXED, Reference
from facegen.flame.raster._jit import F32, U8, jit

# Displacements below this (photo pixels) are invisible and leave the photo's own bytes.
STILL = 0.01


@jit
def _weight(t: float, tap: int) -> float:
    """Keys 1981 cubic convolution, a = -1/2: sharp, and exact on whole pixels."""
    if tap == 0:
        return ((-0.5 * t + 1.0) * t - 0.5) * t
    if tap == 1:
        return (1.5 * t - 2.5) * t * t + 1.0
    if tap == 2:
        return ((-1.5 * t + 2.0) * t + 0.5) * t
    return (0.5 * t - 0.5) * t * t


@jit
def _cubic(layer: NDArray[np.int16], x: float, y: float, sample: F32) -> None:
    """Bicubic sample of ``layer (h, w, 4)`` into ``sample (4,)``; whole numbers are pixel centres.

    Edges repeat.
    """
    height, width = layer.shape[:2]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    column, row = int(x), int(y)
    tx, ty = x - column, y - row
    x0, x1, x2, x3 = _weight(tx, 0), _weight(tx, 1), _weight(tx, 2), _weight(tx, 3)
    left, right = max(column - 1, 0), min(column + 1, width - 1)
    last = min(column + 2, width - 1)
    for k in range(4):
        sample[k] = 0
    for j in range(4):
        r = min(max(row + j - 1, 0), height - 1)
        w = _weight(ty, j)
        w0, w1, w2, w3 = (
            np.float32(w * x0),
            np.float32(w * x1),
            np.float32(w * x2),
            np.float32(w * x3),
        )
        for k in range(4):
            sample[k] += (
                w0 * layer[r, left, k]
                + w1 * layer[r, column, k]
                + w2 * layer[r, right, k]
                + w3 * layer[r, last, k]
            )


@jit
def _compose(
    out: U8,
    layer: NDArray[np.int16],
    background: U8,
    shift: F32,
    paint: F32,
    cover: F32,
    left: int,
    top: int,
    scale: float,
) -> None:
    """Rewrite the touched pixels of ``out`` in place.

    Args:
        out: ``(h, w, 3)`` uint8, the photo's part under the window.
        layer, background: of the reference. shift: ``(S, S, 2)`` window pixels.
        paint, cover: ``(S, S, 3)`` and ``(S, S)`` painted colour and its opacity.
        left, top: of the patch inside the window, photo pixels. scale: window per photo pixel.
    """
    height, width = out.shape[:2]
    size = shift.shape[0]
    sample = np.empty(4, np.float32)
    full = 1.0 / FIXED
    opaque = 1.0 / (255.0 * FIXED)
    for y in range(height):
        gy = min(max((y + top + 0.5) * scale - 0.5, 0.0), size - 1.001)
        y0 = int(gy)
        fy = np.float32(gy - y0)
        for x in range(width):
            gx = min(max((x + left + 0.5) * scale - 0.5, 0.0), size - 1.001)
            x0 = int(gx)
            fx = np.float32(gx - x0)
            a, b = (1 - fy) * (1 - fx), (1 - fy) * fx
            c, d = fy * (1 - fx), fy * fx
            x1, y1 = x0 + 1, y0 + 1
            dx = a * shift[y0, x0, 0] + b * shift[y0, x1, 0]
            dx = (dx + c * shift[y1, x0, 0] + d * shift[y1, x1, 0]) / scale
            dy = a * shift[y0, x0, 1] + b * shift[y0, x1, 1]
            dy = (dy + c * shift[y1, x0, 1] + d * shift[y1, x1, 1]) / scale
            p = a * cover[y0, x0] + b * cover[y0, x1] + c * cover[y1, x0] + d * cover[y1, x1]
            if p < 0.002 and abs(dx) < STILL and abs(dy) < STILL:
                continue
            through = np.float32(0)
            if p < 0.998:
                _cubic(layer, x + dx, y + dy, sample)
                through = 1 - min(max(sample[3] * opaque, 0.0), 1.0)
            for k in range(3):
                value = sample[k] * full + through * background[y, x, k] if p < 0.998 else 0.0
                if p >= 0.002:
                    ink = a * paint[y0, x0, k] + b * paint[y0, x1, k]
                    ink += c * paint[y1, x0, k] + d * paint[y1, x1, k]
                    # Paint comes premultiplied, so that its colour does not bleed at the edge.
                    value = value * (1 - p) + ink
                out[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


def composite(
    reference: Reference,
    shift: NDArray[np.float32],
    paint: NDArray[np.float32],
    cover: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The full frame at the photo's resolution.

    Args:
        shift: ``(S, S, 2)`` backward displacement, window pixels.
        paint: ``(S, S, 3)`` float32 0..255, premultiplied by ``cover (S, S)`` in 0..1.

    Returns:
        ``(H, W, 3)`` uint8; bytes of the photo wherever nothing moved.
    """
    frame = reference.photo.copy()
    rows, cols = reference.window.patch(frame.shape)
    window = reference.window
    _compose(
        frame[rows, cols],
        reference.layer,
        reference.background,
        shift,
        paint,
        cover,
        cols.start - window.x0,
        rows.start - window.y0,
        window.scale,
    )
    return frame
