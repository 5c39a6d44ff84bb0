"""From a prepared result to files: frames, sound, maps, motion and an overview."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.flame.maps import ConditionMaps
from facegen.media import check_output, has_sound, open_writer, read_video, side_folder, write_image
from facegen.media.atomic import check_outputs
from facegen.media.sheet import contact_sheet
from facegen.motion import Motion
from facegen.progress import progress
from facegen.provenance.credentials import SUFFIXES, Credentials, sign
from facegen.provenance.marker import Marker
from facegen.provenance.payload import Payload
from facegen.provenance.statement import Statement, to_xmp

_LOG = logging.getLogger(__name__)
_SHEET_FRAMES = 12
_SHEET_SIDE = 320


@dataclass(frozen=True, kw_only=True)
class SaveOptions:
    """What is written besides the frames.

    Attributes:
        audio: file whose sound is used instead of the driver's. mute: no sound.
        resume: continue an interrupted run of the same job.
        workers: threads that paint.
        watermark: put the invisible mark into every frame.
        maps: folder for condition maps. motion: ``.motion.npz``. sheet: overview PNG.
    """

    audio: Path | None = None
    mute: bool = False
    resume: bool = False
    workers: int = 2
    watermark: bool = True
    maps: Path | None = None
    motion: Path | None = None
    sheet: Path | None = None


class Renderable(Protocol):
    """A result whose frames are painted on demand; ``sound`` is the file that carries its sound."""

    @property
    def motion(self) -> Motion: ...

    @property
    def sound(self) -> Path | None: ...

    @property
    def statement(self) -> Statement:
        """How it is made."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""

    def frames(self, start: int = 0, *, workers: int = 2) -> Iterator[NDArray[np.uint8]]:
        """Frames from number ``start`` on."""

    def maps(self, start: int = 0) -> Iterator[ConditionMaps]:
        """Condition maps from frame ``start`` on."""


def motion_cache(target: Path, job: str) -> Path:
    """Where a resumable job keeps its motion, so that nothing is tracked twice."""
    return side_folder(target) / f"motion-{job[:16]}.npz"


def check_options(target: Path, options: SaveOptions) -> None:
    """Find what cannot be written or read before long work begins.

    Raises:
        MediaError: the target or an extra output is unusable, or ``audio`` has no sound.
    """
    check_output(target)
    check_outputs(options.motion, options.sheet, inputs=[target])
    if options.maps is not None and options.maps.exists() and not options.maps.is_dir():
        raise MediaError(f"cannot write {options.maps}: it is a file; give a folder")
    if options.audio is not None and not has_sound(options.audio):
        raise MediaError(f"{options.audio} has no sound; give another file, or --mute")


def render(
    prepare: Callable[[], Renderable], target: Path, options: SaveOptions, job: str | None
) -> Path:
    """Paint all frames into ``target``; it appears whole or not at all.

    Args:
        prepare: makes the result; called once the outputs are known to be writable.
        target: ``.mp4``, ``.webm``, ``.mkv``, ``.mov`` or a folder (``%05d.png``).
        job: fingerprint that makes the run resumable, or None.

    Raises:
        FacegenError: what is wrong and how to mend it.
    """
    check_options(target, options)
    signer = _signer(target)
    result = prepare()
    payload = payload_of(result) if options.watermark else None
    statement = result.statement.marked(payload)
    _write_frames(result, target, options, job, payload)
    if signer is not None:
        sign(target, statement, signer)
    if options.maps is not None:
        for index, maps in enumerate(progress(result.maps(), len(result.motion), "maps")):
            maps.save(options.maps, index)
    if options.motion is not None:
        result.motion.save(options.motion)
    if options.sheet is not None:
        sheet = overview(target, len(result.motion))
        write_image(options.sheet, sheet, xmp=to_xmp(statement.tags()))
    return target


def payload_of(result: Renderable) -> Payload:
    """What the mark of a result says: the same whenever the same motion is painted."""
    motion = result.motion
    facts = (motion.expression, motion.neck_pose, motion.jaw_pose)
    return Payload.of_job(result.statement.task, *(array.tobytes() for array in facts))


def _signer(target: Path) -> Credentials | None:
    """Who signs the target; pictures in folders and WebM have no room for a signature."""
    credentials = Credentials.from_environment()
    if credentials is not None and target.suffix.lower() not in SUFFIXES:
        _LOG.warning("%s cannot hold C2PA credentials; write .mp4 to have them", target)
        return None
    return credentials


def _write_frames(
    result: Renderable,
    target: Path,
    options: SaveOptions,
    job: str | None,
    payload: Payload | None,
) -> None:
    times = result.motion.timestamps
    tags = result.statement.marked(payload).tags()
    mark = Marker(*result.size, payload) if payload is not None else None
    if options.audio is not None:
        times = times - times[0]  # another file's sound starts at its beginning
    writer = open_writer(
        target,
        *result.size,
        result.motion.fps,
        job=job,
        resume=options.resume,
        audio_from=None if options.mute else options.audio or result.sound,
        metadata=tags,
        xmp=to_xmp(tags),
    )
    with writer:
        if job is not None and side_folder(target).is_dir():
            result.motion.save(motion_cache(target, job))
        start = writer.frames_done
        frames = result.frames(start, workers=options.workers)
        shown = progress(frames, len(times), "painting", done=start)
        for rgb, time in zip(shown, times[start:], strict=True):
            writer.write(rgb if mark is None else mark(rgb), time)


def overview(video: Path, frames: int) -> NDArray[np.uint8]:
    """Contact sheet of evenly spaced frames of a written result."""
    wanted = np.unique(np.linspace(0, frames - 1, _SHEET_FRAMES).round().astype(int)).tolist()
    kept = [(f.time, f.rgb) for f in read_video(video) if f.index in wanted]
    labels = [f"{time:.2f} s" for time, _ in kept]
    cell = (_SHEET_SIDE, _SHEET_SIDE)
    return contact_sheet([rgb for _, rgb in kept], 4, labels, cell=cell)
