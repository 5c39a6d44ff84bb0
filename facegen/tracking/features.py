"""Follows small features of hair, ears and temples from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.faces import person_matte
from facegen.flame.landmark_sets import LEFT_IRIS_CENTRE, OVAL, RIGHT_IRIS_CENTRE

Image = NDArray[np.uint8]
Landmarks = NDArray[np.floating]

_EYE_DISTANCE = 80.0  # pixels between the eyes at which features are followed
_WANTED, _FEWEST = 70, 35
_LIFETIME = 200  # frames after which a feature is given up, against drift
_ROUND_TRIP = 0.4  # pixels (at that scale) between a feature and its way there and back
_SURE = 0.9  # matte value of what certainly is the person


@dataclass(frozen=True, eq=False)
class Features:
    """Features of one frame: ``ids (N,)`` that stay with them, ``pixels (N, 2)``."""

    ids: NDArray[np.int64]
    pixels: NDArray[np.float64]


class FeatureFollower:
    """Pyramidal Lucas-Kanade with a check of the way back (Kalal et al. 2010)."""

    def __init__(self) -> None:
        self._next_id = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything: after a cut or a lost face."""
        self._grey: Image | None = None
        self._scale = 1.0
        self._ids = np.zeros(0, np.int64)
        self._ages = np.zeros(0, np.int64)
        self._points = np.zeros((0, 1, 2), np.float32)

    def __call__(self, rgb: Image, landmarks: Landmarks) -> Features:
        """Features of the next frame.

        Args:
            rgb: ``(H, W, 3)``. landmarks: ``(478, >= 2)`` pixels of the same frame.
        """
        apart = landmarks[RIGHT_IRIS_CENTRE, :2] - landmarks[LEFT_IRIS_CENTRE, :2]
        scale = min(1.0, _EYE_DISTANCE / max(float(np.hypot(*apart)), 1.0))
        if self._grey is None or not 0.7 < scale / self._scale < 1.4:
            self.reset()
            self._scale = scale
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        if self._scale < 1:
            grey = cv2.resize(
                grey, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA
            )
        if self._grey is not None and len(self._ids):
            self._follow(self._grey, grey)
        self._grey = grey
        if len(self._ids) < _FEWEST:
            self._top_up(rgb, grey, landmarks)
        # Pixel centres stand at half-integers, OpenCV's at integers.
        pixels = (self._points[:, 0].astype(np.float64) + 0.5) / self._scale
        return Features(self._ids.copy(), pixels)

    def _follow(self, before: Image, now: Image) -> None:
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, self._points, None)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)
        gap = np.abs(back - self._points).max((1, 2))
        height, width = now.shape
        inside = ((there >= 0) & (there < (width, height))).all((1, 2))
        kept = (found[:, 0] > 0) & (returned[:, 0] > 0) & (gap < _ROUND_TRIP) & inside
        kept &= self._ages < _LIFETIME
        self._ids, self._points = self._ids[kept], there[kept]
        self._ages = self._ages[kept] + 1

    def _top_up(self, rgb: Image, grey: Image, landmarks: Landmarks) -> None:
        mask = self._where(rgb, grey.shape, landmarks[:, :2] * self._scale)
        for x, y in self._points[:, 0]:
            cv2.circle(mask, (int(x), int(y)), 5, 0, -1)
        fresh = cv2.goodFeaturesToTrack(grey, _WANTED - len(self._ids), 0.01, 5, mask=mask)
        if fresh is None:
            return
        ids = np.arange(self._next_id, self._next_id + len(fresh))
        self._next_id += len(fresh)
        # Spread of first ages: not all features end at once.
        ages = np.arange(len(fresh)) * _LIFETIME // (2 * _WANTED)
        self._ids = np.concatenate([self._ids, ids])
        self._ages = np.concatenate([self._ages, ages])
        self._points = np.concatenate([self._points, fresh])

    def _where(self, rgb: Image, shape: tuple[int, ...], points: Landmarks) -> Image:
        """Hair, ears and temples: around the face, above the mouth, on the person."""
        mask = np.zeros(shape[:2], np.uint8)
        eyes = (points[RIGHT_IRIS_CENTRE] + points[LEFT_IRIS_CENTRE]) / 2
        side = points[LEFT_IRIS_CENTRE] - points[RIGHT_IRIS_CENTRE]
        oval = points[list(OVAL)]
        size = float(np.linalg.norm(oval - oval.mean(0), axis=1).mean())
        tilt = float(np.degrees(np.arctan2(side[1], side[0])))
        up = np.array([side[1], -side[0]]) / max(float(np.hypot(*side)), 1e-6)
        centre = eyes + 0.35 * size * up
        axes = (1.35 * size, 1.5 * size)
        cv2.ellipse(mask, (tuple(map(float, centre)), (2 * axes[0], 2 * axes[1]), tilt), 255, -1)
        cv2.fillPoly(mask, [np.rint(oval).astype(np.int32)], 0)
        rows, columns = np.indices(mask.shape)
        below = (columns - eyes[0]) * up[0] + (rows - eyes[1]) * up[1] < -0.7 * size
        mask[below] = 0
        small = cv2.resize(rgb, shape[1::-1], interpolation=cv2.INTER_AREA)
        sure = (person_matte(small) > _SURE).astype(np.uint8)
        margin = max(3, round(0.12 * size)) | 1
        mask[cv2.erode(sure, np.ones((margin, margin), np.uint8)) == 0] = 0
        return mask
