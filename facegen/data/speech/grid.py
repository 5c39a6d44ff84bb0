"""The GRID corpus (Cooke et al. 2006): its words, their times, and phones within them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facegen.data.speech.phones import Segment, from_arpabet, spread, tidy
from facegen.errors import UsageError

_SILENT = ("sil", "sp")
# Units of the .align files: samples at 25 kHz.
_ALIGN_RATE = 25_000

# Pronunciations in ARPABET, standard southern British as spoken in the corpus. W is not among
# the letters.
PRONUNCIATIONS = {
    "bin": "B IH N", "lay": "L EY", "place": "P L EY S", "set": "S EH T",
    "blue": "B L UW", "green": "G R IY N", "red": "R EH D", "white": "W AY T",
    "at": "AE T", "by": "B AY", "in": "IH N", "with": "W IH DH",
    "zero": "Z IH R OW", "one": "W AH N", "two": "T UW", "three": "TH R IY", "four": "F AO",
    "five": "F AY V", "six": "S IH K S", "seven": "S EH V AX N", "eight": "EY T",
    "nine": "N AY N", "again": "AX G EH N", "now": "N AW", "please": "P L IY Z", "soon": "S UW N",
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY",
    "h": "EY CH", "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N",
    "o": "OW", "p": "P IY", "q": "K Y UW", "r": "AA", "s": "EH S", "t": "T IY", "u": "Y UW",
    "v": "V IY", "x": "EH K S", "y": "W AY", "z": "Z EH D",
}  # fmt: skip

# Typical durations in read speech, ms: vowels and diphthongs are long, stops and glides short.
_TYPICAL = {
    "long": 130, "diphthong": 160, "short": 80, "fricative": 105, "stop": 65, "sonorant": 65,
}  # fmt: skip
_KINDS = {
    "long": "AA AO ER IY UW", "diphthong": "AW AY EY OW OY", "short": "AE AH AX EH IH UH",
    "fricative": "S Z SH ZH F V TH DH HH CH JH", "stop": "P B T D K G",
    "sonorant": "M N NG L R W Y",
}  # fmt: skip
_DURATION = {s: _TYPICAL[kind] for kind, symbols in _KINDS.items() for s in symbols.split()}


class Word(NamedTuple):
    """A spoken word and its time in seconds."""

    text: str
    start: float
    stop: float


def read_align(path: Path) -> list[Word]:
    """Words of a GRID ``.align`` file, silences left out.

    Raises:
        UsageError: not such a file.
    """
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
    try:
        words = [Word(w, int(a) / _ALIGN_RATE, int(b) / _ALIGN_RATE) for a, b, w in rows]
    except ValueError as error:
        raise UsageError(f"{path} is not a GRID alignment: start stop word per line") from error
    return [w for w in words if w.text not in _SILENT]


def read_words(path: Path) -> dict[str, list[Word]]:
    """Words by clip from a CSV with columns ``clip, start_s, end_s, word``.

    Raises:
        UsageError: not such a table.
    """
    out: dict[str, list[Word]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        try:
            for row in csv.DictReader(stream):
                words = out.setdefault(row["clip"], [])
                if row["word"] not in _SILENT:
                    words.append(Word(row["word"], float(row["start_s"]), float(row["end_s"])))
        except (KeyError, ValueError) as error:
            raise UsageError(f"{path}: columns clip, start_s, end_s, word wanted") from error
    return out


class Symbol(NamedTuple):
    """An ARPABET symbol and its time in seconds."""

    name: str
    start: float
    stop: float


def phones_by_rule(words: Sequence[Word], duration: float) -> list[Segment]:
    """Classes of :func:`symbols_by_rule`; pauses are silence.

    Raises:
        UsageError: a word that the corpus does not have.
    """
    return classes_of(symbols_by_rule(words), duration)


def classes_of(symbols: Sequence[Symbol], duration: float) -> list[Segment]:
    """Timed ARPABET symbols as phone classes, silence between and around them."""
    out: list[Segment] = []
    now = 0.0
    for name, start, stop in symbols:
        out += [Segment("sil", now, start), *spread(from_arpabet(name), start, stop)]
        now = stop
    return tidy([*out, Segment("sil", now, duration)])


def symbols_by_rule(words: Sequence[Word]) -> list[Symbol]:
    """Each word's phones share its time by their typical durations.

    Raises:
        UsageError: a word that the corpus does not have.
    """
    out: list[Symbol] = []
    for text, start, stop in words:
        if text not in PRONUNCIATIONS:
            raise UsageError(f"{text!r} is not a word of the GRID corpus")
        symbols = PRONUNCIATIONS[text].split()
        edges = np.cumsum([0.0, *(_DURATION[s] for s in symbols)])
        times = (start + (stop - start) * edges / edges[-1]).tolist()
        out += map(Symbol, symbols, times[:-1], times[1:])
    return out
