"""What tracked lips teach: ARKit curves and distances read off landmarks of a speaking face.

Landmarks are laid onto each other by points that do not move with the mouth, then explained as
the open head's own curves by bounded least squares. Reading landmarks rather than a fitted motion
keeps the quick closures that a tracker smooths away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.data.speech.geometry import GEOMETRY as MEASURED
from facegen.data.speech.geometry import measures, upright
from facegen.errors import FaceNotFoundError
from facegen.flame.box_solver import solve_box
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.landmark_sets import LIP_PAIRS, LIPS
from facegen.flame.model import HeadModel
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC, TWO_SIDED
from facegen.speech.lip_track import RATE
from facegen.speech.mouth import MOUTH_CORNERS, OUTER_EYE_CORNERS, jaw_open_radians

Array = NDArray[np.float64]

_CHIN = (152, 148, 377)
_LOWER_FACE = (*LIPS, *_CHIN, 176, 400, 199, 200, 18, 313, 83, 164)
_FEWEST = 5  # frames with a face
# Depth of monocular landmarks is a guess; gaps and width are what is seen.
_DEPTH_TRUST, _DISTANCE_WEIGHT = 0.3, 3.0
# Price of a curve: high where the action is rare or easily taken for another.
_PRICE = {
    "jawOpen": 0.04, "mouthFunnel": 0.04, "mouthPucker": 0.04, "mouthStretch": 0.04,
    "mouthUpperUp": 0.04, "mouthLowerDown": 0.04, "mouthClose": 0.05, "mouthPress": 0.05,
    "mouthSmile": 0.06, "mouthFrown": 0.08, "mouthDimple": 0.1,
}  # fmt: skip
_COMMON_PRICE = 0.07
_JAW_STEP = 0.25
_REST_SHARE = 0.2


def aligned(landmarks: NDArray[np.floating]) -> Array:
    """Landmarks with head pose taken out: ``(T, 478, 3)``, outer eye distances, y up.

    Args:
        landmarks: ``(T, 478, 3)`` MediaPipe pixels, y down; rows without a face are NaN and
            stay so.

    Raises:
        FaceNotFoundError: fewer than 5 frames have a face.
    """
    seen = ~np.isnan(landmarks[:, 0, 0])
    if seen.sum() < _FEWEST:
        raise FaceNotFoundError(f"a face in {int(seen.sum())} of {len(seen)} frames only")
    out = np.full(landmarks.shape, np.nan)
    out[seen] = upright(landmarks[seen] * np.array([1.0, -1.0, -1.0]))
    return out


def measure(points: Array) -> Array:
    """Distances ``(T, G)`` of ``lip_names.GEOMETRY`` from aligned landmarks."""
    return measures(points)[:, [MEASURED.index(name) for name in GEOMETRY]]


def rest_frames(geometry: Array, lead: int) -> NDArray[np.bool_]:
    """Frames that show the mouth at rest: the more closed half of the first ``lead`` frames, or
    of the most closed fifth of the clip where it does not begin with a pause (``lead`` 0)."""
    opening = geometry[:, GEOMETRY.index("opening")]
    if lead:
        limit = np.nanmedian(opening[:lead])
        return (np.arange(len(opening)) < lead) & (opening <= limit)
    return opening <= np.nanquantile(opening, _REST_SHARE)


@dataclass(frozen=True, eq=False)
class CurveFitter:
    """Explains mouth landmarks as curves of a head.

    Attributes:
        rows: landmarks it reads.
        basis: ``(L, 3, K)`` what each curve does to them, in outer eye distances.
    """

    rows: NDArray[np.intp]
    basis: Array

    @classmethod
    def of(cls, head: HeadModel) -> CurveFitter:
        """For the symmetric curves on the mean identity of ``head``."""
        rows = np.array(_LOWER_FACE)
        full = LandmarkModel.from_head(head, n_shape=0)
        eyes = full.points[list(OUTER_EYE_CORNERS)]
        model = full.subset(rows)
        names = [head.expression_names[i] for i in model.free]
        rest = model.rest_state()
        neutral = model.pose(rest)
        columns = []
        for name in SYMMETRIC:
            wanted = (f"{name}Left", f"{name}Right") if name in TWO_SIDED else (name,)
            expression = np.array([float(n in wanted) for n in names])
            # The jaw turns: a small angle has the slope that small openings need.
            step = _JAW_STEP if name == "jawOpen" else 1.0
            jaw = np.array([step * jaw_open_radians(head) * (name == "jawOpen"), 0.0])
            moved = model.pose(replace(rest, expression=expression, jaw=jaw))
            columns.append((moved - neutral) / step)
        return cls(rows, np.stack(columns, -1) / np.linalg.norm(eyes[0] - eyes[1]))

    def fit(self, points: Array, rest: Array) -> NDArray[np.float32]:
        """Curves ``(T, K)`` in 0..1 of aligned landmarks, relative to the ``rest (478, 3)``."""
        system = self._stacked(self.basis)
        price = np.array([_PRICE.get(name, _COMMON_PRICE) for name in SYMMETRIC])
        hessian = system.T @ system + np.diag(price**2)
        away = points[:, self.rows] - rest[self.rows]
        right = self._stacked(np.moveaxis(away, 0, -1)).T @ system
        low, high = np.zeros(len(price)), np.ones(len(price))
        return np.array([solve_box(hessian, row, low, high) for row in right], np.float32)

    def _stacked(self, motion: Array) -> Array:
        """Landmarks ``(L, 3, n)``, then gaps and width of the mouth, as rows of one system."""
        place = {int(row): k for k, row in enumerate(self.rows)}
        pairs = np.array([[place[a], place[b]] for a, b in LIP_PAIRS])
        gaps = motion[pairs[:, 0], 1] - motion[pairs[:, 1], 1]
        right, left = (motion[place[corner], 0] for corner in MOUTH_CORNERS)
        seen = motion * np.array([1, 1, _DEPTH_TRUST])[:, None]
        distances = _DISTANCE_WEIGHT * np.concatenate([gaps, (left - right)[None]])
        return np.concatenate([seen.reshape(-1, motion.shape[-1]), distances])


@dataclass(frozen=True, eq=False)
class MouthTargets:
    """What a clip teaches, at 50 frames per second.

    Attributes:
        curves: ``(T, K)`` of ``SYMMETRIC``, relative to the speaker's mouth at rest.
        geometry: ``(T, G)``: opening as it is, all other distances relative to rest.
    """

    curves: NDArray[np.float32]
    geometry: NDArray[np.float32]


def mouth_targets(
    landmarks: NDArray[np.floating],
    times: NDArray[np.floating],
    fitter: CurveFitter,
    *,
    frames: int,
    lead: float = 0.0,
) -> MouthTargets:
    """Curves and distances of a tracked clip.

    Args:
        landmarks: ``(T, 478, 3)`` pixels, NaN where there is no face (bridged in time).
        times: ``(T,)`` seconds of the video frames, 0 where the sound begins.
        frames: of the sound, at 50 Hz.
        lead: seconds of pause at the start in which the mouth rests.

    Raises:
        FaceNotFoundError: too few frames have a face.
    """
    points = aligned(landmarks)
    seen = ~np.isnan(points[:, 0, 0])
    points, times = points[seen], np.asarray(times, float)[seen]
    geometry = measure(points)
    at_rest = rest_frames(geometry, int(np.searchsorted(times, lead)))
    curves = fitter.fit(points, np.median(points[at_rest], 0))
    relative = geometry - np.median(geometry[at_rest], 0)
    opening = GEOMETRY.index("opening")
    relative[:, opening] = geometry[:, opening]
    # A video frame stands for the time until the next; its picture is taken as of its middle.
    middles = times + np.median(np.diff(times)) / 2
    at = (np.arange(frames) + 0.5) / RATE
    both = np.concatenate([curves, relative], 1)
    spread = np.stack([np.interp(at, middles, column) for column in both.T], 1).astype(np.float32)
    return MouthTargets(spread[:, : curves.shape[1]], spread[:, curves.shape[1] :])
