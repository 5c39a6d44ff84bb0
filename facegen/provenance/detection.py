"""Finds the mark without the original: blind, at any shift, over a range of sizes.

How sure is a "yes"? The anchor's phases are random numbers of the key. For a picture made without
the key, whatever it shows, the score at one place is a sum of A cosines of uniform random angles,
each times a weight w that only the picture sets, divided by sqrt(sum(w^2) / 2); since
E exp(t w cos u) = I0(t w) <= exp(t^2 w^2 / 4), it exceeds z with a chance of at most exp(-z^2 / 2).
:data:`THRESHOLD` makes the sum of these chances over every shift, size,
layer and mirror image that is tried smaller than ``FALSE_ALARM``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from facegen.provenance.pattern import KEY, LAYERS, SLOW, TILE, Layer, pattern_of
from facegen.provenance.payload import KINDS, SYMBOLS, Payload

FALSE_ALARM = 1e-6
MAX_FRAMES = 48
# Size of the mark against that of an uncropped picture: 1 / 0.6 when cropped to 60 %, less than 1
# with bars added. Steps fine enough that the far edge is off by less than a sixth of a wave.
SCALES = np.exp(np.arange(-128, 134) * 0.004)
_TRIALS = len(LAYERS) * len(SCALES) * 2 * TILE * TILE * 1.05  # and the refinement
THRESHOLD = math.sqrt(2 * math.log(_TRIALS / FALSE_ALARM))
_SURE = 1.6 * THRESHOLD
# A bin that stands out of its ring of frequencies is likelier to hold the mark, up to this much:
# beyond it is more often the picture's own.
_MOST_WEIGHT = 1.3
_RING = 2.0  # cycles in a tile
_LONGEST = 4  # times the shorter side
_CHANCE = 4.5  # what an anchor without a mark reaches somewhere
# A wrong payload is read with a chance below one in a thousand, by the same bound.
READABLE = math.sqrt(2 * math.log(len(KINDS) * 65536 / 1e-3))


@dataclass(frozen=True)
class Detection:
    """What was found.

    Attributes:
        score: in standard deviations of an unmarked picture's.
        payload: None where there is no mark or its bytes are damaged.
        scale: size of the mark against an uncropped picture's; mirrored: the picture was flipped.
        frames: pictures looked at.
    """

    score: float
    payload: Payload | None
    scale: float
    mirrored: bool
    frames: int

    @property
    def found(self) -> bool:
        """The score passes ``THRESHOLD``."""
        return self.score >= THRESHOLD


def detect(
    pictures: Iterable[NDArray[np.uint8]], *, key: bytes = KEY, max_frames: int = MAX_FRAMES
) -> Detection:
    """Look for the mark in one picture or in many of one size that carry the same mark.

    Args:
        pictures: ``(H, W, 3)`` uint8; the first ``max_frames`` are pooled.
    """
    pooled: list[NDArray[np.float32]] = []
    count = 0
    for rgb in islice(pictures, max_frames):
        evidence = [evidence_of(rgb, layer) for layer in LAYERS]
        pooled = [a + b for a, b in zip(pooled, evidence, strict=True)] if pooled else evidence
        count += 1
    if not count:
        return Detection(0.0, None, 1.0, False, 0)
    found = dict(zip(LAYERS, pooled, strict=True))
    best = _search(found, key)
    payload = _read(found, key, best) if best.score >= THRESHOLD else None
    return Detection(best.score, payload, best.scale, best.mirrored, count)


def evidence_of(rgb: NDArray[np.uint8], layer: Layer) -> NDArray[np.float32]:
    """A picture in units ``(h, w)``: the layer's band, weighed by where the mark is to be found.

    The slow layer is as strong everywhere: what counts is how quiet the picture is. The quick
    one grows with the picture's own strength.
    """
    rgb = _not_too_long(rgb)
    height, width = rgb.shape[:2]
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    factor = layer.short_side / min(width, height)
    size = round(width * factor), round(height * factor)
    luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    band = cv2.GaussianBlur(luma, (0, 0), 1.2) - cv2.GaussianBlur(luma, (0, 0), 6.0)
    power = cv2.GaussianBlur(band * band, (0, 0), 6.0)
    return band / (power + 1.0 if layer is SLOW else np.sqrt(power + 1.0))


def _not_too_long(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of a strip, so that no shape makes the work large."""
    height, width = rgb.shape[:2]
    longest = _LONGEST * min(height, width)
    y, x = max(0, height - longest) // 2, max(0, width - longest) // 2
    return np.ascontiguousarray(rgb[y : y + longest, x : x + longest])


@dataclass(frozen=True)
class _Place:
    """Where a layer stands: score, size, mirror, shift in units."""

    score: float
    scale: float
    mirrored: bool
    shift: tuple[int, int]


_Evidence = dict[Layer, NDArray[np.float32]]


