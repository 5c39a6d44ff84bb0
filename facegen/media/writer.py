"""Videos out: exact times, sound, and a file that appears whole or not at all."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av.error
import numpy as np
from av import Packet
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.atomic import check_target, part_path, reason, remove
from facegen.media.audio import has_sound
from facegen.media.encode import Encoder, settings_for
from facegen.media.image import check_picture
from facegen.media.lock import TargetLock
from facegen.media.mux import Muxer, container_of, tick

Seconds = float | Fraction
Rgb8 = NDArray[np.uint8]


class PictureSink(Protocol):
    """What :func:`open_writer` gives: a context manager that takes pictures in order."""

    @property
    def frames_done(self) -> int:
        """Pictures that need not be written any more."""

    def write(self, rgb: Rgb8, time: Seconds | None = None, alpha: Rgb8 | None = None) -> None:
        """Add one picture."""

    def __enter__(self) -> PictureSink: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Clock:
    """Turns picture times into ticks that start at 0 and strictly increase."""

    def __init__(self, fps: Fraction) -> None:
        self.fps, self.tick = fps, tick(fps)
        self.origin: Fraction | None = None
        self._last = -1
        self._count = 0

    def resume(self, origin: Fraction, last: int, count: int) -> None:
        """Continue after ``count`` pictures, the last of them at tick ``last``."""
        self.origin, self._last, self._count = origin, last, count

    def __call__(self, time: Seconds | None) -> int:
        """Ticks of the next picture; without a time it follows the frame rate.

        Raises:
            MediaError: the time is not after the previous picture's, or no number.
        """
        at = self._count / self.fps if time is None else _seconds(time)
        if self.origin is None:
            self.origin = at
        ticks = round((at - self.origin) / self.tick)
        if ticks <= self._last:
            raise MediaError(f"picture times must increase; {float(at):g} s does not")
        self._last = ticks
        self._count += 1
        return ticks


def _seconds(time: Seconds) -> Fraction:
    """A picture's time as a fraction; NumPy numbers are welcome."""
    if isinstance(time, Fraction):
        return time
    if not math.isfinite(time):
        raise MediaError(f"picture times must be finite numbers of seconds, not {time}")
    return Fraction(float(time))


