"""What the readers share: tables and labels that say where they are broken."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import one_label
from facegen.recognizer.labels import KEYS, LabelSpace


def need(path: Path, what: str) -> Path:
    """A file or folder that the layout has.

    Raises:
        MediaError: it is missing.
    """
    if not path.exists():
        raise MediaError(f"no {what} at {path}; name the folder that holds it")
    return path


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a text file that say something, with their numbers from 1.

    Raises:
        MediaError: unreadable.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path} cannot be read ({error})") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def table(path: Path, *columns: str) -> list[dict[str, str]]:
    """Rows of a CSV by column.

    Raises:
        MediaError: unreadable, or without one of ``columns``.
    """
    csv.field_size_limit(2**24)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = set(columns) - set(reader.fieldnames or ())
            if missing:
                raise MediaError(f"{path} has no column {sorted(missing)[0]!r}")
            return [{k: v or "" for k, v in row.items() if k is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path} cannot be read ({error})") from error


def number(text: str, path: Path, place: object) -> int:
    """A whole number in a file.

    Raises:
        MediaError: it is none.
    """
    try:
        return int(float(text))
    except ValueError:
        raise MediaError(f"{path}, {place}: {text!r} is no number") from None


def label_of(text: str, space: LabelSpace) -> tuple[float, ...]:
    """A label by its name in ``space``; empty where it has no canonical counterpart.

    Raises:
        UsageError: the space has no such class.
    """
    key = space.keys[space.index(text)]
    return one_label(key) if key in KEYS else ()


def label_at(index: int, space: LabelSpace, path: Path) -> tuple[float, ...]:
    """A label by its number in the set's files.

    Raises:
        MediaError: outside the space.
    """
    place = index - space.first
    if not 0 <= place < len(space):
        raise MediaError(f"{path}: label {index} is none of {space.name}")
    return label_of(space.classes[place], space)


def pictures(folder: Path) -> tuple[Path, ...]:
    """Pictures in a folder by name; numbers count as numbers."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".bmp"}]
    return tuple(sorted(found, key=lambda p: (len(p.stem), p.stem)))
