"""A photo and a clip: the same person with a reference of its own, or two people."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FacegenError, FaceNotFoundError
from facegen.evaluation.crops import crop_matrix
from facegen.evaluation.footage import (
    FaceFinder,
    Footage,
    Points,
    SelfFootage,
    Shot,
    Still,
    count_frames,
)
from facegen.evaluation.metric import Image
from facegen.evaluation.protocol import Task, choose_frames
from facegen.faces import find_landmarks
from facegen.media import read_image, read_video

_LOOKS = 8


def open_footage(task: Task, max_frames: int | None = None) -> Footage:
    """The pictures of a clip, whatever its protocol.

    Raises:
        FacegenError: a file cannot be used; the message names it.
    """
    kind = SelfFootage if task.photo is None else PhotoFootage
    return partial(kind, task)(max_frames)


class PhotoFootage:
    """The face of a photo, the motion of a clip from its first frame on.

    With ``task.has_truth`` the clip's frames are the truth: the photo shows the same person in
    the same framing (of another size it is scaled, and that is reported). Without, nobody knows
    what the frames should be; the driver's motion is what methods are held to.

    Raises:
        FacegenError: no frames, or no face in photo or clip.
    """

    audio: NDArray[np.float32] | None = None
    emotion: str | None = None
    reference_index: int | None = None

    def __init__(self, task: Task, max_frames: int | None = None) -> None:
        assert task.photo is not None
        self.name, self.drive, self.has_truth = task.name, task.drive, task.has_truth
        self.problems: list[str] = []
        self._reader = read_video(task.drive)
        self.fps: Fraction = self._reader.info.fps
        runs = choose_frames(0, count_frames(self._reader), max_frames)
        self._run = {i: number for number, run in enumerate(runs) for i in run}
        self.indices = sorted(self._run)
        if not self.indices:
            raise FacegenError(f"{task.name} has no frames")
        photo = read_image(task.photo).rgb
        photo = self._framed(photo) if task.has_truth else photo
        try:
            self.reference = Still(photo, find_landmarks(photo)[:, :2].astype(np.float64))
        except FaceNotFoundError as error:
            raise FaceNotFoundError(f"{task.photo}: {error}") from error
        self.sight, self.face = self._look()
        self.canvas = self.sight if task.has_truth else crop_matrix([self.reference.points])

    def _framed(self, photo: Image) -> Image:
        from PIL import Image as Pil

        size = (self._reader.info.width, self._reader.info.height)
        if photo.shape[1::-1] == size:
            return photo
        self.problems.append("photo of another size than the clip: scaled to it")
        return np.asarray(Pil.fromarray(photo).resize(size, Pil.Resampling.LANCZOS))

    def _look(self) -> tuple[Points, tuple[float, float]]:
        """Crop of the driver from up to eight frames, and where its face stands first."""
        sample = set(self.indices[:: max(1, len(self.indices) // _LOOKS)])
        faces: list[Points] = []
        with FaceFinder() as find:
            for frame in self._reader:
                if frame.index in sample:
                    face = find(frame.rgb)
                    faces += [] if face is None else [face.points[:, :2]]
        if not faces:
            raise FaceNotFoundError(f"no face in {self.drive}")
        x, y = (faces[0][:468].min(0) + faces[0][:468].max(0)) / 2
        return crop_matrix(faces), (float(x), float(y))

    def shots(self) -> Iterator[Shot]:
        seen = 0
        for frame in self._reader:
            if frame.index in self._run:
                seen += 1
                truth = frame.rgb if self.has_truth else None
                run = self._run[frame.index]
                yield Shot(frame.index, frame.time, run, frame.rgb, truth)
        if seen < len(self.indices):
            self.problems.append(f"{len(self.indices) - seen} frames are not in the file")
        if self._reader.warning:
            self.problems.append(self._reader.warning)