class VideoWriter:
    """Encodes pictures into ``.mp4``, ``.m4v``, ``.mov``, ``.mkv`` (H.264) or ``.webm`` (VP9).

    Pictures are 8-bit 4:2:0, BT.709, limited range, tagged so: what every player shows. H.264
    4:2:0 needs even sides: an odd picture gets its last column or row once more, ``padding`` and
    the file's ``facegen_padding`` tag say so.

    Use it as a context manager. Everything grows in ``.NAME.part``; leaving the block normally
    renames it to its name, an exception (Ctrl-C too) removes it.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: Fraction | int,
        *,
        crf: int | None = None,
        audio_from: Path | str | None = None,
        metadata: Mapping[str, str] | None = None,
        alpha: bool = False,
    ) -> None:
        """Prepare the target; nothing is opened before the first picture.

        Args:
            width, height: pixels.
            fps: nominal rate; a frame without a time lasts ``1 / fps``.
            crf: constant quality of the encoder (smaller is better).
            audio_from: file whose sound goes along: copied where the container allows, else
                re-encoded (AAC, Opus in WebM). Its time 0 is its first video frame; the part that
                is kept begins at the time of the first picture written and ends with the last.
            metadata: container tags.
            alpha: keep transparency (WebM only).

        Raises:
            MediaError: unknown suffix, unwritable target, unreadable sound, or impossible size,
                rate or alpha.
        """
        self.path, self.width, self.height = Path(path), width, height
        self.fps = check_fps(fps)
        self._kind = container_of(self.path)
        if width < 1 or height < 1 or width > 16384 or height > 16384:
            raise MediaError(f"cannot write {path}: {width} x {height} is no usable video size")
        if alpha and self._kind != "webm":
            raise MediaError(f"cannot write {path}: only .webm and images keep alpha")
        check_target(self.path)
        self._part, self._lock = part_path(self.path), TargetLock(self.path)
        self._settings = settings_for(self._kind, crf, alpha)
        self._audio_from = checked_sound(audio_from)
        self._metadata = dict(metadata or {})
        self._clock = Clock(self.fps)
        self._pending: deque[int] = deque()
        self._muxer: Muxer | None = None
        self._encoder: Encoder | None = None
        self.times: list[int] | None = None
        self.audio_copied: bool | None = None
        self.padding = (width % 2, height % 2) if self._settings.even else (0, 0)
        if any(self.padding):
            self._metadata["facegen_padding"] = "right {}, bottom {}".format(*self.padding)

    @property
    def frames_done(self) -> int:
        """Always 0: an ordinary writer starts anew."""
        return 0

    def __enter__(self) -> VideoWriter:
        """Begin.

        Raises:
            MediaError: another run is writing the same target.
        """
        self._lock.acquire()
        return self

    def write(self, rgb: Rgb8, time: Seconds | None = None, alpha: Rgb8 | None = None) -> None:
        """Encode one picture.

        Args:
            rgb: ``(height, width, 3)`` uint8.
            time: seconds on any clock, strictly increasing; kept to 1/90000 s (1 ms in MKV and
                WebM). The first becomes time 0 of the file. None: follow the frame rate.
            alpha: ``(height, width)`` uint8 where the writer keeps transparency.

        Raises:
            MediaError: wrong array, time not increasing, or the file cannot be written.
        """
        check_picture(rgb, self.path)
        if rgb.shape[:2] != (self.height, self.width):
            raise MediaError(
                f"cannot write {self.path}: picture of {rgb.shape[1]} x {rgb.shape[0]} in a video "
                f"of {self.width} x {self.height}"
            )
        self._pending.append(self._clock(time))
        try:
            if self._encoder is None:
                self._open()
            self._mux(self._encoder.encode(rgb, alpha))  # type: ignore[union-attr]
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _open(self) -> None:
        remove(self._part)
        self._muxer = muxer = Muxer(self._part, self._kind, self.fps, self._metadata)
        encoder = Encoder(muxer.output, self._settings, self.width, self.height, self.fps)
        muxer.set_video(encoder.stream)
        muxer.add_audio(self._audio_from, self._clock.origin or Fraction(0))
        self.audio_copied = muxer.audio_copied
        self._encoder = encoder

    def _mux(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            self._muxer.mux(packet, self._pending.popleft())  # type: ignore[union-attr]

    def _failure(self, error: BaseException) -> MediaError:
        return MediaError(f"cannot write {self.path}: {reason(error)}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except (av.error.FFmpegError, OSError) as problem:
            raise self._failure(problem) from problem
        finally:
            self._abandon()
            self._lock.release()

    def _finish(self) -> None:
        if self._encoder is None or self._muxer is None:
            raise MediaError(f"cannot write {self.path}: no pictures were given")
        self._mux(self._encoder.flush())
        muxer, self._muxer = self._muxer, None
        muxer.close()
        self._part.replace(self.path)

    def _abandon(self) -> None:
        """Let go of what is open and remove the unfinished file; nothing is left after success."""
        muxer, self._muxer, self._encoder = self._muxer, None, None
        try:
            if muxer is not None:
                muxer.close()
        except (av.error.FFmpegError, OSError, ValueError):
            return  # the file is thrown away anyway
        finally:
            remove(self._part)


def checked_sound(source: Path | str | None) -> Path | None:
    """The file to take sound from, looked into before hours are spent on the pictures.

    Raises:
        MediaError: it is missing or damaged.
    """
    if source is None:
        return None
    has_sound(Path(source))
    return Path(source)


def check_fps(fps: Fraction | int) -> Fraction:
    """The rate as a fraction.

    Raises:
        MediaError: not between 0 and 1000.
    """
    if not 0 < fps <= 1000:  # NaN too is refused here
        raise MediaError(f"frame rate {fps} is not between 0 and 1000")
    return Fraction(fps).limit_denominator(1_000_000)
