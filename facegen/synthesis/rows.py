"""Rows of a set that is being made: read in order, or one by name, without holding them all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from facegen.synthesis.record import Row

WORK = ".synth"


def unit_folder(out: Path) -> Path:
    """Where finished units keep their rows."""
    return out / WORK / "units"


class UnitRows:
    """Rows of all finished units, by unit and number."""

    def __init__(self, out: Path) -> None:
        self._files = sorted(unit_folder(out).glob("*.jsonl"))
        self._places: dict[str, tuple[Path, int]] = {}

    def __iter__(self) -> Iterator[Row]:
        for file in self._files:
            with file.open("rb") as stream:
                place = 0
                for line in stream:
                    row = json.loads(line)
                    self._places[row["sample_id"]] = (file, place)
                    place += len(line)
                    yield row

    def __getitem__(self, name: str) -> Row:
        """A row that iteration has passed."""
        file, place = self._places[name]
        with file.open("rb") as stream:
            stream.seek(place)
            return json.loads(stream.readline())
