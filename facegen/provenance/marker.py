"""Puts the mark into pictures: stronger on busy ground, weaker in the dark, never flickering."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.flame.jit import jit
from facegen.provenance.pattern import KEY, QUICK, SLOW, Layer, tile_of
from facegen.provenance.payload import Payload

Rgb8 = NDArray[np.uint8]

# Grey levels (standard deviation) on smooth ground, and the most of the quick layer elsewhere.
SLOW_LEVEL, QUICK_LEVEL, QUICK_MOST = 0.9, 0.6, 2.2
_GAIN = 0.2  # levels of the quick layer for one level of the picture's own standard deviation
_DROWNED = 8.0  # of the picture's deviation: there the slow layer is down to half
# Luma between which the strength is whole; towards black and white it falls to 60 %, where smooth
# ground shows it first.
_DARK, _BRIGHT, _EDGE = 48.0, 215.0, 0.6
_CELL = 1 / 128  # of the shorter side: the picture's activity is measured in such cells


class Marker:
    """Marks pictures of one size; make it once a video.

    The pattern stands still while pictures move, so it does not flicker and survives compression
    of still backgrounds.
    """

    def __init__(self, width: int, height: int, payload: Payload, *, key: bytes = KEY) -> None:
        fields = [_field(payload, layer, key, width, height) for layer in (SLOW, QUICK)]
        self._slow, self._quick = fields

    def __call__(self, rgb: Rgb8) -> Rgb8:
        """A marked copy of ``(H, W, 3)`` uint8.

        Raises:
            ValueError: the picture has another size.
        """
        if rgb.shape[:2] != self._slow.shape:
            raise ValueError(f"picture {rgb.shape[:2]} for a marker of {self._slow.shape}")
        slow, quick = strength(rgb)
        return _add(np.ascontiguousarray(rgb), self._slow, slow, self._quick, quick)


def _field(
    payload: Payload, layer: Layer, key: bytes, width: int, height: int
) -> NDArray[np.float32]:
    """A layer's tile laid over a picture: ``(height, width)``."""
    unit = layer.short_side / min(width, height)
    shift = 0.5 * unit - 0.5  # pixel centres stand at half-integers in both grids
    matrix = np.array([[unit, 0, shift], [0, unit, shift]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    tile = tile_of(payload, layer, key)
    return cv2.warpAffine(tile, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)


def strength(rgb: Rgb8) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grey levels ``(H, W)`` of the slow and of the quick layer that a picture hides."""
    height, width = rgb.shape[:2]
    cell = max(1, round(_CELL * min(width, height)))
    small = (-(-width // cell), -(-height // cell))
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    mean = cv2.resize(luma, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    square = cv2.resize(_squares(luma), small, interpolation=cv2.INTER_AREA)
    wide = cv2.boxFilter(mean, -1, (3, 3))
    busy = np.sqrt(np.maximum(cv2.boxFilter(square, -1, (3, 3)) - wide * wide, 0))
    # An edge is busy on one side only: its smooth side sets the strength.
    busy = cv2.erode(busy, np.ones((3, 3), np.uint8))
    light = np.interp(wide, (0, _DARK, _BRIGHT, 255), (_EDGE, 1, 1, _EDGE)).astype(np.float32)
    slow = light * SLOW_LEVEL / (1 + (busy / _DROWNED) ** 2)
    quick = light * np.minimum(QUICK_LEVEL + _GAIN * busy, QUICK_MOST)
    return cv2.resize(slow, (width, height)), cv2.resize(quick, (width, height))


def _squares(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.multiply(luma, luma, dtype=cv2.CV_32F)


@jit
def _add(
    rgb: NDArray[np.uint8],
    slow: NDArray[np.float32],
    slow_level: NDArray[np.float32],
    quick: NDArray[np.float32],
    quick_level: NDArray[np.float32],
) -> NDArray[np.uint8]:
    out = np.empty_like(rgb)
    for y in range(rgb.shape[0]):
        for x in range(rgb.shape[1]):
            wave = slow[y, x] * slow_level[y, x] + quick[y, x] * quick_level[y, x]
            change = int(np.rint(wave))
            for c in range(3):
                out[y, x, c] = min(max(rgb[y, x, c] + change, 0), 255)
    return out
