"""Compositing at the photo's own resolution: only pixels that moved are touched."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.reference import CELL, Reference
from facegen.compose.window import HeadWindow
from facegen.flame.jit import F32, U8, jit

# Displacements below this (photo pixels) are invisible and leave the photo's own bytes.
STILL = 0.01
# Paint thinner than this is not worth touching a pixel for.
_THIN = 0.002
# Motion (inter-ocular distances) over which the fringe beyond the matte fades out.
CALM_PER_IOD = 0.03
# Rows handled at once: the strip's maps and samples then stay in the processor's cache.
_STRIP = 32
# Pixels around a position that bicubic samples look at, and a little for rounding.
_TAPS = 4


@jit
def _mix(field: F32, row: float, column: float, channel: int) -> float:
    """Bilinear value of ``field (S, S, C)`` at pixel indices inside it."""
    y0, x0 = int(row), int(column)
    fy, fx = row - y0, column - x0
    top = field[y0, x0, channel] * (1 - fx) + field[y0, x0 + 1, channel] * fx
    low = field[y0 + 1, x0, channel] * (1 - fx) + field[y0 + 1, x0 + 1, channel] * fx
    return top * (1 - fy) + low * fy


@jit
def _strip_maps(
    shift: F32,
    cover: F32,
    corner: tuple[int, int],
    scale: float,
    row0: int,
    calm: float,
    near: U8,
    maps: F32,
) -> tuple[int, int]:
    """Sampling positions and paint opacity of a strip of the patch.

    Args:
        shift, cover: of the window, ``(S, S, 2)`` in window pixels and ``(S, S, 1)``.
        corner: column and row of the patch's first pixel in the window, photo pixels.
        scale: window per photo pixel. row0: the strip's first row in the patch.
        calm: photo pixels of motion within which the person's fringe stays exactly as it is.
        near: of :func:`_near_person`.
        maps: ``(4, h, w)``, filled: OpenCV positions u, v in the patch; paint in 0..1, which is
            -1 where the photo stays as it is; and 1 at rest to 0 in motion.

    Returns:
        first and last touched column; the first is larger where there is none.
    """
    height, width = maps.shape[1:]
    limit = shift.shape[0] - 1.001
    first, last = width, -1
    for y in range(height):
        gy = min(max((row0 + y + corner[1] + 0.5) * scale - 0.5, 0.0), limit)
        for x in range(width):
            gx = min(max((x + corner[0] + 0.5) * scale - 0.5, 0.0), limit)
            p = _mix(cover, gy, gx, 0)
            if p < _THIN and near[(row0 + y) // CELL, x // CELL] == 0:
                maps[2, y, x] = -1
                continue
            dx = _mix(shift, gy, gx, 0) / scale
            dy = _mix(shift, gy, gx, 1) / scale
            maps[0, y, x], maps[1, y, x] = x + dx, row0 + y + dy
            maps[3, y, x] = np.exp(-(dx * dx + dy * dy) / (calm * calm))
            if p < _THIN and abs(dx) < STILL and abs(dy) < STILL:
                maps[2, y, x] = -1
                continue
            maps[2, y, x] = p if p >= _THIN else 0
            first, last = min(first, x), max(last, x)
    return first, last


@jit
def _blend(
    out: U8,
    sample: F32,
    background: U8,
    opacity: F32,
    rest: F32,
    paint: F32,
    place: tuple[int, int],
    scale: float,
) -> None:
    """Mix a strip in place: moved person over background, paint over both.

    Args:
        out, background: ``(h, w, 3)``. sample: ``(h, w, 4)`` moved layer.
        opacity, rest: ``(h, w)``, the last two maps of :func:`_strip_maps`.
        paint: ``(S, S, 3)`` premultiplied. place: column and row of the strip in the window,
            photo pixels. scale: window per photo pixel.
    """
    height, width = opacity.shape
    limit = paint.shape[0] - 1.001
    for y in range(height):
        gy = min(max((y + place[1] + 0.5) * scale - 0.5, 0.0), limit)
        for x in range(width):
            p = opacity[y, x]
            if p < 0:
                continue
            through = 1 - min(max(sample[y, x, 3], np.float32(0)), np.float32(1))
            # What the matte does not call person is as likely wall: it must not travel along.
            firm = min(4 * (1 - through), np.float32(1))
            for k in range(3):
                own = sample[y, x, k]
                own = rest[y, x] * own + (1 - rest[y, x]) * firm * max(own, np.float32(0))
                value = own + through * background[y, x, k]
                if p > 0:
                    gx = min(max((x + place[0] + 0.5) * scale - 0.5, 0.0), limit)
                    value = value * (1 - p) + _mix(paint, gy, gx, k)
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
    window = reference.window
    rows, cols = window.patch(frame.shape)
    patch = frame[rows, cols]
    left, top = cols.start - window.x0, rows.start - window.y0
    height, width = patch.shape[:2]
    strip = np.empty((4, _STRIP, width), np.float32)
    calm = CALM_PER_IOD * reference.geometry.iod / window.scale
    farthest = max(float(shift.max()), -float(shift.min())) / window.scale
    near = _near_person(reference.cells, farthest)
    for row in range(0, height, _STRIP):
        count = min(_STRIP, height - row)
        maps = strip[:, :count]
        first, last = _strip_maps(
            shift, cover[..., None], (left, top), window.scale, row, calm, near, maps
        )
        if first > last:
            continue
        part, lines = slice(first, last + 1), slice(row, row + count)
        u, v, opacity, rest = maps[:, :, part]
        sample = cv2.remap(reference.layer, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        _blend(
            patch[lines, part],
            np.asarray(sample, np.float32),
            reference.background[lines, part],
            opacity,
            rest,
            paint,
            (left + first, top + row),
            window.scale,
        )
    return frame


def _near_person(cells: NDArray[np.uint8], farthest: float) -> NDArray[np.uint8]:
    """Cells of the patch whose pixels can show the person, or did: the others keep their bytes.

    Args:
        cells: of the reference. farthest: any pixel's motion, photo pixels.
    """
    side = 2 * math.ceil((farthest + _TAPS) / CELL) + 1
    return np.asarray(cv2.dilate(cells, np.ones((side, side), np.uint8)), np.uint8)


def paste_window(
    reference: Reference,
    frame: NDArray[np.uint8],
    rgb: NDArray[np.uint8],
    mask: NDArray[np.float32],
    *,
    window: HeadWindow | None = None,
    lost: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Put a repainted window (a network's) back into the full frame.

    Only the difference to what the window already showed is enlarged and added: detail finer than
    the window stays, and pixels without mask keep their bytes.

    Args:
        frame: ``(H, W, 3)`` of :func:`composite`. rgb: ``(S, S, 3)`` the repainted window.
        mask: ``(S, S)`` 0..1, how much of it to take.
        window: where it stands, the reference's window if None.
        lost: ``(S, S)`` 0..1, where the frame's finer detail is not true and goes where painted.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    window = window or reference.window
    shown = window.crop(frame)
    change = (rgb.astype(np.float32) - shown) * mask[..., None]
    rows, cols = window.patch(frame.shape)
    patch = frame[rows, cols].astype(np.float32)
    out = frame.copy()
    result = patch + _enlarged(change, window, rows, cols)
    if lost is not None:
        fine = patch - _enlarged(shown.astype(np.float32), window, rows, cols)
        result -= _enlarged(lost * mask, window, rows, cols)[..., None] * fine
    # Bytes that nobody paints stay, whatever enlarging and rounding would make of them.
    touched = _enlarged(mask, window, rows, cols)[..., None] > _THIN
    out[rows, cols] = np.where(touched, np.rint(np.clip(result, 0, 255)), patch).astype(np.uint8)
    return out


def _enlarged(
    image: NDArray[np.float32], window: HeadWindow, rows: slice, cols: slice
) -> NDArray[np.float32]:
    """A window-sized image at the photo's resolution, the part that lies on the photo."""
    square = (window.side, window.side)
    large = np.asarray(cv2.resize(image, square, interpolation=cv2.INTER_LINEAR), np.float32)
    return large[
        rows.start - window.y0 : rows.stop - window.y0,
        cols.start - window.x0 : cols.stop - window.x0,
    ]
