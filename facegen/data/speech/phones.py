"""25 phone classes that look alike on the lips or in the ear, and how alphabets map to them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PHONES = (
    "sil", "PP", "FF", "TH", "DD", "NN", "LL", "SS", "CH", "KK", "HH", "RR", "WW", "YY",
    "AA", "AE", "AH", "AO", "EH", "IH", "IY", "OW", "UH", "UW", "ER",
)  # fmt: skip
INDEX = {name: i for i, name in enumerate(PHONES)}
BILABIAL = ("PP",)
LABIODENTAL = ("FF",)

# Sounds of the International Phonetic Alphabet by class; affricate ligatures included.
_IPA = {
    "PP": "pbmɓʙ", "FF": "fvʋɱⱱ", "TH": "θð", "DD": "tdɾʈɖɗ", "NN": "nɲɳ", "LL": "lɫɭʎɬɮ",
    "SS": "szʦʣ", "CH": "ʃʒʧʤɕʑʂʐʨʥ", "KK": "kgɡŋqɢxɣχʁcɟɴ", "HH": "hɦʔħʕ", "RR": "ɹrɻʀɽ",
    "WW": "wɥʍβɸ", "YY": "jçʝ", "AA": "aɑäɶ", "AE": "æ", "AH": "ʌəɐɘɵɯɤɨ", "AO": "ɔɒ",
    "EH": "ɛe", "IH": "ɪʏᵻ", "IY": "iy", "OW": "oø", "UH": "ʊ", "UW": "uʉ", "ER": "ɜɝɚœɞ",
}  # fmt: skip
_BY_IPA = {sound: name for name, sounds in _IPA.items() for sound in sounds}

# ARPABET symbols whose class has another name; diphthongs glide from one class to the other.
_ARPABET = {
    "AW": ("AA", "UH"), "AX": ("AH",), "AXR": ("ER",), "AY": ("AA", "IH"), "B": ("PP",),
    "D": ("DD",), "DH": ("TH",), "DX": ("DD",), "EL": ("LL",), "EM": ("PP",), "EN": ("NN",),
    "EY": ("EH", "IY"), "F": ("FF",), "G": ("KK",), "HV": ("HH",), "IX": ("IH",), "JH": ("CH",),
    "K": ("KK",), "L": ("LL",), "M": ("PP",), "N": ("NN",), "NG": ("KK",), "NX": ("KK",),
    "OW": ("OW", "UH"), "OY": ("AO", "IH"), "P": ("PP",), "R": ("RR",), "S": ("SS",),
    "SH": ("CH",), "T": ("DD",), "V": ("FF",), "W": ("WW",), "Y": ("YY",), "Z": ("SS",),
    "ZH": ("CH",), "NGK": ("KK",), "UX": ("UW",), "WH": ("WW",),
}  # fmt: skip
# A diphthong dwells on its first half.
_FIRST_SHARE = 0.57


class Segment(NamedTuple):
    """A phone class and its time in seconds."""

    phone: str
    start: float
    stop: float


def from_ipa(symbol: str) -> tuple[str, ...]:
    """Classes of an IPA symbol in order; empty for stress, length and other marks alone."""
    plain = unicodedata.normalize("NFD", symbol)
    return tuple(_BY_IPA[c] for c in plain if c in _BY_IPA)


def from_arpabet(symbol: str) -> tuple[str, ...]:
    """Classes of an ARPABET symbol, stress digit or not; ``("sil",)`` where it is none."""
    name = "".join(c for c in symbol.upper() if c.isalpha())
    if name in _ARPABET:
        return _ARPABET[name]
    return (name,) if name in INDEX else ("sil",)


def spread(names: Sequence[str], start: float, stop: float) -> list[Segment]:
    """Classes of one symbol over its time: the first of two gets a little more."""
    if len(names) == 2:
        middle = start + _FIRST_SHARE * (stop - start)
        return [Segment(names[0], start, middle), Segment(names[1], middle, stop)]
    edges = np.linspace(start, stop, len(names) + 1)
    return [Segment(n, float(edges[i]), float(edges[i + 1])) for i, n in enumerate(names)]


def tidy(segments: Iterable[Segment]) -> list[Segment]:
    """In order, without empty ones; silences that touch are one."""
    out: list[Segment] = []
    for segment in segments:
        if segment.stop - segment.start <= 1e-4:
            continue
        if out and out[-1].phone == segment.phone == "sil":
            out[-1] = out[-1]._replace(stop=segment.stop)
        else:
            out.append(segment)
    return out


def labels(segments: Sequence[Segment], frames: int, rate: float = 50.0) -> NDArray[np.uint8]:
    """Class index at the middle of each frame: ``(frames,)``; ``sil`` where nothing is said."""
    out = np.zeros(frames, np.uint8)
    middles = (np.arange(frames) + 0.5) / rate
    for phone, start, stop in segments:
        out[np.searchsorted(middles, start) : np.searchsorted(middles, stop)] = INDEX[phone]
    return out
