"""Distances between sets of pictures: Fréchet (FID, FVD) and kernel (KID), features named."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Image
from facegen.evaluation.roles import Component

Features = NDArray[np.float64]


class FeatureNet(Protocol):
    """Turns a picture into a vector."""

    component: Component
    width: int

    def __call__(self, image: Image) -> Features:
        """``(width,)`` for a ``(S, S, 3)`` uint8 crop."""
        ...


def moments(features: Features) -> tuple[Features, Features]:
    """Mean ``(D,)`` and unbiased covariance ``(D, D)`` of ``(N, D)``, N >= 2."""
    return features.mean(0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(a: Features, b: Features) -> float:
    """Squared Fréchet distance of Gaussians fitted to two sets ``(N, D)`` and ``(M, D)``.

    ``|m - n|^2 + tr(A + B - 2 (A B)^1/2)`` (Heusel et al. 2017). The trace of the root is taken
    from the eigenvalues of the symmetric ``A^1/2 B A^1/2``: exact also for singular covariances.
    NaN below two samples.
    """
    if min(len(a), len(b)) < 2:
        return math.nan
    (ma, ca), (mb, cb) = moments(a), moments(b)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ cb @ root)
    trace = np.trace(ca) + np.trace(cb) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return max(float((ma - mb) @ (ma - mb) + trace), 0.0)


def kernel_distance(a: Features, b: Features) -> float:
    """Unbiased squared maximum mean discrepancy, kernel ``(x.y / D + 1)^3`` (Binkowski 2018).

    Unlike the Fréchet distance it has no bias in small sets; may be slightly below 0. NaN below
    two samples. Over all samples, not over random subsets.
    """
    m, n = len(a), len(b)
    if min(m, n) < 2:
        return math.nan
    d = a.shape[1]
    kaa, kbb, kab = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within = (kaa.sum() - np.trace(kaa)) / (m * (m - 1)) + (kbb.sum() - np.trace(kbb)) / (
        n * (n - 1)
    )
    return float(within - 2 * kab.mean())


class GradientHistograms:
    """Features without a network: histograms of gradient directions on an 8 x 8 grid.

    Dalal & Triggs 2005 in small: 64 x 64 luma, 8 unsigned directions, root of the cell's share.
    Distances by them are called ``frechet_hog8`` and ``kernel_hog8``, never FID or KID.
    """

    component = Component("hog8")
    width = 8 * 8 * 8

    def __call__(self, image: Image) -> Features:
        import cv2

        grey = cv2.cvtColor(
            cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        )
        dy, dx = np.gradient(grey.astype(np.float64))
        strength = np.hypot(dx, dy)
        direction = np.floor((np.arctan2(dy, dx) % np.pi) / np.pi * 8).astype(int) % 8
        cells = np.arange(64) // 8
        bins = (cells[:, None] * 8 + cells[None]) * 8 + direction
        histogram = np.bincount(bins.ravel(), strength.ravel(), minlength=self.width)
        return np.sqrt(histogram / max(histogram.sum(), 1e-9)) * 8


def clip_features(frames: Features, length: int = 16) -> Features:
    """Features of clips for FVD-type distances: ``(N, 3 D)`` from ``(T, D)`` frame features.

    Mean, standard deviation and mean |step| over successive non-overlapping windows of
    ``length`` frames; an incomplete last window is left out. The number depends on ``length``.
    """
    count = len(frames) // length
    cut = frames[: count * length].reshape(count, length, frames.shape[1])
    step = np.abs(np.diff(cut, axis=1)).mean(1)
    return np.concatenate([cut.mean(1), cut.std(1), step], axis=1)
