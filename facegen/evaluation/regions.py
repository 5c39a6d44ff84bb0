"""Regions of a face crop, drawn from the true frame's landmarks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Face
from facegen.flame.landmark_sets import EYES, LIPS, OVAL

REGIONS = ("full", "face", "mouth", "eyes", "background", "hair")
Mask = NDArray[np.bool_]

# Share of a box's side added on each side; the hair band's width in inter-ocular distances.
_MOUTH_MARGIN = 0.25
_EYE_MARGIN = 0.25
_HAIR_BAND = 0.7
_HEAD_BAND = 0.9


def region_masks(face: Face | None, side: int) -> dict[str, Mask]:
    """Boolean ``(side, side)`` masks by name; only ``full`` where there is no face.

    ``face``: hull of the face oval. ``mouth``, ``eyes``: boxes around the lips and around each
    eye. ``hair``: a band of 0.7 inter-ocular distances around the face, above the eye line.
    ``background``: farther than 0.9 inter-ocular distances from the face.
    """
    masks = {"full": np.ones((side, side), bool)}
    if face is None:
        return masks
    import cv2

    points = face.points[:, :2]
    oval = np.zeros((side, side), np.uint8)
    hull = np.asarray(cv2.convexHull(np.round(points[list(OVAL)]).astype(np.int32)), np.int32)
    cv2.fillConvexPoly(oval, hull, (1,))
    masks["face"] = oval.astype(bool)
    masks["mouth"] = _box(points[list(LIPS)], _MOUTH_MARGIN, side)
    half = len(EYES) // 2
    masks["eyes"] = _box(points[list(EYES[:half])], _EYE_MARGIN, side)
    masks["eyes"] |= _box(points[list(EYES[half:])], _EYE_MARGIN, side)
    away = cv2.distanceTransform(1 - oval, cv2.DIST_L2, 5)
    above = _rows(side) < points[[33, 133, 362, 263], 1].mean()
    masks["hair"] = (away > 0) & (away <= _HAIR_BAND * face.iod) & above
    masks["background"] = away > _HEAD_BAND * face.iod
    return masks


@lru_cache(4)
def _rows(side: int) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = np.repeat(np.arange(side)[:, None] + 0.5, side, axis=1)
    return rows


def _box(points: NDArray[np.float64], margin: float, side: int) -> Mask:
    low, high = points.min(0), points.max(0)
    # Eyes and closed mouths are flat: the margin follows the longer side.
    grow = margin * (high - low).max()
    (x0, y0), (x1, y1) = np.floor(low - grow).astype(int), np.ceil(high + grow).astype(int)
    mask = np.zeros((side, side), bool)
    mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return mask
