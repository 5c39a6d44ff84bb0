"""When lips must meet: moments of p, b and m from files beside a clip."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facegen.errors import UsageError

# ARPAbet, IPA and SAMPA agree on these.
BILABIALS = frozenset("pbm")
# Word beginnings that are written with such a letter and spoken without: photo, psalm, pneumonia.
_SILENT = ("ph", "ps", "pn", "pt")
_SILENCES = frozenset(("", "sil", "sp", "pau", "_"))
# GRID's .align counts in units of a 25 kHz clock.
_GRID_RATE = 25_000


@dataclass(frozen=True)
class Marks:
    """What is known of a clip's words.

    Attributes:
        bilabials: seconds at which lips are shut (the middle of a phone, the start of a word).
        speech: first and last second of speech, or None where nothing is known.
        source: name of the file, or "".
    """

    bilabials: tuple[float, ...] = ()
    speech: tuple[float, float] | None = None
    source: str = ""


Span = tuple[float, float, str]


def read_marks(clip: Path) -> Marks:
    """Phones or words from the first of these that is there, beside the clip.

    ``CLIP.phones.csv`` (start_s, end_s, phone), ``CLIP.words.csv`` (start_s, end_s, word),
    ``CLIP.align`` (GRID corpus), ``words.csv`` (clip, start_s, end_s, word). Of words only a
    bilabial at the beginning is known.

    Raises:
        UsageError: such a file is there and cannot be read; the message names it.
    """
    for suffix, label in ((".phones.csv", "phone"), (".words.csv", "word")):
        path = clip.with_suffix(suffix)
        if path.is_file():
            return _marks(_table(path, label), path, phones=label == "phone")
    path = clip.with_suffix(".align")
    if path.is_file():
        return _marks(_grid(path), path)
    path = clip.with_name("words.csv")
    if path.is_file():
        spans = _table(path, "word", clip.stem)
        return _marks(spans, path) if spans else Marks()
    return Marks()


def _marks(spans: list[Span], path: Path, *, phones: bool = False) -> Marks:
    spoken = [s for s in spans if s[2] not in _SILENCES]
    if phones:
        moments = [(a + b) / 2 for a, b, name in spoken if name in BILABIALS]
    else:
        moments = [
            a for a, _, word in spoken if word[0] in BILABIALS and not word.startswith(_SILENT)
        ]
    speech = (spoken[0][0], spoken[-1][1]) if spoken else None
    return Marks(tuple(moments), speech, path.name)


def _table(path: Path, label: str, clip: str | None = None) -> list[Span]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            absent = {"start_s", "end_s", label} - set(reader.fieldnames or ())
            if absent:
                raise KeyError(", ".join(sorted(absent)))
            rows = [r for r in reader if clip is None or r["clip"] == clip]
        return [(float(r["start_s"]), float(r["end_s"]), r[label].strip().lower()) for r in rows]
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise UsageError(f"{path} has no columns start_s, end_s, {label} ({error})") from error


def _grid(path: Path) -> list[Span]:
    def lines() -> Iterator[Span]:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                start, end, word = line.split()
                yield int(start) / _GRID_RATE, int(end) / _GRID_RATE, word.lower()

    try:
        return list(lines())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a GRID alignment ({error})") from error
