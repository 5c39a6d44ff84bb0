"""Colour for what the photo does not show: hidden skin, the mouth's inside, the eyes."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose import field as fields
from facegen.compose.background import push_pull
from facegen.compose.reference import Reference


class Surface(NamedTuple):
    """The driven head in the window: fragments, attributes and what the photo knows of them."""

    face_id: NDArray[np.int32]
    attributes: NDArray[np.float32]
    state: NDArray[np.uint8]
    trust: NDArray[np.float32]
    pixels: NDArray[np.float32]
    vertices: NDArray[np.float32]


class Painter:
    """Paints the pixels that cannot be moved from the photo."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        size = reference.window.size // fields.COARSE
        self._small = cv2.resize(
            reference.image, (size, size), interpolation=cv2.INTER_AREA
        ).astype(np.float32)

    def paint(
        self, surface: Surface, shift: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Premultiplied colour ``(S, S, 3)`` 0..255 and opacity ``(S, S)`` 0..1."""
        size = shift.shape[0]
        colour = np.zeros((size, size, 3), np.float32)
        cover = np.zeros((size, size), np.float32)
        box = _box(surface.state >= fields.HOLE)
        if box is None:
            return colour, cover
        part = surface.state[box]
        hidden = part == fields.HIDDEN
        ink = np.zeros((*part.shape, 3), np.float32)
        if hidden.any():
            ink[hidden] = self._fill(surface, shift, box)[hidden]
        hole = part == fields.HOLE
        if hole.any():
            ink[hole] = self.reference.skin * 0.4
        mask = (hidden | hole).astype(np.float32)
        soft = cv2.blur(mask, (3, 3))
        spread = cv2.blur(ink * mask[..., None], (3, 3))
        colour[box] = spread
        cover[box] = soft
        return colour, cover

    def _fill(
        self, surface: Surface, shift: NDArray[np.float32], box: tuple[slice, slice]
    ) -> NDArray[np.float32]:
        """Smooth continuation of the skin and hair that the photo does show."""
        step = fields.COARSE
        half = step // 2
        coarse = shift[half::step, half::step] / step
        count = coarse.shape[0]
        axis = np.arange(count, dtype=np.float32)
        grid = np.dstack(np.meshgrid(axis, axis)) + coarse
        moved = cv2.remap(
            self._small, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        state = surface.state[half::step, half::step]
        kind = surface.attributes[half::step, half::step, 3] > fields.GRAZING
        known = ((state == fields.SEEN) & kind).astype(np.uint8)
        known = cv2.erode(known, np.ones((3, 3), np.uint8)).astype(np.float32)
        filled = push_pull(moved, known)
        size = shift.shape[0]
        return cv2.resize(filled, (size, size), interpolation=cv2.INTER_LINEAR)[box]


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    size = len(mask)
    return (
        slice(max(rows[0] - 2, 0), min(rows[-1] + 3, size)),
        slice(max(cols[0] - 2, 0), min(cols[-1] + 3, size)),
    )
