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
from scipy.spatial.transform import Rotation

from facegen.arkit import ARKIT, from_motion, to_head
from facegen.errors import MediaError, ModelFileError
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.media import atomic_path, file_sha256
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


def read_livelink(path: Path | str, head: HeadModel, *, fps: Fraction | None = None) -> Motion:
    """A table as a motion of ``head``, which stands in the middle of a 512 px picture.

    Columns are found by name, in any order and case; missing ones are 0. Gaze comes from the
    ``EyeLook`` curves, head turn from the angles. Times come from the timecodes.

    Args:
        head: one with ARKit's actions. fps: where given, frames are evenly spaced at that rate.

    Raises:
        ModelFileError: not such a table, or a head without the actions.
    """
    from facegen.interchange.source import default_camera, default_place

    path = Path(path)
    columns, table, codes = _table(path)
    curves = np.zeros((len(table), len(ARKIT)), np.float32)
    for index, name in enumerate(ARKIT):
        if name.lower() in columns:
            curves[:, index] = table[:, columns[name.lower()]]
    turn = np.zeros((len(table), 3))
    for index, name in enumerate(ANGLES[:3]):
        if name.lower() in columns:
            turn[:, index] = table[:, columns[name.lower()]]
    rate = fps or _rate(codes)
    times = np.arange(len(table)) / float(rate)
    if fps is None:
        times = _seconds(codes, rate)
        if len(times) > 1 and not (np.diff(times) > 0).all():
            times = np.arange(len(table)) / float(rate)
    face = to_head(np.clip(curves, 0, 1), head)
    still = np.zeros((len(table), 3), np.float32)
    return Motion(
        expression=face.expression,
        global_orient=still,
        neck_pose=_turned(turn).astype(np.float32),
        jaw_pose=face.jaw_pose,
        leye_pose=face.leye_pose,
        reye_pose=face.reye_pose,
        transl=default_place(len(table)),
        betas=np.zeros(head.n_shape, np.float32),
        camera=default_camera(),
        fps=rate,
        timestamps=times,
        valid=np.ones(len(table), bool),
        confidence=np.ones(len(table), np.float32),
        basis=head.version,
        expression_names=head.expression_names,
        source_sha256=file_sha256(path),
    )


def _table(path: Path) -> tuple[dict[str, int], NDArray[np.float64], list[str]]:
    """Lower-case column names, numbers ``(T, n)`` and timecodes."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = [row for row in csv.reader(stream) if row]
        header = [name.strip().lower() for name in rows[0]] if rows else []
        if header[:1] != ["timecode"] or "jawopen" not in header:
            raise ValueError("no Timecode and JawOpen columns")
        # The app leaves a row without values where it saw no face.
        body = [row for row in rows[1:] if len(row) == len(header)]
        if not body:
            raise ValueError("no frames")
        numbers = np.array([[float(x or 0) for x in row[1:]] for row in body])
        if not np.isfinite(numbers).all():
            raise ValueError("numbers that are not finite")
    except FileNotFoundError:
        raise ModelFileError(f"no motion file at {path}") from None
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ModelFileError(f"{path} is not a Live Link Face table ({error})") from error
    return {name: i for i, name in enumerate(header[1:])}, numbers, [row[0] for row in body]


def _parts(code: str) -> tuple[int, float]:
    """Whole seconds and frames of ``HH:MM:SS:FF.fff``."""
    try:
        hours, minutes, seconds, frames = code.replace(";", ":").split(":")
        return (int(hours) * 60 + int(minutes)) * 60 + int(seconds), float(frames)
    except ValueError:
        return 0, 0.0


def _rate(codes: list[str]) -> Fraction:
    """Frame rate: the first usual one above the highest frame within a second."""
    parts = [_parts(code) for code in codes]
    highest = max(frame for _, frame in parts)
    for rate in (24, 25, 30, 48, 50, 60, 120):
        if highest < rate:
            return Fraction(rate)
    return Fraction(60)


def _seconds(codes: list[str], fps: Fraction) -> NDArray[np.float64]:
    times = np.array([second + frame / float(fps) for second, frame in map(_parts, codes)])
    return times - times[0]


def _turned(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Axis-angle ``(T, 3)`` of ``R_y(yaw) R_x(-pitch) R_z(roll)``."""
    return Rotation.from_euler("YXZ", angles * (1, -1, 1)).as_rotvec()
