"""What a face does over a clip, as a few curves: read off a video or off head parameters.

Both go through the same 478 landmarks and the same measures, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, UsageError
from facegen.evaluation.footage import FaceFinder
from facegen.evaluation.geometry import eye_openness, landmarks68, mouth_opening, mouth_width
from facegen.evaluation.metric import Face
from facegen.flame.model import HeadModel
from facegen.media import read_video
from facegen.motion import Motion

Array = NDArray[np.float64]

# Corners of the eyes, ridge and wings of the nose, forehead, temples: jaw and brows move none.
RIGID = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 98, 327, 10, 151, 9, 127, 356, 8)
_BATCH = 64


@dataclass(frozen=True, eq=False)
class Performance:
    """Curves of one face; T frames, NaN rows where no face was seen. About 2 kB per frame.

    Attributes:
        times: ``(T,)`` seconds from the first frame of the clip, strictly increasing.
        opening: ``(T,)`` distance of the inner lips in inter-ocular distances.
        width: ``(T,)`` distance of the mouth's corners in the same unit, or None.
        lids: ``(T,)`` lid distance over eye width, mean of both eyes, or None.
        rotation: ``(T, 3, 3)`` of the head against the first seen frame; image axes (right,
            down, away), or None.
        points: ``(T, 68, 3)`` landmarks with the head's motion taken out, inter-ocular
            distances, or None.
        motion: head parameters it was made from, or None.
        warnings: damage of the file.
    """

    times: Array
    opening: Array
    width: Array | None = None
    lids: Array | None = None
    rotation: Array | None = None
    points: Array | None = None
    motion: Motion | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def fps(self) -> float:
        """Mean frame rate; 25 for a single frame."""
        return (len(self) - 1) / float(np.ptp(self.times)) if len(self) > 1 else 25.0

    @property
    def faceless(self) -> int:
        """Frames in which no face was seen."""
        return int(np.isnan(self.opening).sum())


def resample(times: Array, values: Array, at: Array) -> Array:
    """Values ``(T,)`` at other times, linear in between; NaN beyond the ends (by more than half a
    step) and next to unknown values."""
    if len(times) < 2:
        return np.where(np.abs(at - times[:1]) < 1e-6, values[:1], np.nan)
    reach = float(np.median(np.diff(times))) / 2
    found: Array = np.interp(at, times, values)
    # A time within a thousandth of a step of a known frame does not depend on its neighbours.
    near = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    near -= at - times[near - 1] < times[near] - at
    exact = np.abs(times[near] - at) < reach * 2e-3
    found[exact] = values[near[exact]]
    found[(at < times[0] - reach) | (at > times[-1] + reach)] = np.nan
    return found


def from_faces(
    times: Iterable[float], faces: Iterable[Face | None], motion: Motion | None = None
) -> Performance:
    """Curves of a sequence of landmarks.

    Args:
        times: seconds. faces: one per time, None where no face was seen.
        motion: head parameters the landmarks were made from.

    Raises:
        ValueError: the lengths differ.
    """
    stamps: list[float] = []
    curves: list[Array] = []
    turns: list[Array] = []
    clouds: list[Array] = []
    first: Array | None = None
    for time, face in zip(times, faces, strict=True):
        stamps.append(time)
        if face is None:
            curves.append(np.full(3, np.nan))
            turns.append(np.full((3, 3), np.nan))
            clouds.append(np.full((68, 3), np.nan))
            continue
        rigid = face.points[list(RIGID)]
        first = rigid if first is None else first
        turn = rigid_rotation(first, rigid)
        lids = float(eye_openness(face).mean())
        curves.append(np.array([mouth_opening(face), mouth_width(face), lids]))
        turns.append(turn)
        clouds.append(landmarks68(face, 3) @ turn / face.iod - rigid.mean(0) @ turn / face.iod)
    if not stamps:
        raise UsageError("a performance needs at least one frame")
    opening, width, lids_curve = np.array(curves).T
    return Performance(
        np.array(stamps, np.float64), opening, width, lids_curve,
        np.array(turns), np.array(clouds), motion,
    )  # fmt: skip


def rigid_rotation(source: Array, target: Array) -> Array:
    """``R (3, 3)`` with least squares ``source @ R.T = target``, means removed (Kabsch 1976)."""
    u, _, vt = np.linalg.svd((target - target.mean(0)).T @ (source - source.mean(0)))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation: Array = (u * sign) @ vt
    return rotation


def performance_from_video(path: Path | str) -> Performance:
    """Track the largest face of a video, image folder or ``%05d.png`` pattern.

    Raises:
        MediaError: the file cannot be read. FaceNotFoundError: no frame shows a face.
    """
    reader = read_video(path)
    times: list[float] = []
    faces: list[Face | None] = []
    with FaceFinder() as find:
        for frame in reader:
            times.append(frame.time)
            faces.append(find(frame.rgb))
    if not any(faces):
        raise FaceNotFoundError(f"no face in any frame of {path}; give a clip that shows one")
    found = from_faces(times, faces)
    warnings = (reader.warning,) if reader.warning else ()
    return replace(found, warnings=warnings)


def opening_from_video(path: Path | str) -> tuple[Array, Array, Array]:
    """Mouth of the largest face over time, as the evaluator measures it.

    Returns:
        times ``(T,)`` seconds from the first frame; opening ``(T,)`` distance of the inner lips;
        width ``(T,)`` distance of the mouth's corners, both over the 3-D distance of the eye
        centres and NaN in frames without a face.

    Raises:
        MediaError: the file cannot be read. FaceNotFoundError: no frame shows a face.
    """
    found = performance_from_video(path)
    assert found.width is not None
    return found.times, found.opening, found.width


def performance_from_motion(motion: Motion, head: HeadModel) -> Performance:
    """The same curves off the landmarks of the posed head.

    Raises:
        UsageError: the motion belongs to another head model, or is empty.
    """
    from facegen.posing import pose_batch

    if motion.basis != head.version:
        raise UsageError(
            f"the motion belongs to head model {motion.basis}, not {head.version}; fit it anew"
        )
    if not len(motion):
        raise UsageError("the motion has no frames")
    embedding = head.landmarks["mediapipe478"]
    faces: list[Face | None] = []
    for start in range(0, len(motion), _BATCH):
        part = motion[start : start + _BATCH]
        placed = embedding.on(pose_batch(head, part), head.faces)
        # The camera's axes are right, up, towards the viewer; a picture's right, down, away.
        placed = placed * (1.0, -1.0, -1.0)
        faces += [Face(p) if ok else None for p, ok in zip(placed, part.valid, strict=True)]
    return from_faces(motion.timestamps, faces, motion)
