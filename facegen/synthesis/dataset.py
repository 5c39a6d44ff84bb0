"""The set on disk: put together when all samples are made, and read by everyone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.errors import ModelFileError, UsageError
from facegen.media import file_sha256, read_image
from facegen.reading import inside, named, parse_json, read_json
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.plan import SPLITS
from facegen.synthesis.record import Row
from facegen.synthesis.rows import UnitRows, unit_folder

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
ABOUT = "dataset.json"
_BEGUN: dict[str, Any] = {"format": FORMAT, "splits": list(SPLITS)}


class SyntheticDataset:
    """A made set, read from its folder.

    Args:
        path: the folder. split: only this one; all where None.
        keep: only samples whose decision is ``keep``.
        curated: name of a curated list (see ``facegen curate``) whose labels and weights hold.
        unfinished: a set that is still being made may be read as far as it is.
        check: compare every picture with its row's hash.

    Raises:
        ModelFileError: not a set, of a newer format, or a picture that was changed.
        UsageError: no such split, or curated list.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        split: str | None = None,
        keep: bool = False,
        curated: str | None = None,
        unfinished: bool = False,
        check: bool = False,
    ) -> None:
        self.path = Path(path)
        begun = unfinished and unit_folder(self.path).is_dir()
        self.about = _BEGUN if begun else read_about(self.path)
        rows = list(self._rows(unfinished))
        if curated is not None:
            rows = self._curated(rows, curated)
        if split is not None and split not in self.about["splits"]:
            raise UsageError(f"no split {split!r} in {self.path}; it has {self.about['splits']}")
        self.rows: list[Row] = [
            row
            for row in map(self._checked, rows)
            if (split is None or row["split"] == split) and (not keep or row["decision"] == "keep")
        ]
        if check:
            self._check()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Row]:
        """Picture ``(S, S, 3)`` uint8 and row."""
        return self.image(index), self.rows[index]

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], Row]]:
        return (self[i] for i in range(len(self)))

    def image(self, index: int) -> NDArray[np.uint8]:
        """Picture ``(S, S, 3)`` uint8 of a row."""
        return read_image(self.path / self.rows[index]["file"]).rgb

    def params(self, index: int) -> dict[str, NDArray[Any]]:
        """Arrays of ``params/ID.npz``: the exact head, camera, light and landmarks."""
        with np.load(self.path / "params" / f"{self.rows[index]['sample_id']}.npz") as archive:
            return {name: archive[name] for name in archive.files}

    @cached_property
    def frame(self) -> DataFrame:
        """The rows as a pandas frame; units as ``AU01`` .., curves by name, ``path`` absolute.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", "synth")
        rows = [flat(row) | {"path": str(self.path / row["file"])} for row in self.rows]
        return pandas.DataFrame(rows)

    @cached_property
    def soft_labels(self) -> NDArray[np.float32]:
        """``(N, 8)`` over ``CLASSES``, rows sum to 1."""
        return np.array([row["soft_label"] for row in self.rows], np.float32).reshape(-1, 8)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """``(N,)`` index into ``CLASSES``."""
        return np.array([CLASSES.index(row["label"]) for row in self.rows], np.int64)

    def _checked(self, row: Row) -> Row:
        try:
            inside(self.path, row["file"])
            inside(self.path, row["sample_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelFileError(f"{self.path} lists what no set holds ({error})") from error
        return row

    def _rows(self, unfinished: bool) -> Iterator[Row]:
        if unfinished and not (self.path / ABOUT).is_file():
            yield from UnitRows(self.path)
            return
        for split in self.about["splits"]:
            for folder in (self.path / split, self.path / "clips" / split):
                file = folder / "metadata.jsonl"
                if file.is_file():
                    yield from _entries(file)

    def _curated(self, rows: list[Row], name: str) -> list[Row]:
        file = self.path / "curated" / f"{name}.jsonl"
        if not file.is_file():
            raise UsageError(f"{self.path} has no curated list {name!r}; make it: facegen curate")
        changes = {entry.get("sample_id"): entry for entry in _entries(file)}
        return [row | changes.get(row["sample_id"], {}) for row in rows]

    def _check(self) -> None:
        for row in self.rows:
            file = self.path / row["file"]
            if file_sha256(file) != row["sha256"]:
                raise ModelFileError(f"{file} is not the picture its row names; make the set anew")


def _entries(file: Path) -> Iterator[Row]:
    """Lines of a list of samples, as they are needed.

    Raises:
        ModelFileError: a line is damaged.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield named(parse_json(line))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{file} is damaged ({error}); make the set anew") from error


def read_about(path: Path) -> dict[str, Any]:
    """``dataset.json`` of a set.

    Raises:
        ModelFileError: absent, unreadable or of a newer format.
    """
    try:
        about = read_json(path / ABOUT)
        if about["format"] == FORMAT:
            for split in about["splits"]:
                inside(path, split)
            return about
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{path} is not a finished synthetic set ({error}); run facegen synth until it ends"
        ) from error
    raise ModelFileError(f"{path}: format {about['format']}, this facegen reads {FORMAT}")


def flat(row: Row) -> dict[str, Any]:
    """A row without its tables: one column a unit, curve and class (``p_happy``)."""
    out = {k: v for k, v in row.items() if k not in ("target_au", "blendshapes", "soft_label")}
    out |= row["target_au"] | row["blendshapes"]
    out |= {f"p_{name}": p for name, p in zip(CLASSES, row["soft_label"], strict=True)}
    return out
