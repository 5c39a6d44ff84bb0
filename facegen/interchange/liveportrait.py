"""LivePortrait's and JoyVASA's motion templates: what in them belongs to a face in general.

A template holds 21 implicit keypoints per frame that only LivePortrait's own networks understand.
Head turn, place, size, and the opening of lids and lips are common language and become a motion
of the open head; the rest of the expression stays behind. Axes of a template: x right, y down, z
away from the camera, rows times ``R``; compared on three of the published clips with this package's
own tracks (correlation of the turns 0.75 to 0.98 where the head moves more than a degree).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_vector
from facegen.interchange.source import Source
from facegen.motion import Motion

KEYS = frozenset(("motion", "n_frames"))
REFUSAL = (
    "is a LivePortrait motion template, a pickle; convert it once, nothing in it is run: "
    "facegen export {path} -o {stem}.motion.npz"
)
# Radians of jaw per unit of lip opening over mouth width: fitted to tracks of two clips.
_JAW = 0.32
_DEPTH = 1.5
_PICTURE = 256
# A lid ratio that counts as open, where a template never shows a wider one.
_OPEN = 0.25


def _column(frames: list[Any], *names: str) -> NDArray[np.float64]:
    for name in names:
        if name in frames[0]:
            return np.stack([np.asarray(f[name], float) for f in frames])
    raise KeyError(names[0])


def _ratios(data: Any, count: int, *names: str) -> NDArray[np.float64] | None:
    """Opening per frame ``(T, n)``, or None where the template has none (or only zeros)."""
    for name in names:
        rows = data.get(name)
        if isinstance(rows, list) and len(rows) == count:
            table = np.stack([np.asarray(r, float).ravel() for r in rows])
            return table if table.any() else None
    return None


def read_template(source: Source, head: HeadModel) -> Motion:
    """Head turn, place, lids and jaw of a template as a motion of the open head.

    Raises:
        ModelFileError: malformed.
    """
    data = source.data
    try:
        frames = list(data["motion"])
        count = len(frames)
        turn = _column(frames, "R", "R_d").reshape(count, 3, 3)
        place = _column(frames, "t").reshape(count, 3)
        size = _column(frames, "scale").reshape(count)
        eyes = _ratios(data, count, "c_eyes_lst", "c_d_eyes_lst")
        lips = _ratios(data, count, "c_lip_lst", "c_d_lip_lst")
        fps = source.fps or Fraction(data.get("output_fps", 25)).limit_denominator(1001)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{source.path} is a damaged motion template ({error})") from error
    flip = np.diag([1.0, -1.0, -1.0])
    neck = rotation_vector(flip @ turn.transpose(0, 2, 1) @ flip)
    camera = Camera.from_fov(_PICTURE, _PICTURE)
    depth = _DEPTH * np.median(size) / size
    sideways = place[:, :2] * (1, -1) * (_PICTURE / 2 * depth / camera.focal)[:, None]
    expression = np.zeros((count, head.n_expression), np.float32)
    if eyes is not None:
        # The first column is the eye at the picture's left: the subject's right one.
        for column, name in ((0, "eyeBlinkRight"), (-1, "eyeBlinkLeft")):
            opened = max(float(np.percentile(eyes[:, column], 90)), _OPEN)
            expression[:, head.expression_index(name)] = np.clip(1 - eyes[:, column] / opened, 0, 1)
    jaw = np.zeros((count, 3), np.float32)
    if lips is not None:
        jaw[:, 0] = np.clip(_JAW * lips[:, 0], *head.joint_bounds[2, 0])
    none = np.zeros((count, 3), np.float32)
    return Motion(
        expression=expression,
        global_orient=none,
        neck_pose=neck.astype(np.float32),
        jaw_pose=jaw,
        leye_pose=none,
        reye_pose=none,
        transl=np.column_stack([sideways, -depth]).astype(np.float32),
        betas=np.zeros(head.n_shape, np.float32),
        camera=camera,
        fps=fps,
        timestamps=np.arange(count) / float(fps),
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        basis=head.version,
        expression_names=head.expression_names,
        source_sha256=source.sha256,
    )
