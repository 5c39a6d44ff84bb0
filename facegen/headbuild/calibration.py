"""Moves landmarks on the surface to where MediaPipe puts them on real faces.

Rendered heads lack hair, lashes and wrinkles, so points found on them are a little off on photos;
brows most. Fits to portraits show it as a mean residual per landmark, which becomes an offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facegen.errors import FaceNotFoundError, UsageError
from facegen.faces.landmarks import find_landmarks
from facegen.flame.camera import Camera
from facegen.flame.fitting import HeadFit, LandmarkFitter, Priors
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.headbuild.landmarks import LEFT_IRIS, RIGHT_IRIS, ibug68, place, symmetric_points
from facegen.headbuild.surface import at

Array = NDArray[np.float64]
ITERATIONS = 4
DAMPING = 0.3
# Stiffer than in use: what every face seems to express is an offset, not an expression.
STIFF = Priors(expression=0.7)
# Only these groups are CC0 or out of copyright; see the data folder's README.
FREE_PORTRAITS = ("cc0_*.jpg", "art_*.jpg")


@dataclass(frozen=True)
class Portrait:
    """``points (478, 2)`` pixels of MediaPipe's landmarks in a picture of that size."""

    name: str
    points: Array
    width: int
    height: int

    @property
    def camera(self) -> Camera:
        return Camera.from_fov(self.width, self.height)


def read_portraits(folder: Path) -> list[Portrait]:
    """Landmarks of every free portrait in which a face is found.

    Raises:
        UsageError: none there.
    """
    out = []
    for pattern in FREE_PORTRAITS:
        for path in sorted(folder.glob(pattern)):
            picture = np.asarray(Image.open(path).convert("RGB"))
            try:
                points = find_landmarks(picture)[:, :2].astype(np.float64)
            except FaceNotFoundError:
                continue
            out.append(Portrait(path.name, points, picture.shape[1], picture.shape[0]))
    if not out:
        raise UsageError(f"no CC0 portraits in {folder}; give the data folder with: --data FOLDER")
    return out


def fit_portraits(
    model: HeadModel, portraits: Sequence[Portrait], priors: Priors | None = None
) -> tuple[list[HeadFit], Array]:
    """Fits and their residuals ``(n, 478, 2)``, detected minus fitted, in pixels."""
    fitter = LandmarkFitter(LandmarkModel.from_head(model), priors=priors)
    fits = [fitter.fit(p.points, p.camera) for p in portraits]
    rows = zip(portraits, fits, strict=True)
    return fits, np.stack([p.points - fitter.landmarks(fit) for p, fit in rows])


def errors(model: HeadModel, portraits: Sequence[Portrait]) -> Array:
    """``(n, 478)`` landmark errors in per cent of the inter-ocular distance."""
    fits, residuals = fit_portraits(model, portraits)
    iod = np.array([fit.iod for fit in fits])
    return 100 * np.linalg.norm(residuals, axis=2) / iod[:, None]


def calibrate(model: HeadModel, portraits: Sequence[Portrait]) -> HeadModel:
    """The model with ``mediapipe478`` and ``ibug68`` moved by the portraits' mean residual.

    Offsets are three-dimensional, damped, made symmetric and put back onto the surface. The iris
    centres stay: the gaze axis is exact.
    """
    for _ in range(ITERATIONS):
        model = _moved(model, _offsets(model, portraits))
    return model


def _offsets(model: HeadModel, portraits: Sequence[Portrait]) -> Array:
    """``(478, 3)`` metres in the head's frame, by weighted least squares over all fits."""
    fits, residuals = fit_portraits(model, portraits, STIFF)
    landmarks = LandmarkModel.from_head(model)
    system, right = np.zeros((478, 3, 3)), np.zeros((478, 3))
    for fit, residual in zip(fits, residuals, strict=True):
        rotation = rotation_matrix(fit.neck_pose.astype(np.float64))
        facing = np.clip(landmarks.normals @ rotation[2], 0, 1)
        per_metre = fit.iod / landmarks.eye_distance
        view = per_metre * np.array([[1, 0, 0], [0, -1, 0]]) @ rotation
        size = np.linalg.norm(residual, axis=1) / fit.iod
        weight = facing / fit.iod**2 / np.sqrt(1 + (size / 0.03) ** 2)
        system += weight[:, None, None] * (view.T @ view)
        right += weight[:, None] * (residual @ view)
    level = DAMPING * np.trace(system.mean(0)) / 3
    return np.linalg.solve(system + level * np.eye(3), right[..., None])[..., 0]


def _moved(model: HeadModel, offsets: Array) -> HeadModel:
    pairs, old = model.mirror_mediapipe478, model.landmarks["mediapipe478"]
    assert pairs is not None
    points = at(model.v_template.astype(np.float64), model.faces, old.faces, old.bary)
    moved = symmetric_points(points + offsets, pairs)
    centres = [RIGHT_IRIS, LEFT_IRIS]
    moved[centres] = points[centres]
    new = place(model, moved, old.faces)
    return replace(model, landmarks={"mediapipe478": new, "ibug68": ibug68(new)})
