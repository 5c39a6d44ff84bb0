"""Videos in, one frame at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av.error
import numpy as np
from av import VideoFrame, VideoStream
from av.container import InputContainer
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.color import ToRgb
from facegen.media.container import open_input, read_error
from facegen.media.image import read_image
from facegen.media.orient import orientation_of
from facegen.media.probe import VideoInfo, display_size, probe, stream_start, video_stream
from facegen.media.stills import ImageSequence, find_sequence

Seconds = float | Fraction


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        index: 0-based position in the whole file, whatever part of it is read.
        time: seconds since the file's first frame, strictly increasing.
        exact_time: the same as an exact fraction.
        pts: the file's own timestamp in units of ``time_base`` seconds.
        time_base: seconds.
        rgb: ``(H, W, 3)`` uint8 sRGB, upright, square pixels.
    """

    index: int
    exact_time: Fraction
    pts: int
    time_base: Fraction
    rgb: NDArray[np.uint8]

    @property
    def time(self) -> float:
        """Seconds since the file's first frame."""
        return float(self.exact_time)


class VideoReader:
    """Iterates over a video's frames; holds one at a time, whatever the length.

    Can be iterated again; each pass opens the file anew. After a pass, ``warning`` tells in one
    line where the file was damaged (the frames before the damage were given), else it is None.

    Raises (on construction, or when the first frame is asked for):
        MediaError: missing, empty, damaged from the start, not a video, or no frame in the range.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        start: Seconds | None = None,
        stop: Seconds | None = None,
        skip: int = 0,
        fps: Fraction | int | None = None,
    ) -> None:
        """See :func:`read_video`."""
        self.path = Path(path)
        self.info: VideoInfo = probe(path, fps=fps)
        self.warning: str | None = None
        self._start = _exact(start or 0)
        self._stop = None if stop is None else _exact(stop)
        self._skip = skip
        if self._start < 0 or (self._stop is not None and self._stop <= self._start):
            raise MediaError(f"cannot read {path}: start must be 0 or more and before stop")

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        self.warning = None
        sequence = find_sequence(self.path)
        frames = self._images(sequence) if sequence else self._decode()
        empty = True
        for frame in frames:
            empty = False
            yield frame
        if empty and not self._skip:
            raise MediaError(f"{self.path} has no frame between {self._range()}")

    def _range(self) -> str:
        stop = "its end" if self._stop is None else f"{float(self._stop):g} s"
        return f"{float(self._start):g} s and {stop}"

    def _wanted(self, time: Fraction, selected: int) -> bool:
        return time >= self._start and selected >= self._skip

    def _images(self, sequence: ImageSequence) -> Iterator[Frame]:
        selected = 0
        for index, file in enumerate(sequence.files):
            time = index / self.info.fps
            if self._stop is not None and time >= self._stop:
                return
            if self._wanted(time, selected):
                rgb = read_image(file).rgb
                if rgb.shape[:2] != (sequence.height, sequence.width):
                    raise MediaError(
                        f"{file} is {rgb.shape[1]} x {rgb.shape[0]}, but the sequence began with "
                        f"{sequence.width} x {sequence.height}; make them equal"
                    )
                yield Frame(index, time, index, 1 / self.info.fps, rgb)
            selected += time >= self._start

    def _decode(self) -> Iterator[Frame]:
        """Decode from the first frame on: indices stay exact where seeking would guess them."""
        to_rgb, selected, last, origin = ToRgb(), 0, Fraction(-1), self.info.start_time
        with open_input(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            origin = stream_start(stream)
            for index, frame in enumerate(self._frames(container, stream)):
                pts, base = frame.pts, Fraction(frame.time_base or self.info.time_base)
                if index == 0 and pts is not None:
                    origin = min(origin, pts * base) if pts * base < origin else origin
                time = last + 1 / self.info.fps if pts is None else pts * base - origin
                if index and time <= last:
                    time = last + base
                time = max(time, Fraction(0))
                last = time
                if self._stop is not None and time >= self._stop:
                    return
                if self._wanted(time, selected):
                    rgb = self._picture(frame, to_rgb)
                    yield Frame(index, time, round((time + origin) / base), base, rgb)
                selected += time >= self._start

    def _frames(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Decoded frames; damage after the first one ends the stream with a warning."""
        count, packets = 0, container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError) as error:
                self._damaged(count, error)
                break
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, OSError) as error:
                self._note_damage(count, error)
                continue
            for frame in frames:
                count += 1
                yield frame
        expected = self.info.frame_count if self.info.frame_count_exact else None
        if count == 0:
            raise MediaError(
                f"cannot read {self.path}: no frame could be decoded; re-encode or copy it again"
            )
        if self.warning is None and expected and count < expected:
            self.warning = (
                f"{self.path} promises {expected} frames and holds {count}: it is cut off"
            )

    def _damaged(self, count: int, error: BaseException) -> None:
        if count == 0:
            raise read_error(self.path, error) from error
        self._note_damage(count, error)

    def _note_damage(self, count: int, error: BaseException) -> None:
        self.warning = self.warning or f"{self.path} is damaged after {count} frames ({error})"

    def _picture(self, frame: VideoFrame, to_rgb: ToRgb) -> NDArray[np.uint8]:
        orientation = orientation_of(frame)
        scaled, _ = display_size(frame.width, frame.height, self.info.pixel_aspect, orientation)
        rgb = orientation.apply(to_rgb(frame, scaled))
        if rgb.shape[:2] == (self.info.height, self.info.width):
            return rgb
        self.warning = self.warning or (
            f"{self.path} changes its picture size after its first frames; scaled to the first"
        )
        from PIL import Image as Pil

        return np.asarray(Pil.fromarray(rgb).resize((self.info.width, self.info.height)))


def _exact(seconds: Seconds) -> Fraction:
    """0.08 means the frame at 2/25 s, not the binary number just above it."""
    return Fraction(seconds).limit_denominator(1_000_000)


def read_video(
    path: Path | str,
    *,
    start: Seconds | None = None,
    stop: Seconds | None = None,
    skip: int = 0,
    fps: Fraction | int | None = None,
) -> VideoReader:
    """Frames of a video file, an image, a folder of images or a ``%05d.png`` pattern, in order.

    Memory does not grow with the clip. Rotation, mirroring, pixel aspect, colour matrix and range
    are applied; PQ and HLG pictures are tone-mapped to sRGB.

    Args:
        start, stop: seconds from the first frame; frames with ``start <= time < stop`` are given.
        skip: frames of that range to pass over without converting them (to continue a job).
        fps: frame rate of image sequences (25 where not given).

    Raises:
        MediaError: see :class:`VideoReader`.
    """
    return VideoReader(path, start=start, stop=stop, skip=skip, fps=fps)
