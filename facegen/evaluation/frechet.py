"""Distances between sets of feature vectors: Fréchet (FID, FVD) and kernel (KID)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
_BLOCK = 512


def frechet_distance(a: Features, b: Features) -> float:
    """Squared Fréchet distance of Gaussians fitted to two sets ``(N, D)`` and ``(M, D)``.

    ``|m - n|^2 + tr(A + B - 2 (A B)^1/2)`` (Heusel et al. 2017), unbiased covariances. With the
    centred sets ``X`` and ``Y`` the last trace is the sum of the singular values of ``X Y^T``
    over ``sqrt((N - 1) (M - 1))``: exact also where there are fewer samples than dimensions, and
    never larger than the smaller of the two. NaN below two samples.
    """
    n, m = len(a), len(b)
    if min(n, m) < 2:
        return math.nan
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    if min(n, m) > a.shape[1]:
        # Triangular factors have the same singular products and are smaller.
        x, y = np.linalg.qr(x, mode="r"), np.linalg.qr(y, mode="r")
    cross = float(np.linalg.svd(x @ y.T, compute_uv=False).sum())
    shift = a.mean(0) - b.mean(0)
    return max(float(shift @ shift) + float((x * x).sum() + (y * y).sum()) - 2 * cross, 0.0)


def kernel_distance(a: Features, b: Features) -> float:
    """Unbiased squared maximum mean discrepancy, kernel ``(x.y / D + 1)^3`` (Binkowski 2018).

    Unlike the Fréchet distance it has no bias in small sets; may be slightly below 0. NaN below
    two samples. Over all samples, not over random subsets.
    """
    m, n = len(a), len(b)
    if min(m, n) < 2:
        return math.nan
    within = 0.0
    for x in (a, b):
        with_itself = float(_cube(np.square(x).sum(1) / x.shape[1]).sum())
        within += (_kernel_sum(x, x) - with_itself) / (len(x) * (len(x) - 1))
    return within - 2 * _kernel_sum(a, b) / (m * n)


def _cube(inner: Features) -> Features:
    return (inner + 1) ** 3


def _kernel_sum(x: Features, y: Features) -> float:
    """Sum over all pairs, a block of rows at a time: the matrix of all would not fit."""
    blocks = (x[k : k + _BLOCK] @ y.T / x.shape[1] for k in range(0, len(x), _BLOCK))
    return sum(float(_cube(block).sum()) for block in blocks)


def clip_features(frames: Features, length: int) -> Features:
    """Features of clips for FVD-type distances: ``(N, 3 D)`` from ``(T, D)`` frame features.

    Mean, standard deviation and mean |step| over successive non-overlapping windows of
    ``length`` frames; an incomplete last window is left out. The number depends on ``length``.
    """
    count = len(frames) // length
    cut = frames[: count * length].reshape(count, length, frames.shape[1])
    step = np.abs(np.diff(cut, axis=1)).mean(1)
    return np.concatenate([cut.mean(1), cut.std(1), step], axis=1)
