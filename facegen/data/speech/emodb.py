"""Emo-DB (Burkhardt et al. 2005): acted German speech with phones labelled by hand."""

from __future__ import annotations

import re
from pathlib import Path

from facegen.data.speech.phones import INDEX, Segment, spread, tidy
from facegen.errors import UsageError

# SAMPA as the corpus uses it; lenited stops have letters of their own.
_SAMPA = {
    "I": "IH", "Y": "IH", "i": "IY", "y": "IY", "e": "EH", "E": "EH", "2": "OW", "9": "ER",
    "a": "AA", "A": "AA", "o": "OW", "O": "AO", "u": "UW", "U": "UH", "@": "AH", "6": "AH",
    "p": "PP", "b": "PP", "m": "PP", "B": "WW", "f": "FF", "v": "FF", "V": "FF", "t": "DD",
    "d": "DD", "D": "TH", "n": "NN", "J": "NN", "l": "LL", "L": "LL", "s": "SS", "z": "SS",
    "S": "CH", "Z": "CH", "k": "KK", "g": "KK", "G": "KK", "N": "KK", "x": "KK", "X": "KK",
    "R": "RR", "4": "RR", "C": "YY", "j": "YY", "h": "HH", "H": "HH", "?": "HH",
}  # fmt: skip
_SILENCE = (".", "(", ":")
_ROW = re.compile(r"\s*(\d+\.\d+)\s+-?\d+\s*(\S*)")


def read_lablaut(path: Path, duration: float) -> list[Segment]:
    """Phones of a ``.lablaut`` file; its times are starts, marks of manner belong to the phone
    before, ``!`` and ``_`` mark bursts and ``asp`` aspiration of the same consonant.

    Raises:
        UsageError: not such a file.
    """
    rows = [m.groups() for m in map(_ROW.match, path.read_text("latin-1").splitlines()) if m]
    if not rows:
        raise UsageError(f"{path} has no phone labels")
    starts = [float(start) for start, _ in rows]
    out = [Segment("sil", 0.0, starts[0])]
    for (_, symbol), start, stop in zip(rows, starts, [*starts[1:], duration], strict=True):
        names = _classes(symbol)
        if not names and out:
            out[-1] = out[-1]._replace(stop=stop)
        else:
            out += spread(names, start, stop)
    return tidy(out)


def _classes(symbol: str) -> tuple[str, ...]:
    """Classes of a label; empty where it only says how the last sound went on."""
    if symbol.startswith(_SILENCE):
        return ("sil",)
    if symbol.startswith(("+", "-")):
        return ()
    plain = symbol.lstrip("!_").split("+")[0].removesuffix("asp")
    names = tuple(_SAMPA[c] for c in plain if c in _SAMPA)
    assert all(name in INDEX for name in names)
    return names