def _search(found: _Evidence, key: bytes) -> _Place:
    best = _Place(0.0, 1.0, False, (0, 0))
    order = sorted(SCALES, key=lambda s: abs(math.log(s)))  # the untouched size first
    for scale in order:
        for layer in LAYERS:
            phases = _phases(found[layer], float(scale))
            for mirrored in (False, True):
                place = _try(phases, layer, key, float(scale), mirrored)
                best = max(best, place, key=lambda p: p.score)
        if best.score > _SURE and scale == order[0]:
            return best
    near = [best.scale * step for step in (0.998, 0.999, 1.001, 1.002)]
    tries = [
        _try(_phases(found[layer], scale), layer, key, scale, best.mirrored)
        for scale in near
        for layer in LAYERS
    ]
    return max(best, *tries, key=lambda p: p.score)


def _try(
    phases: NDArray[np.complex64], layer: Layer, key: bytes, scale: float, mirrored: bool
) -> _Place:
    """Best shift of a layer's anchor at one size, by phase-only correlation."""
    pattern = pattern_of(layer, key)
    surface = np.zeros((TILE, TILE // 2 + 1), np.complex64)
    surface[tuple(pattern.anchor.T)] = (
        _at(phases, pattern.anchor, mirrored) * pattern.anchor_phase.conj()
    )
    # A real tile: half of the bins, the other half is their mirror image and counts as well.
    peaks = fft.irfft2(surface, (TILE, TILE), overwrite_x=True)
    y, x = np.unravel_index(int(peaks.argmax()), peaks.shape)
    score = float(peaks[y, x]) * TILE * TILE / 2 / math.sqrt(_power(surface) / 2)
    return _Place(score, scale, mirrored, (int(y), int(x)))


def _phases(pooled: NDArray[np.float32], scale: float) -> NDArray[np.complex64]:
    """The evidence folded into one tile: half its spectrum, each bin as long as its weight."""
    height, width = pooled.shape
    size = round(width / scale), round(height / scale)
    there = cv2.resize(pooled, size, interpolation=cv2.INTER_LINEAR) if scale != 1 else pooled
    spectrum = fft.rfft2(_fold(there))
    size_of = np.maximum(np.abs(spectrum), 1e-20)
    rings = _rings()
    mean = np.sqrt(np.bincount(rings.ravel(), (size_of**2).ravel()) / np.bincount(rings.ravel()))
    weight = np.minimum(size_of / mean[rings], _MOST_WEIGHT)
    return (spectrum / size_of * weight).astype(np.complex64)


@lru_cache(maxsize=1)
def _rings() -> NDArray[np.intp]:
    """The ring of frequencies of every bin of half a tile's spectrum."""
    ky, kx = fft.fftfreq(TILE, 1 / TILE)[:, None], np.arange(TILE // 2 + 1)
    return (np.hypot(ky, kx) / _RING).astype(np.intp)


def _power(terms: NDArray[np.complex64]) -> float:
    """Sum of the squared weights; never 0."""
    return max(float((np.abs(terms) ** 2).sum()), 1e-20)


def _at(
    phases: NDArray[np.complex64], bins: NDArray[np.intp], mirrored: bool
) -> NDArray[np.complex64]:
    """Phases of some bins, of the mirrored picture if asked; the shift it adds is searched."""
    ky, kx = bins.T
    return phases[-ky, kx].conj() if mirrored else phases[ky, kx]


def _fold(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of all tiles."""
    rows, columns = -field.shape[0] % TILE, -field.shape[1] % TILE
    padded = np.pad(field, ((0, rows), (0, columns)))
    return padded.reshape(padded.shape[0] // TILE, TILE, -1, TILE).sum((0, 2))


def _read(found: _Evidence, key: bytes, best: _Place) -> Payload | None:
    """The likest payload by all layers together, weighed by how clearly each anchor stands."""
    likeness, variance = np.zeros((SYMBOLS, 256)), 0.0
    for layer in LAYERS:
        near = [best.scale * step for step in (0.998, 1.0, 1.002)]
        spectra = {scale: _phases(found[layer], scale) for scale in near}
        places = [_try(s, layer, key, scale, best.mirrored) for scale, s in spectra.items()]
        place = max(places, key=lambda p: p.score)
        weight = max(place.score - _CHANCE, 0.0)
        pattern = pattern_of(layer, key)
        groups = zip(pattern.symbols, pattern.symbol_phase, strict=True)
        for index, (bins, alphabet) in enumerate(groups):
            turn = np.exp(2j * np.pi * (bins @ place.shift) / TILE)
            seen = _at(spectra[place.scale], bins, place.mirrored) * turn
            likeness[index] += weight * (alphabet.conj() @ seen).real
            variance += weight**2 * _power(seen) / 2
    payload, total = Payload.likest(likeness)
    return payload if total >= READABLE * math.sqrt(variance) else None
