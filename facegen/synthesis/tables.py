"""The set as tables: an index with every column, and those of py-feat and OpenFace 2."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from facegen.media import atomic_path
from facegen.recognizer.au_sets import INTENSITY_MAX
from facegen.synthesis.dataset import flat
from facegen.synthesis.record import Row

_BATCH = 5000


def write_index(out: Path, rows: Iterable[Row], columns: list[str]) -> list[str]:
    """``index.csv`` always, ``index.parquet`` where pyarrow is installed; in bounded memory.

    Args:
        columns: of the flat rows, in order; what a row lacks is left empty.

    Returns:
        names of the files.
    """
    files = ["index.csv"]
    with ExitStack() as stack:
        part = stack.enter_context(atomic_path(out / "index.csv"))
        stream = stack.enter_context(part.open("w", encoding="utf-8", newline=""))
        table = csv.DictWriter(stream, columns, lineterminator="\n")
        table.writeheader()
        parquet = None
        if _has_arrow():
            files.append("index.parquet")
            parquet = _Parquet(stack.enter_context(atomic_path(out / files[-1])), columns)
        for row in rows:
            values = {name: _plain(value) for name, value in flat(row).items()}
            table.writerow(values)
            if parquet is not None:
                parquet.add(values)
        if parquet is not None:
            parquet.close()
    return files


def _has_arrow() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:  # absent, or built for another numpy
        return False
    return True


class _Parquet:
    """Rows in batches; a column's type is that of its first value."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._path, self._columns = path, columns
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None

    def add(self, values: dict[str, Any]) -> None:
        self._rows.append(values)
        if len(self._rows) >= _BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow
        from pyarrow import parquet

        if not self._rows:
            return
        given = {name: [row.get(name) for row in self._rows] for name in self._columns}
        schema = None if self._writer is None else self._writer.schema
        table = pyarrow.table(given, schema=schema or _schema(given))
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self._rows = []


def _schema(given: dict[str, list[Any]]) -> Any:
    import pyarrow

    kinds = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}
    fields = []
    for name, values in given.items():
        first = next((v for v in values if v is not None), "")
        kind = kinds.get(type(first), pyarrow.string())
        if name == "seed":
            kind = pyarrow.uint64()
        fields.append((name, kind))
    return pyarrow.schema(fields)


def _plain(value: Any) -> Any:
    """Lists and tables as JSON text: a cell holds one value."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def write_face_tables(out: Path, rows: Iterable[Row]) -> list[str]:
    """``lists/openface2.csv`` and ``lists/pyfeat.csv`` where pandas is installed."""
    if find_spec("pandas") is None:
        return []
    from facegen.recognizer.frame import face_frame

    table = face_frame([_face(row, index) for index, row in enumerate(rows)])
    files = []
    for style in ("openface2", "pyfeat"):
        table.save(out / "lists" / f"{style}.csv", style)
        files.append(f"lists/{style}.csv")
    return files


def _face(row: Row, index: int) -> dict[str, Any]:
    x, y, width, height = row["crop_box"]
    known = {
        "input": row["file"], "frame": index, "timestamp": 0.0, "face_id": 0,
        "face_x": x, "face_y": y, "face_width": width, "face_height": height, "face_score": 1.0,
        "valence": row["target_valence"], "arousal": row["target_arousal"],
        "pitch": row["pitch"], "yaw": row["yaw"], "roll": row["roll"],
    }  # fmt: skip
    known |= {name: value / INTENSITY_MAX for name, value in row["target_au"].items()}
    known |= {f"{name}_r": value for name, value in row["target_au"].items()}
    return known | {name[2:]: value for name, value in flat(row).items() if name[:2] == "p_"}
