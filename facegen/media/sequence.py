"""A folder of pictures as an output."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.atomic import (
    atomic_path,
    beside,
    check_folder,
    check_target,
    reason,
    remove,
    side_folder,
)
from facegen.media.image import IMAGE_SUFFIXES, check_picture, write_image
from facegen.media.lock import TargetLock
from facegen.media.stills import is_pattern
from facegen.media.writer import Clock, Seconds, check_fps

Rgb8 = NDArray[np.uint8]
_JOB, _TIMES, _PICTURES = "job.json", "times.txt", "pictures"
_NAME = "%05d.png"


def is_sequence_target(path: Path | str) -> bool:
    """The path names a folder (no suffix) or a ``%05d.png`` pattern."""
    path = Path(path)
    return path.is_dir() or not path.suffix or is_pattern(path)


def check_sequence(path: Path) -> tuple[Path, str]:
    """The folder and the name pattern that a target stands for.

    Raises:
        MediaError: unknown suffix, a file in the folder's place, or the folder is not empty or
            may not be written.
    """
    patterned = is_pattern(path)
    folder, name = (path.parent, path.name) if patterned else (path, _NAME)
    if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
        raise MediaError(f"cannot write {path}: use one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    if patterned and folder.is_dir():
        check_target(folder / _TIMES)
        check_target(beside(folder, "lock"))
    else:
        check_folder(folder)
    return folder, name


class ImageSequenceWriter:
    """Writes pictures ``00000.png, 00001.png, ...`` (or by pattern), numbered from 0.

    They gather in ``.NAME.facegen/`` beside the folder; when the block ends well that becomes the
    folder in one step (into a folder that is there already they move one by one). With a ``job``
    an interrupted run keeps them, and ``resume=True`` continues after the last whole one.
    ``times.txt`` of a folder holds one time in seconds a line: pictures carry no clock.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: Fraction | int,
        *,
        job: str | None = None,
        resume: bool = False,
        xmp: bytes | None = None,
    ) -> None:
        """Prepare the side folder.

        Args:
            path: a folder (new or empty), or a pattern such as ``out/%05d.png``.
            width, height: pixels.
            fps: nominal rate, for pictures without a time.
            job: fingerprint of inputs and options; see ``resume.fingerprint``.
            resume: continue what an interrupted run of the same job left.
            xmp: metadata packet of every picture.

        Raises:
            MediaError: target not empty or not writable, unknown suffix, another job's remains, or
                another run is writing it.
        """
        path = Path(path)
        self.path, self.width, self.height = path, width, height
        self._folder, self._name = check_sequence(path)
        self._side = side_folder(self._folder)
        self._pictures = self._side / _PICTURES
        self._job, self._xmp = job, xmp
        self._clock = Clock(check_fps(fps))
        self._ticks: list[int] = []
        self._lock = TargetLock(self._folder)
        self._lock.acquire()
        try:
            self._open(resume)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise self._failure(error) from error
            raise

    @property
    def frames_done(self) -> int:
        """Pictures already there."""
        return len(self._ticks)

    def _open(self, resume: bool) -> None:
        if resume and (saved := self._saved()) is not None:
            job, origin = saved
            if job != self._job:
                raise MediaError(
                    f"the unfinished {self.path} belongs to other inputs or options; "
                    "run without --resume to start over"
                )
            self._restore(origin)
            return
        remove(self._side)
        self._pictures.mkdir(parents=True)

    def _saved(self) -> tuple[str | None, Fraction] | None:
        """Job and time origin of what a former run left; None: nothing usable."""
        try:
            data = json.loads((self._side / _JOB).read_text())
            return data["job"], Fraction(*data["origin"])
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
            return None

    def _restore(self, origin: Fraction) -> None:
        """Keep the pictures up to the first that is gone or has no whole time; drop the others."""
        self._pictures.mkdir(exist_ok=True)
        log = self._side / _TIMES
        lines = log.read_text(errors="replace").splitlines(keepends=True) if log.is_file() else []
        for index, line in enumerate(lines):
            whole = line.endswith("\n") and line.strip().isdecimal()
            if not whole or not self._picture(index).is_file():
                break
            self._ticks.append(int(line))
        kept = {self._picture(index) for index in range(len(self._ticks))}
        for file in set(self._pictures.iterdir()) - kept:
            remove(file)
        log.write_text("".join(f"{t}\n" for t in self._ticks))
        if self._ticks:
            self._clock.resume(origin, self._ticks[-1], len(self._ticks))

    def _picture(self, index: int) -> Path:
        return self._pictures / (self._name % index)

    def _failure(self, error: BaseException) -> MediaError:
        return MediaError(f"cannot write {self.path}: {reason(error)}")

    def __enter__(self) -> ImageSequenceWriter:
        return self

    def write(self, rgb: Rgb8, time: Seconds | None = None, alpha: Rgb8 | None = None) -> None:
        """Add one ``(height, width, 3)`` uint8 picture.

        Raises:
            MediaError: wrong array, time not increasing, or the picture cannot be written.
        """
        check_picture(rgb, self.path)
        if rgb.shape[:2] != (self.height, self.width):
            raise MediaError(f"cannot write {self.path}: pictures change size")
        ticks = self._clock(time)
        try:
            if not self._ticks:
                self._save_job()
            write_image(self._picture(len(self._ticks)), rgb, alpha, xmp=self._xmp)
            with (self._side / _TIMES).open("a") as stream:
                stream.write(f"{ticks}\n")
        except OSError as error:
            raise self._failure(error) from error
        self._ticks.append(ticks)

    def _save_job(self) -> None:
        origin = self._clock.origin or Fraction(0)
        state = {"job": self._job, "origin": [origin.numerator, origin.denominator]}
        with atomic_path(self._side / _JOB) as part:
            part.write_text(json.dumps(state))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if kind is None:
                self._finish()
                done = True
        except OSError as problem:
            raise self._failure(problem) from problem
        finally:
            if done or self._job is None or not self._ticks:
                remove(self._side)
            self._lock.release()

    def _finish(self) -> None:
        if not self._ticks:
            raise MediaError(f"cannot write {self.path}: no pictures were given")
        if self._name == _NAME:
            times = (f"{float(t * self._clock.tick):.6f}\n" for t in self._ticks)
            (self._pictures / _TIMES).write_text("".join(times))
        if not self._folder.exists():
            self._pictures.rename(self._folder)
            return
        for file in sorted(self._pictures.iterdir()):
            shutil.move(file, self._folder / file.name)  # it may be another disk's mount point
