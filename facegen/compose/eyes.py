"""Eyes: what lids uncover is painted from the colours of the eye that the photo does show."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import EYE, HeadFrame
from facegen.compose.light import white_under
from facegen.compose.reference import Reference
from facegen.compose.surface import Surface, values_at
from facegen.flame.model import HeadModel

# Angles from the gaze axis, degrees: where the iris ends on the model's eyeball, and its pupil.
IRIS_DEG, PUPIL_DEG = 24.0, 9.0
_RIM_DEG = 3.0
_BINS = 8
# Brightness of the sclera among the lids, relative to a white surface in the open.
_OF_WHITE = 0.85
_FEW = 12
# A dark brown iris and a black pupil relative to the white of the eye: nothing better is known.
_BROWN = np.array([0.34, 0.24, 0.17], np.float32)
_BLACK = np.array([0.07, 0.06, 0.06], np.float32)
# The lids shade the ball over this far, in inter-ocular distances.
_SHADE_REACH = 0.09


def gaze_angle(model: HeadModel, frame: HeadFrame) -> NDArray[np.float32]:
    """Degrees ``(V, 1)`` between each vertex of an eyeball and its gaze axis; 180 elsewhere."""
    angle = np.full((model.n_vertices, 1), 180, np.float32)
    for side, name in enumerate(("eye_left", "eye_right")):
        triangles = model.faces[np.isin(model.face_regions, model.region_ids(name))]
        index = np.unique(triangles)
        ray = model.v_template[index] - frame.eyes[side]
        cosine = ray[:, 2] / np.maximum(np.linalg.norm(ray, axis=1), 1e-9)
        angle[index, 0] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return angle


class EyePaint:
    """Colours of one person's eyes.

    Attributes:
        white: ``(3,)`` colour of the sclera in the photo's light, 0..255.
    """

    def __init__(self, reference: Reference) -> None:
        self._frame = reference.frame
        self._angle = gaze_angle(reference.model, reference.frame)
        self._iod = reference.geometry.iod
        geometry = reference.geometry
        rows, cols = np.nonzero(geometry.kind == EYE)
        angle = values_at(
            geometry.pixels, self._frame.faces, geometry.face_id, rows, cols, self._angle
        )[:, 0]
        colour = reference.image[rows, cols].astype(np.float32)
        self.white = _sclera(colour[angle > IRIS_DEG + _RIM_DEG], reference.skin)
        self._profile = _iris_profile(angle, colour, self.white)

    def colour(
        self, surface: Surface, rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Painted eyeball ``(N, 3)`` 0..255 at driven pixels of class ``EYE``."""
        angle = values_at(
            surface.pixels, self._frame.faces, surface.face_id, rows, cols, self._angle
        )[:, 0]
        position = np.clip(angle / IRIS_DEG * _BINS - 0.5, 0, _BINS - 1)
        low = position.astype(int)
        part = (position - low)[:, None]
        high = np.minimum(low + 1, _BINS - 1)
        iris = self._profile[low] * (1 - part) + self._profile[high] * part
        edge = np.clip((angle - IRIS_DEG + _RIM_DEG / 2) / _RIM_DEG, 0, 1)[:, None]
        ink = iris * (1 - edge) + self.white * edge
        return ink * self._lid_shade(surface, rows, cols)[:, None]

    def _lid_shade(
        self, surface: Surface, rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        top, left = rows.min() - 2, cols.min() - 2
        mask = np.zeros((rows.max() - top + 3, cols.max() - left + 3), np.uint8)
        face = surface.face_id[top : top + mask.shape[0], left : left + mask.shape[1]]
        mask[: face.shape[0], : face.shape[1]] = (face >= 0) & (self._frame.face_class[face] == EYE)
        distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)[rows - top, cols - left]
        return 0.68 + 0.32 * np.clip(distance / (_SHADE_REACH * self._iod), 0, 1)


def _sclera(samples: NDArray[np.float32], skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brighter visible white, or a guess from the skin's brightness where eyes are shut."""
    guess = _OF_WHITE * white_under(skin)
    if len(samples) < _FEW:
        return guess
    light = samples.mean(1)
    bright = samples[light >= np.percentile(light, 80)]
    measured = np.median(bright, 0)
    # Lashes and shadow darken the little that an eye at rest shows of it.
    return np.maximum(measured, guess).astype(np.float32)


def _iris_profile(
    angle: NDArray[np.float32], colour: NDArray[np.float32], white: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Colour by angle from the gaze axis, ``(_BINS, 3)``, out to the iris's edge."""
    middle = (np.arange(_BINS) + 0.5) * IRIS_DEG / _BINS
    profile = np.where((middle < PUPIL_DEG)[:, None], white * _BLACK, white * _BROWN)
    inside = (angle > PUPIL_DEG) & (angle < IRIS_DEG - _RIM_DEG)
    if inside.sum() >= _FEW:
        profile[middle >= PUPIL_DEG] = np.median(colour[inside], 0)
    bins = (angle / IRIS_DEG * _BINS).astype(int)
    for b in range(_BINS):
        here = colour[bins == b]
        if len(here) >= _FEW:
            profile[b] = np.median(here, 0)
    return profile.astype(np.float32)
