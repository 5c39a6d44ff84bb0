"""Random motion that belongs to a moment: any part of a recording gets the same values."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]

LATTICE = 50  # random numbers per second
_BLOCK = 4  # numbers that Philox makes per count


def generator(seed: int, stream: str) -> np.random.Generator:
    """Random numbers for one purpose; other purposes with the same seed are independent."""
    return np.random.Generator(np.random.Philox(key=_key(seed, stream)))


def _key(seed: int, stream: str) -> int:
    return (zlib.crc32(stream.encode()) << 64) | (seed & (2**64 - 1))


def white(seed: int, stream: str, start: int, count: int) -> Array:
    """Standard normal numbers ``start .. start + count`` of an endless sequence (start >= 0)."""
    first = start // _BLOCK
    blocks = -(-(start + count) // _BLOCK) - first
    raw = np.random.Philox(key=_key(seed, stream), counter=first).random_raw(blocks * _BLOCK)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return ndtri(uniform)[start - first * _BLOCK :][:count]


def wander(times: NDArray[np.floating], seed: int, stream: str, seconds: float) -> Array:
    """Smooth noise of unit variance, ``(T,)``.

    A critically damped walk about 0: white noise through ``t / s exp(-t / s)``, a second-order
    Ornstein-Uhlenbeck process, so that speeds are finite (their spread is ``1 / s`` per second).

    Args:
        times: ``(T,)`` seconds >= 0, increasing. seconds: s, about how long a deviation lasts.
    """
    times = np.asarray(times, np.float64)
    if not len(times):
        return times
    lag = np.arange(round(8 * seconds * LATTICE)) / LATTICE / seconds
    kernel = lag * np.exp(-lag)
    kernel /= np.sqrt((kernel**2).sum())
    start = int(times[0] * LATTICE)
    count = int(times[-1] * LATTICE) - start + 2
    drive = white(seed, stream, start, count + len(kernel) - 1)
    path = np.convolve(drive, kernel, mode="valid")
    return np.interp(times * LATTICE - start, np.arange(count), path)
