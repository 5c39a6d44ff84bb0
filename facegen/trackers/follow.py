"""A regressor follows a face through pictures: landmarks, crop, codes, a ``Motion``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, UsageError
from facegen.faces import FaceChoice, LandmarkTracker
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import rest_joints
from facegen.flame.model import HeadModel
from facegen.motion import POSES, Motion
from facegen.parallel import prefetch
from facegen.trackers.codes import FaceCodes
from facegen.trackers.crops import Window
from facegen.trackers.place import place
from facegen.trackers.weights import FaceRegressor
from facegen.tracking.gaps import NoFace, resolve_gaps
from facegen.tracking.smoothing import Smoothing, smooth

Image = NDArray[np.uint8]
Array = NDArray[np.float32]

LIDS = ("eyelid_left", "eyelid_right")
"""Names of SMIRK's lid columns: they stand after the head's own expressions."""
_BATCH = 16
# FLAME's columns are not parts of a face: each moves the lips too.
_FLAME = replace(Smoothing(), face=Smoothing().lips)
# A network says nothing of its own doubt.
_CONFIDENCE = 0.9


class _Rows:
    """Answers of one clip, frame by frame."""

    def __init__(self) -> None:
        self.windows: list[Window | None] = []
        self.codes: list[FaceCodes] = []

    def column(self, name: str) -> Array:
        return np.concatenate([getattr(c, name).numpy() for c in self.codes]).astype(np.float32)


def follow_faces(
    frames: Iterable[Image],
    regressor: FaceRegressor,
    head: HeadModel,
    *,
    fps: Fraction = Fraction(25),
    timestamps: Iterable[float] | None = None,
    face: FaceChoice = "largest",
    camera: Camera | None = None,
    no_face: NoFace = "interpolate",
    smoothed: float = 1.0,
    source_sha256: str = "",
) -> Motion:
    """Run a regressor over a clip in one pass; identity is the mean over the frames.

    Args:
        frames: ``(H, W, 3)`` uint8, all of one size.
        head: FLAME 2020, whose coefficients the networks speak.
        camera: of the whole frame; by default 20 degrees over its larger side. Other arguments as
            :func:`facegen.tracking.track_video`.

    Returns:
        A motion of ``head``'s basis with the head's turn in ``global_orient``. SMIRK's lids are two
        further expression columns (:data:`LIDS`).

    Raises:
        FaceNotFoundError: no face at all, or a frame without one under ``error``.
        UsageError: no frames, frames of different sizes, or a head of another basis.
    """
    if head.version != regressor.basis:
        raise UsageError(
            f"{regressor.name} speaks {regressor.basis}; import that head and give "
            f"--head {regressor.basis} (facegen assets import generic_model.pkl)"
        )
    rows, size = _Rows(), None
    for batch, shape in _batches(frames, regressor, face, rows):
        size = shape
        with torch.inference_mode():
            rows.codes.append(regressor.network(batch))
    if size is None:
        raise UsageError("the video has no frames")
    if not rows.codes:
        raise FaceNotFoundError(
            f"no face in any of the {len(rows.windows)} frames; use a video with a face that looks "
            "towards the camera"
        )
    camera = camera or Camera.from_fov(size[1], size[0])
    motion = _motion(rows, head, camera, fps, timestamps, source_sha256)
    if smoothed > 0:
        joints = rest_joints(head, motion.betas)
        motion = smooth(motion, joints, strength=smoothed, settings=_FLAME)
    return resolve_gaps(motion, no_face)


def _batches(
    frames: Iterable[Image], regressor: FaceRegressor, face: FaceChoice, rows: _Rows
) -> Iterator[tuple[torch.Tensor, tuple[int, int]]]:
    """Crops ``(B, 3, 224, 224)`` and the frames' height and width; windows go to ``rows``."""
    waiting: list[torch.Tensor] = []
    size: tuple[int, int] | None = None
    with LandmarkTracker(face) as tracker:
        for rgb in prefetch(frames):
            height, width = rgb.shape[:2]
            if size not in (None, (height, width)):
                raise UsageError("all frames of a video need one size")
            size = (height, width)
            points = tracker(rgb)
            window = None if points is None else regressor.crop.window(points)
            rows.windows.append(window)
            if window is not None:
                waiting.append(regressor.crop.cut(rgb, window))
            if len(waiting) == _BATCH:
                yield torch.stack(waiting), size
                waiting.clear()
    if waiting and size is not None:
        yield torch.stack(waiting), size


def _motion(
    rows: _Rows,
    head: HeadModel,
    camera: Camera,
    fps: Fraction,
    timestamps: Iterable[float] | None,
    source_sha256: str,
) -> Motion:
    betas = _wide(rows.column("betas").mean(0, keepdims=True), head.n_shape)[0]
    joints = rest_joints(head, betas)
    valid = np.array([window is not None for window in rows.windows])
    poses = [
        place(code, orient, joints, window, camera)
        for code, orient, window in zip(
            rows.column("camera").astype(float),
            rows.column("global_orient").astype(float),
            (w for w in rows.windows if w is not None),
            strict=True,
        )
    ]
    lids = rows.codes[0].eyelids is not None
    expression = _wide(rows.column("expression"), head.n_expression)
    if lids:
        expression = np.hstack([expression, rows.column("eyelids")])
    seen = {
        "expression": expression,
        "global_orient": np.array([turn for turn, _ in poses], np.float32),
        "jaw_pose": rows.column("jaw_pose"),
        "transl": np.array([shift for _, shift in poses], np.float32),
    }
    still = np.zeros((len(expression), 3), np.float32)
    values = {name: _spread(seen.get(name, still), valid) for name in (*seen, *POSES)}
    times = np.arange(len(valid)) / float(fps)
    return Motion(
        **values,
        betas=betas,
        camera=camera,
        fps=fps,
        timestamps=times if timestamps is None else np.fromiter(timestamps, np.float64),
        valid=valid,
        confidence=(_CONFIDENCE * valid).astype(np.float32),
        basis=head.version,
        expression_names=head.expression_names + (LIDS if lids else ()),
        source_sha256=source_sha256,
    )


def _wide(rows: Array, width: int) -> Array:
    """Coefficients with zeros for those that the network does not give."""
    return np.pad(rows, ((0, 0), (0, max(0, width - rows.shape[1]))))


def _spread(rows: Array, valid: NDArray[np.bool_]) -> Array:
    """Rows of the seen frames among zeros for the others."""
    out = np.zeros((len(valid), rows.shape[1]), np.float32)
    out[valid] = rows
    return out
