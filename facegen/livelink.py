"""Motions as a Live Link Face table, which Unreal, Blender add-ons and others read.

One row per frame: timecode ``HH:MM:SS:FF.fff``, the number of values (61), ARKit's 52 curves in
Apple's order, then yaw, pitch and roll of the head and of both eyes in radians. Positive yaw turns
to the subject's left, positive pitch up, positive roll to the subject's right shoulder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, from_motion
from facegen.errors import MediaError
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.media import atomic_path
from facegen.motion import Motion

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_MOUTH = (
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker",
    "mouthRight", "mouthLeft", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
)  # fmt: skip
_REST = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
CURVES = (*(f"eye{way}{side}" for side in ("Left", "Right") for way in _EYE), *_MOUTH, *_REST)
ANGLES = tuple(f"{part}{turn}" for part in ("Head", "LeftEye", "RightEye") for turn in (
    "Yaw", "Pitch", "Roll"
))  # fmt: skip


def write_livelink(path: Path | str, motion: Motion, head: HeadModel) -> Path:
    """Write the table; it appears whole or not at all.

    Raises:
        ModelFileError: the head has no ARKit actions. MediaError: the file cannot be written.
    """
    curves = from_motion(motion, head)[:, [ARKIT.index(name) for name in CURVES]]
    turned = rotation_matrix(motion.global_orient) @ rotation_matrix(motion.neck_pose)
    angles = np.concatenate(
        [
            _yaw_pitch_roll(matrix)
            for matrix in (
                turned, rotation_matrix(motion.leye_pose), rotation_matrix(motion.reye_pose)
            )
        ],
        1,
    )  # fmt: skip
    named = [name[0].upper() + name[1:] for name in CURVES]
    try:
        with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["Timecode", "BlendShapeCount", *named, *ANGLES])
            times = motion.timestamps - motion.timestamps[0] if len(motion) else []
            rows = np.concatenate([curves, angles], 1)
            for time, row in zip(times, rows, strict=True):
                table.writerow([timecode(time, motion.fps), row.size, *_numbers(row)])
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}") from error
    return Path(path)


def timecode(seconds: float, fps: Fraction) -> str:
    """``HH:MM:SS:FF.fff``: whole frames within the second, and thousandths of a frame."""
    whole = int(seconds + 1e-6)
    frames = round(max(0.0, seconds - whole) * float(fps) * 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d}:{frames // 1000:02d}.{frames % 1000:03d}"


def _numbers(row: NDArray[np.floating]) -> Iterator[str]:
    return (f"{value:.5f}" for value in row)


def _yaw_pitch_roll(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Angles ``(T, 3)`` of ``R = R_y(yaw) R_x(-pitch) R_z(roll)``."""
    forward = matrix[:, :, 2]
    yaw = np.arctan2(forward[:, 0], forward[:, 2])
    pitch = np.arcsin(np.clip(forward[:, 1], -1, 1))
    roll = np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1])
    return np.stack([yaw, pitch, roll], 1)
