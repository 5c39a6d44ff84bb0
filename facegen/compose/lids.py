"""Closing eyelids: lid skin that the open eye of the photo shows only as a thin fold."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.reference import Reference
from facegen.flame.model import HeadModel

# MediaPipe landmarks of each eye, corner to corner: upper lid's edge, its crease, lower lid's edge.
_UPPER = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
)
_CREASE = (
    (33, 247, 30, 29, 27, 28, 56, 190, 133),
    (263, 467, 260, 259, 257, 258, 286, 414, 362),
)
_LOWER = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
)
# Share of the photo's eye opening that must close before lid is painted, and is all painted.
_STARTS, _ENDS = 0.15, 0.55
_SUBPIXEL = 4
_LASH = 0.28


class LidPaint:
    """Paints lids in the colour of the skin above them, with a lash line along their edge.

    Args:
        reference: the prepared photo.
    """

    def __init__(self, reference: Reference) -> None:
        self._iod = reference.geometry.iod
        self._size = reference.window.size
        self._model = reference.model
        self._known = "mediapipe478" in reference.model.landmarks
        if not self._known:
            return
        points = self._points(reference.geometry.pixels)
        soft = cv2.GaussianBlur(reference.image, (0, 0), max(0.5, 0.02 * self._iod))
        self._open = [_opening(points, side) for side in (0, 1)]
        self._colour = [_lid_colour(points, side, soft) for side in (0, 1)]

    def paint(
        self,
        pixels: NDArray[np.float32],
        colour: NDArray[np.float32],
        cover: NDArray[np.float32],
    ) -> None:
        """Draw over ``colour (S, S, 3)`` and ``cover (S, S)`` in place (not premultiplied).

        Args:
            pixels: ``(V, >= 2)`` driven vertices in the window.
        """
        if not self._known:
            return
        points = self._points(pixels)
        for side in (0, 1):
            # An eye that the photo shows shut has no more lid to uncover.
            if self._open[side] < 0.05 * self._iod:
                continue
            closed = 1 - _opening(points, side) / self._open[side]
            strength = float(np.clip((closed - _STARTS) / (_ENDS - _STARTS), 0, 1))
            if strength > 0:
                self._draw(points, side, strength, colour, cover)

    def _draw(
        self,
        points: NDArray[np.float64],
        side: int,
        strength: float,
        colour: NDArray[np.float32],
        cover: NDArray[np.float32],
    ) -> None:
        edge, crease = points[list(_UPPER[side])], points[list(_CREASE[side])]
        reach = 0.03 * self._iod
        low = np.floor(np.minimum(edge, crease).min(0) - 4 * reach).astype(int)
        high = np.ceil(np.maximum(edge, crease).max(0) + 4 * reach).astype(int)
        low, high = np.clip(low, 0, self._size), np.clip(high, 0, self._size)
        width, height = high - low
        if width < 3 or height < 3:
            return
        lid = np.zeros((height, width, 3), np.float32)
        mask = np.zeros((height, width), np.float32)
        lash = np.zeros((height, width), np.float32)
        for k in range(len(edge) - 1):
            quad = np.array([edge[k], edge[k + 1], crease[k + 1], crease[k]]) - low
            tone = self._colour[side][k : k + 2].mean(0)
            cv2.fillConvexPoly(lid, _fixed(quad), tone.tolist(), cv2.LINE_8, _SUBPIXEL)
            cv2.fillConvexPoly(mask, _fixed(quad), (1.0,), cv2.LINE_8, _SUBPIXEL)
        thickness = max(1, round(0.014 * self._iod))
        cv2.polylines(
            lash, [_fixed(edge[1:-1] - low)], False, (1.0,), thickness, cv2.LINE_8, _SUBPIXEL
        )
        sigma = max(0.6, reach)
        weight = cv2.GaussianBlur(mask, (0, 0), sigma)
        lid = cv2.GaussianBlur(lid, (0, 0), sigma) / np.maximum(weight, 1e-3)[..., None]
        soft = np.clip(cv2.GaussianBlur(mask, (0, 0), 0.5 * sigma) * 1.6, 0, 1)
        line = cv2.GaussianBlur(lash, (0, 0), max(0.5, 0.3 * sigma))
        # The ball's roundness: light fades towards the edge of the lid.
        fade = cv2.GaussianBlur(lash, (0, 0), max(1.0, 0.05 * self._iod))
        shade = 1 - 0.3 * fade / max(float(fade.max()), 1e-6)
        shade *= 1 - (1 - _LASH) * np.clip(line, 0, 1)
        lid *= shade[..., None]
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        alpha = strength * np.maximum(soft, 0.8 * np.clip(line, 0, 1))
        total = alpha + cover[box] * (1 - alpha)
        under = colour[box] * (cover[box] * (1 - alpha))[..., None]
        mixed = lid * alpha[..., None] + under
        colour[box] = mixed / np.maximum(total, 1e-6)[..., None]
        cover[box] = total

    def _points(self, pixels: NDArray) -> NDArray[np.float64]:
        return landmark_pixels(self._model, pixels)


def landmark_pixels(model: HeadModel, pixels: NDArray) -> NDArray[np.float64]:
    """The 478 landmarks ``(478, 2)`` of projected vertices ``(V, >= 2)``."""
    embedding = model.landmarks["mediapipe478"]
    return embedding.on(pixels[:, :2], model.faces)


def _opening(points: NDArray[np.float64], side: int) -> float:
    """Mean distance of the lids' edges, pixels; lids that overlap count as shut."""
    upper, lower = points[list(_UPPER[side][1:-1])], points[list(_LOWER[side][1:-1])]
    up = points[list(_CREASE[side][1:-1])] - lower
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    return float(np.maximum(((upper - lower) * up).sum(1), 0).mean())


def _lid_colour(
    points: NDArray[np.float64], side: int, image: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Skin just above the crease, ``(9, 3)`` along the lid; corners take their neighbour's."""
    crease, edge = points[list(_CREASE[side])], points[list(_UPPER[side])]
    at = crease + 0.6 * (crease - edge)
    x = np.clip(at[:, 0].astype(int), 0, image.shape[1] - 1)
    y = np.clip(at[:, 1].astype(int), 0, image.shape[0] - 1)
    colour = image[y, x].astype(np.float32)
    colour[0], colour[-1] = colour[1], colour[-2]
    return cv2.blur(colour[:, None], (1, 3)).reshape(-1, 3)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """OpenCV's fixed-point corners; its pixel centres are whole numbers, ours halves."""
    return np.rint((points - 0.5) * (1 << _SUBPIXEL)).astype(np.int32)
