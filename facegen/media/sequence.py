"""A folder of pictures as an output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.atomic import atomic_path, check_target, reason, remove
from facegen.media.image import IMAGE_SUFFIXES, check_picture, write_image
from facegen.media.stills import is_pattern
from facegen.media.writer import Clock, Seconds, check_fps

Rgb8 = NDArray[np.uint8]
_JOB, _TIMES = "job.json", "times.txt"


def is_sequence_target(path: Path | str) -> bool:
    """The path names a folder (no suffix) or a ``%05d.png`` pattern."""
    path = Path(path)
    return path.is_dir() or not path.suffix or is_pattern(path)


class ImageSequenceWriter:
    """Writes pictures ``00000.png, 00001.png, ...`` (or by pattern), numbered from 0.

    They gather in ``.NAME.facegen/`` beside the target and move to their place when the block ends
    well. With a ``job`` an interrupted run keeps them, and ``resume=True`` continues after the last
    whole one. ``times.txt`` of a folder holds one time in seconds a line: pictures carry no clock.
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
    ) -> None:
        """Prepare the side folder.

        Args:
            path: a folder (new or empty), or a pattern such as ``out/%05d.png``.
            width, height: pixels.
            fps: nominal rate, for pictures without a time.
            job: fingerprint of inputs and options; see ``resume.fingerprint``.
            resume: continue what an interrupted run of the same job left.

        Raises:
            MediaError: target not empty or not writable, unknown suffix, or another job's remains.
        """
        path = Path(path)
        self.path, self.width, self.height = path, width, height
        patterned = is_pattern(path)
        self._folder = path.parent if patterned else path
        self._name = path.name if patterned else "%05d.png"
        if Path(self._name).suffix.lower() not in IMAGE_SUFFIXES:
            raise MediaError(f"cannot write {path}: use one of {', '.join(sorted(IMAGE_SUFFIXES))}")
        if not patterned and path.is_dir() and any(path.iterdir()):
            raise MediaError(f"cannot write {path}: the folder is not empty; name a new one")
        self._side = self._folder.with_name(f".{self._folder.resolve().name}.facegen")
        check_target(self._side / "x" if self._side.is_dir() else self._side)
        self._job = job
        self._clock = Clock(check_fps(fps))
        self._ticks: list[int] = []
        self._open(resume)

    @property
    def frames_done(self) -> int:
        """Pictures already there."""
        return len(self._ticks)

    def _open(self, resume: bool) -> None:
        state = self._side / _JOB
        if resume and state.is_file():
            saved = json.loads(state.read_text())
            if saved["job"] != self._job:
                raise MediaError(
                    f"the unfinished {self.path} belongs to other inputs or options; "
                    "run without --resume to start over"
                )
            self._restore(Fraction(*saved["origin"]))
            return
        remove(self._side)
        try:
            self._side.mkdir()
        except OSError as error:
            raise MediaError(f"cannot write {self.path}: {reason(error)}") from error

    def _restore(self, origin: Fraction) -> None:
        lines = (self._side / _TIMES).read_text().split()
        for index, line in enumerate(lines):
            if not (self._side / (self._name % index)).is_file():
                break
            self._ticks.append(int(line))
        if self._ticks:
            self._clock.resume(origin, self._ticks[-1], len(self._ticks))

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
        if not self._ticks:
            origin = self._clock.origin or Fraction(0)
            state: Mapping[str, object] = {
                "job": self._job,
                "origin": [origin.numerator, origin.denominator],
            }
            (self._side / _JOB).write_text(json.dumps(state))
        write_image(self._side / (self._name % len(self._ticks)), rgb, alpha)
        self._ticks.append(ticks)
        with (self._side / _TIMES).open("a") as stream:
            stream.write(f"{ticks}\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as problem:
            raise MediaError(f"cannot write {self.path}: {reason(problem)}") from problem
        finally:
            if self._job is None or kind is None:
                remove(self._side)

    def _finish(self) -> None:
        if not self._ticks:
            raise MediaError(f"cannot write {self.path}: no pictures were given")
        self._folder.mkdir(exist_ok=True)
        for index in range(len(self._ticks)):
            name = self._name % index
            (self._side / name).replace(self._folder / name)
        if self._name == "%05d.png":
            with atomic_path(self._folder / _TIMES) as part:
                times = (f"{float(t * self._clock.tick):.6f}\n" for t in self._ticks)
                part.write_text("".join(times))
