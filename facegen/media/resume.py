"""Long videos that survive an interruption: finished segments are kept and joined at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error
import numpy as np
from av import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.atomic import (
    atomic_path,
    check_target,
    file_sha256,
    reason,
    remove,
    side_folder,
)
from facegen.media.container import open_input
from facegen.media.lock import TargetLock
from facegen.media.mux import Muxer, container_of
from facegen.media.sequence import ImageSequenceWriter, check_sequence, is_sequence_target
from facegen.media.writer import Clock, PictureSink, Seconds, VideoWriter, check_fps

Rgb8 = NDArray[np.uint8]
SEGMENT_FRAMES = 50
_MANIFEST, _JOINED = "manifest.json", "joined"
_FORMAT = 1


def fingerprint(files: Iterable[Path | str], options: Mapping[str, Any]) -> str:
    """Hash of a job: the bytes of its input files, its options, and the encoder's version.

    Raises:
        MediaError: a file cannot be read.
    """
    facts = {
        "files": [file_sha256(f) for f in files],
        "options": dict(options),
        "av": [av.__version__, str(av.library_versions)],
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class _Manifest:
    """What is done: picture times (ticks) and file size (bytes) of every finished segment."""

    job: str
    segment_frames: int
    origin: Fraction = Fraction(0)
    segments: list[list[int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(map(len, self.segments))

    def save(self, folder: Path) -> None:
        data = {
            "format": _FORMAT,
            "job": self.job,
            "segment_frames": self.segment_frames,
            "origin": [self.origin.numerator, self.origin.denominator],
            "segments": self.segments,
            "sizes": self.sizes,
        }
        with atomic_path(folder / _MANIFEST) as part:
            part.write_text(json.dumps(data))

    @classmethod
    def load(cls, folder: Path, suffix: str) -> _Manifest | None:
        """What a former run left, cut at the first segment that is gone or cut off, or None."""
        try:
            data = json.loads((folder / _MANIFEST).read_text())
            if data["format"] != _FORMAT:
                return None
            found = cls(data["job"], int(data["segment_frames"]), Fraction(*data["origin"]))
            parts = zip(data["segments"], data["sizes"], strict=True)
            for index, (ticks, size) in enumerate(parts):
                file = _segment(folder, index, suffix)
                if not ticks or not file.is_file() or file.stat().st_size != size:
                    break
                found.segments.append([int(t) for t in ticks])
                found.sizes.append(int(size))
            return found
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
            return None


def _segment(folder: Path, index: int, suffix: str) -> Path:
    return folder / f"{index:05d}{suffix}"


class SegmentedWriter:
    """A ``VideoWriter`` whose work can be continued.

    Every ``segment_frames`` pictures close a segment of its own in ``.NAME.facegen/``. At the end
    the segments' packets go into the target untouched, with exact times and sound. Segments are
    cut by picture count alone and each starts its encoder afresh, so a continued run gives the
    same packets as one that was never interrupted. The folder goes away on success and stays after
    a failure or Ctrl-C; ``resume_hint`` says what to do then.

    To continue: ``resume=True`` with the same ``job``, and hand over the pictures from number
    ``frames_done`` on (``read_video(..., skip=writer.frames_done)``).
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: Fraction | int,
        *,
        job: str,
        resume: bool = False,
        segment_frames: int = SEGMENT_FRAMES,
        crf: int | None = None,
        audio_from: Path | str | None = None,
        metadata: Mapping[str, str] | None = None,
        alpha: bool = False,
    ) -> None:
        """Arguments of :class:`VideoWriter`, and:

        Args:
            job: fingerprint of inputs and options (:func:`fingerprint`).
            resume: continue what an interrupted run of the same job left; else start over.
            segment_frames: pictures in a segment; at most so many are lost.

        Raises:
            MediaError: as ``VideoWriter``, ``resume`` finds another job's work, or another run is
                writing the same target.
        """
        self.path, self.width, self.height = Path(path), width, height
        self.fps = check_fps(fps)
        self._kind = container_of(self.path)
        # A writer that is never opened checks size, alpha, sound and target before any work.
        self.padding = VideoWriter(
            self.path, width, height, fps, audio_from=audio_from, alpha=alpha
        ).padding
        self._suffix = ".webm" if self._kind == "webm" else ".mkv"
        self._side = side_folder(self.path)
        self._options: dict[str, Any] = {"crf": crf, "alpha": alpha}
        self._audio_from = None if audio_from is None else Path(audio_from)
        self._metadata = dict(metadata or {})
        self._clock = Clock(self.fps)
        self._ticks: list[int] = []
        self._writer: VideoWriter | None = None
        self.audio_copied: bool | None = None
        if any(self.padding):
            self._metadata["facegen_padding"] = "right {}, bottom {}".format(*self.padding)
        self._lock = TargetLock(self.path)
        self._lock.acquire()
        try:
            self._manifest = self._begin(job, resume, max(1, segment_frames))
        except BaseException:
            self._lock.release()
            raise

    @property
    def frames_done(self) -> int:
        """Pictures in finished segments: the number of the next one to hand over."""
        return self._manifest.frames + len(self._ticks)

    @property
    def resume_hint(self) -> str:
        """One line for whoever was interrupted."""
        kept = self._manifest.frames
        return f"{kept} frames are kept in {self._side}; the same command with --resume continues"

    def _begin(self, job: str, resume: bool, segment_frames: int) -> _Manifest:
        found = _Manifest.load(self._side, self._suffix) if resume else None
        if found is not None and (found.job, found.segment_frames) != (job, segment_frames):
            raise MediaError(
                f"the unfinished {self.path} belongs to other inputs or options; "
                "run without --resume to start over"
            )
        if found is None:
            remove(self._side)
            found = _Manifest(job, segment_frames)
        try:
            self._side.mkdir(exist_ok=True)
        except OSError as error:
            raise MediaError(f"cannot write {self.path}: {reason(error)}") from error
        if found.segments:
            self._clock.resume(found.origin, found.segments[-1][-1], found.frames)
        return found

    def _new_writer(self, index: int) -> VideoWriter:
        target = _segment(self._side, index, self._suffix)
        return VideoWriter(target, self.width, self.height, self.fps, **self._options)

    def __enter__(self) -> SegmentedWriter:
        return self

    def write(self, rgb: Rgb8, time: Seconds | None = None, alpha: Rgb8 | None = None) -> None:
        """Add one picture; see :meth:`VideoWriter.write`."""
        ticks = self._clock(time)
        if self._writer is None:
            self._writer = self._new_writer(len(self._manifest.segments)).__enter__()
        # Inside a segment pictures only have an order; their times stand in the manifest.
        self._writer.write(rgb, None, alpha)
        self._ticks.append(ticks)
        if len(self._ticks) == self._manifest.segment_frames:
            self._close_segment()

    def _close_segment(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.__exit__(None, None, None)
        self._manifest.origin = self._clock.origin or Fraction(0)
        self._manifest.segments.append(self._ticks)
        self._manifest.sizes.append(writer.path.stat().st_size)
        self._ticks = []
        self._manifest.save(self._side)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
            elif self._writer is not None:
                # A segment cut short here would end elsewhere than in an uninterrupted run.
                self._writer.__exit__(kind, error, trace)
        finally:
            self._ticks = []
            if not self._manifest.segments:
                remove(self._side)
            self._lock.release()

    def _finish(self) -> None:
        self._close_segment()
        if not self._manifest.segments:
            raise MediaError(f"cannot write {self.path}: no pictures were given")
        check_target(self.path)
        part = self._side / f"{_JOINED}{self.path.suffix}"
        try:
            self._join(part)
            part.replace(self.path)
        except (av.error.FFmpegError, OSError) as problem:
            raise MediaError(f"cannot write {self.path}: {reason(problem)}") from problem
        finally:
            remove(part)
        remove(self._side)

    def _join(self, part: Path) -> None:
        muxer = Muxer(part, self._kind, self.fps, self._metadata)
        try:
            with open_input(_segment(self._side, 0, self._suffix)) as first:
                muxer.set_video(_copy_stream(muxer, first.streams.video[0]))
            muxer.add_audio(self._audio_from, self._manifest.origin)
            self.audio_copied = muxer.audio_copied
            for index, ticks in enumerate(self._manifest.segments):
                file = _segment(self._side, index, self._suffix)
                for packet, at in zip(_packets(file, len(ticks)), ticks, strict=True):
                    muxer.mux(packet, at)
        finally:
            muxer.close()


def _copy_stream(muxer: Muxer, template: VideoStream) -> VideoStream:
    return muxer.output.add_stream_from_template(template)


def _packets(file: Path, expected: int) -> Iterator[Packet]:
    with open_input(file) as container:
        count = 0
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                count += 1
                yield packet
    if count != expected:
        raise MediaError(f"{file} holds {count} frames, not {expected}; run without --resume")


def open_writer(
    path: Path | str,
    width: int,
    height: int,
    fps: Fraction | int,
    *,
    job: str | None = None,
    resume: bool = False,
    crf: int | None = None,
    audio_from: Path | str | None = None,
    metadata: Mapping[str, str] | None = None,
    alpha: bool = False,
    xmp: bytes | None = None,
) -> PictureSink:
    """The writer that suits a target: a folder or ``%05d.png`` of pictures, or a video file.

    Args:
        job: fingerprint; makes the work resumable. None: an interrupted run leaves nothing.
        resume: continue an interrupted run of that job.
        xmp: metadata packet of pictures; videos have ``metadata``.

    The others are those of :class:`VideoWriter`; pictures take no sound.

    Raises:
        MediaError: see the writers.
    """
    if is_sequence_target(path):
        return ImageSequenceWriter(path, width, height, fps, job=job, resume=resume, xmp=xmp)
    if job is None:
        return VideoWriter(
            path,
            width,
            height,
            fps,
            crf=crf,
            audio_from=audio_from,
            metadata=metadata,
            alpha=alpha,
        )
    return SegmentedWriter(
        path,
        width,
        height,
        fps,
        job=job,
        resume=resume,
        crf=crf,
        audio_from=audio_from,
        metadata=metadata,
        alpha=alpha,
    )


def check_output(path: Path | str) -> None:
    """Refuse a target of :func:`open_writer` before long work begins.

    Raises:
        MediaError: unknown suffix, missing or unwritable folder, pictures there already, or another
            run is writing it.
    """
    path = Path(path)
    if is_sequence_target(path):
        TargetLock(check_sequence(path)[0]).check()
        return
    container_of(path)
    check_target(path)
    TargetLock(path).check()
