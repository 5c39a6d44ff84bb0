"""The mark's pattern: two layers of keyed tiles of random phases, each in a band of frequencies.

The *slow* layer's waves are long: they outlive strong compression, and smooth ground is where they
are found. The *quick* layer's are shorter and hide in busy ground, which drowns slow ones.

A tile repeats over the picture. It is laid out in *units*, of which the shorter side of any picture
has the same number, so that a resized picture carries the same mark. Half of a band's frequency
bins form the *anchor*, by which the mark is found; the others carry the payload, one byte in each
of four groups: every value of a byte is a phase pattern of its own (orthogonal signalling: a byte
is read right as long as its pattern is the likest of 256).

Spread spectrum in the sense of Cox et al. 1997, doi:10.1109/83.650120; periodic tiles against
cropping after Kutter 1998, doi:10.1117/12.337437.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.provenance.payload import SYMBOLS, Payload

TILE = 256  # units
KEY = b"facegen watermark 1"
_ANCHOR_SHARE = 0.5


@dataclass(frozen=True)
class Layer:
    """A band of the mark.

    Attributes:
        short_side: units that the shorter side of a picture has.
        band: cycles in a tile, from and to.
    """

    name: str
    short_side: int
    band: tuple[float, float]


SLOW = Layer("slow", 256, (6.0, 28.0))  # waves of 85 to 18 pixels where the short side has 512
QUICK = Layer("quick", 512, (9.0, 36.0))  # 28 to 7 pixels
LAYERS = (SLOW, QUICK)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Frequency bins and phases that belong to a key.

    Attributes:
        anchor: ``(A, 2)`` int rows ``(ky, kx)`` of the half plane ``kx > 0 or ky > 0 = kx``.
        anchor_phase: ``(A,)`` complex64 of length 1.
        symbols: one ``(B_i, 2)`` per payload byte.
        symbol_phase: one ``(256, B_i)`` complex64 per payload byte.
    """

    anchor: NDArray[np.intp]
    anchor_phase: NDArray[np.complex64]
    symbols: tuple[NDArray[np.intp], ...]
    symbol_phase: tuple[NDArray[np.complex64], ...]


@lru_cache(maxsize=8)
def pattern_of(layer: Layer, key: bytes = KEY) -> Pattern:
    """The pattern of a key, the same on every machine."""
    key = key + b"/" + layer.name.encode()
    bins = _band_bins(layer)
    bins = bins[np.argsort(_random(key + b"/order", len(bins), np.uint64), kind="stable")]
    n_anchor = round(len(bins) * _ANCHOR_SHARE)
    groups = np.array_split(bins[n_anchor:], SYMBOLS)
    return Pattern(
        bins[:n_anchor],
        _phases(key + b"/anchor", n_anchor),
        tuple(groups),
        tuple(
            _phases(key + f"/byte{index}".encode(), 256 * len(group)).reshape(256, -1)
            for index, group in enumerate(groups)
        ),
    )


def tile_of(payload: Payload, layer: Layer, key: bytes = KEY) -> NDArray[np.float32]:
    """The tile ``(TILE, TILE)`` that carries ``payload``: mean 0, standard deviation 1."""
    pattern = pattern_of(layer, key)
    spectrum = np.zeros((TILE, TILE), np.complex64)
    spectrum[tuple(pattern.anchor.T)] = pattern.anchor_phase
    for value, bins, phases in zip(
        payload.to_bytes(), pattern.symbols, pattern.symbol_phase, strict=True
    ):
        spectrum[tuple(bins.T)] = phases[value]
    tile = np.fft.ifft2(spectrum).real
    return (tile / tile.std()).astype(np.float32)


def _band_bins(layer: Layer) -> NDArray[np.intp]:
    """Half of the band's bins: the other half is their mirror image in a real tile."""
    k = np.fft.fftfreq(TILE, 1 / TILE).astype(np.intp)
    ky, kx = np.meshgrid(k, k, indexing="ij")
    radius = np.hypot(ky, kx)
    half = (kx > 0) | ((kx == 0) & (ky > 0))
    inside = (radius >= layer.band[0]) & (radius <= layer.band[1]) & half
    return np.stack([ky[inside], kx[inside]], 1)


def _phases(label: bytes, count: int) -> NDArray[np.complex64]:
    turns = _random(label, count, np.uint16) / 65536
    return np.exp(2j * np.pi * turns).astype(np.complex64)


def _random(label: bytes, count: int, kind: type[np.unsignedinteger]) -> NDArray:
    """Numbers from an extendable hash: no library's generator, so they never change."""
    size = np.dtype(kind).itemsize
    little = np.dtype(kind).newbyteorder("<")
    return np.frombuffer(hashlib.shake_256(label).digest(count * size), little)
