"""What a method is shown and measured by: the pictures of one clip, from wherever they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FacegenError, FaceNotFoundError
from facegen.evaluation.crops import crop_matrix
from facegen.evaluation.metric import Face, Image
from facegen.evaluation.protocol import Task, choose_frames
from facegen.faces import FaceChoice, LandmarkTracker
from facegen.media import Frame, VideoReader, read_video

Points = NDArray[np.float64]
# Frames of a clip that are kept between looking for its faces and measuring; beyond it the clip
# is decoded a second time, so that memory does not grow with its length.
KEEP_BYTES = 256 * 10**6
_LOOKS = 8


@dataclass(frozen=True, eq=False)
class Still:
    """A picture ``image (H, W, 3)`` uint8 and its face's landmarks ``(478, 2)`` in its pixels."""

    image: Image
    points: Points

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the face in pixels."""
        low, high = self.points[:468].min(0), self.points[:468].max(0)
        x, y = (low + high) / 2
        return float(x), float(y)


@dataclass(frozen=True, eq=False)
class Shot:
    """One moment of a clip.

    Attributes:
        index: frame number in the driving video. time: seconds.
        run: number of the uninterrupted run of frames it belongs to.
        drive: ``(H, W, 3)`` uint8 driving frame.
        truth: the frame a method should make, of the reference's size; the same object as
            ``drive`` in self-reenactment, None where nobody knows it (cross-identity).
    """

    index: int
    time: float
    run: int
    drive: Image
    truth: Image | None


class Footage(Protocol):
    """One clip, ready to be measured; every protocol makes its own kind.

    Attributes:
        name: of the clip. fps: of the driving video.
        drive: file of the driving video. reference: the photo.
        reference_index: frame of ``drive`` that is the photo, None where it is another picture.
        indices: numbers of the frames that count, ascending.
        canvas: ``(2, 3)`` crop of the photo, of true frames and of methods' frames, for pictures
            of the photo's size. sight: crop of driving frames.
        face: ``(x, y)`` where the driver's face stands in the first driving frame, pixels.
        audio: ``(N,)`` float32 mono at 16 kHz in step with frame 0, or None.
        emotion: label the clip should show, or None.
        has_truth: False in cross-identity.
        problems: what to report, complete after a pass over the shots.
    """

    name: str
    fps: Fraction
    drive: Path
    reference: Still
    reference_index: int | None
    indices: list[int]
    canvas: Points
    sight: Points
    face: tuple[float, float]
    audio: NDArray[np.float32] | None
    emotion: str | None
    has_truth: bool
    problems: list[str]

    def shots(self) -> Iterator[Shot]:
        """The moments in order, one pass."""
        ...


class SelfFootage:
    """Self-reenactment: an early frame is the photo, the later ones are driver and truth in one.

    Where several faces are in sight, all pictures are searched for the one that is largest in
    the reference frame.

    Raises:
        FacegenError: too short, or no face in the reference frame.
    """

    audio: NDArray[np.float32] | None = None
    emotion: str | None = None
    has_truth = True

    def __init__(
        self, task: Task, max_frames: int | None = None, *, keep_bytes: int = KEEP_BYTES
    ) -> None:
        self.name, self.drive = task.name, task.drive
        self.problems: list[str] = []
        self._reader = read_video(task.drive)
        self.fps = self._reader.info.fps
        count = count_frames(self._reader)
        runs = choose_frames(task.reference_frame + 1, count, max_frames)
        self._run = {i: number for number, run in enumerate(runs) for i in run}
        self.indices = sorted(self._run)
        if not self.indices:
            raise FacegenError(f"{task.name} has only {count} frames")
        self.reference_index: int | None = task.reference_frame
        self._kept: list[Frame] | None = []
        self.reference, faces = self._look(task, keep_bytes)
        self.canvas = self.sight = crop_matrix(faces)
        self.face = self.reference.middle

    def _look(self, task: Task, keep_bytes: int) -> tuple[Still, list[Points]]:
        """The reference, and its face in up to eight later frames."""
        sample = set(self.indices[:: max(1, len(self.indices) // _LOOKS)])
        reference: Still | None = None
        faces: list[Points] = []
        with FaceFinder() as find:
            for frame in self._reader:
                if frame.index == task.reference_frame:
                    face = find(frame.rgb)
                    if face is None:
                        break
                    reference = Still(frame.rgb, face.points[:, :2])
                    faces.append(reference.points)
                elif frame.index in sample:
                    face = find(frame.rgb)
                    faces += [] if face is None else [face.points[:, :2]]
                if frame.index in self._run:
                    self._keep(frame, keep_bytes)
        if reference is None:
            raise FacegenError(f"no face in reference frame {task.reference_frame} of {task.name}")
        return reference, faces

    def _keep(self, frame: Frame, keep_bytes: int) -> None:
        if self._kept is None or (len(self._kept) + 1) * frame.rgb.nbytes > keep_bytes:
            self._kept = None
        else:
            self._kept.append(frame)

    def shots(self) -> Iterator[Shot]:
        seen = 0
        for frame in self._reader if self._kept is None else self._kept:
            if frame.index in self._run:
                seen += 1
                run = self._run[frame.index]
                yield Shot(frame.index, frame.time, run, frame.rgb, frame.rgb)
        if seen < len(self.indices):
            self.problems.append(f"{len(self.indices) - seen} frames are not in the file")
        if self._reader.warning:
            self.problems.append(self._reader.warning)


class FaceFinder:
    """Follows the face that starts nearest to ``place`` in pixels, or the largest.

    MediaPipe gives back only part of a closed network's memory, so closed ones are used again:
    a run needs as many as are open at once, whatever the number of clips. Not thread-safe.
    """

    _idle: ClassVar[list[LandmarkTracker]] = []

    def __init__(self, place: FaceChoice = "largest") -> None:
        self._tracker = self._idle.pop() if self._idle else LandmarkTracker()
        self._tracker.forget(place)

    def __call__(self, image: Image) -> Face | None:
        """The face of the next picture; None where there is none, or none near the place."""
        try:
            points = self._tracker(image)
        except FaceNotFoundError:
            return None
        return None if points is None else Face(points.astype(np.float64))

    def __enter__(self) -> FaceFinder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._idle.append(self._tracker)


def count_frames(reader: VideoReader) -> int:
    """Number of frames; where the container does not say, its packets are counted, undecoded."""
    info = reader.info
    if info.frame_count is not None and info.frame_count_exact:
        return info.frame_count
    from facegen.media.container import open_input
    from facegen.media.probe import video_stream

    with open_input(reader.path) as container:
        stream = video_stream(container, reader.path)
        return sum(1 for packet in container.demux(stream) if packet.size)
