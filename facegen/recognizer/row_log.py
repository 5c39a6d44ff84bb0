"""Rows of faces on disk while they are made: flat in memory, and a job can go on after a kill."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from facegen.errors import MediaError
from facegen.media.atomic import atomic_path, reason, remove
from facegen.recognizer.frame import FaceFrame, pd

_ROWS, _JOB = "rows.csv", "job.json"
_CHUNK = 2000  # rows held at once


class RowLog:
    """A growing table in a folder of its own.

    Args:
        folder: beside the result. columns: of every row, in order.
        job: fingerprint of input and options; a log of another job is not continued.

    Attributes:
        done: pictures (by their number) that need no second look.
    """

    def __init__(self, folder: Path, columns: tuple[str, ...], job: str, *, resume: bool) -> None:
        self._folder, self._columns = folder, columns
        self.done = 0
        self._holds = False
        try:
            if resume and self._of(job):
                self._continue()
                self._holds = True
                return
            remove(folder)
            folder.mkdir(parents=True)
            with atomic_path(folder / _JOB) as part:
                part.write_text(json.dumps({"job": job, "columns": columns}))
            self._rows.write_text(_lines(columns, [dict(zip(columns, columns, strict=True))]))
        except OSError as error:
            self.leave()
            raise MediaError(f"cannot write {folder}: {reason(error)}") from error

    @property
    def _rows(self) -> Path:
        return self._folder / _ROWS

    def _of(self, job: str) -> bool:
        try:
            held = json.loads((self._folder / _JOB).read_text())
            return (
                bool(held == {"job": job, "columns": list(self._columns)}) and self._rows.is_file()
            )
        except (OSError, ValueError):
            return False

    def _continue(self) -> None:
        """Keep what is whole: the rows of the last picture may have been cut off."""
        column, last, start, at = self._columns.index("frame"), None, 0, 0
        with self._rows.open("rb") as stream:
            at = len(stream.readline())
            start = at
            for line in stream:
                number = next(csv.reader([line.decode("utf-8", "replace")]))[column:]
                frame = number[0] if number else None
                if frame != last:
                    last, start = frame, at
                at += len(line)
        if last:
            with self._rows.open("r+b") as stream:
                stream.truncate(start)
            self.done = int(last)

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows; they are on disk when this returns."""
        try:
            with self._rows.open("a", encoding="utf-8", newline="") as stream:
                stream.write(_lines(self._columns, rows))
            self._holds = True
        except OSError as error:
            raise MediaError(f"cannot write {self._rows}: {reason(error)}") from error

    def chunks(self) -> Iterator[FaceFrame]:
        """The table in pieces; at least one, which may have no rows."""
        for piece in pd.read_csv(self._rows, chunksize=_CHUNK, dtype={"input": str}):
            yield FaceFrame(piece)

    def leave(self) -> None:
        """The run ends early: what it found is kept, an empty log is not."""
        if not self._holds:
            remove(self._folder)

    def close(self) -> None:
        """The job is done: the folder goes away."""
        remove(self._folder)


def _lines(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    for row in rows:
        writer.writerow({k: _short(v) for k, v in row.items()})
    return text.getvalue()


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return "" if value != value else f"{value:.7g}"
    return value
