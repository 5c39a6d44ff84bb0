"""PSNR and SSIM by region, RGB uint8, data range 255."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import FrameMetric, Image, MetricSpec, Pair, Scene
from facegen.evaluation.regions import Mask, region_masks

PSNR_CEILING = 100.0
_WINDOW, _SIGMA = 11, 1.5
_BORDER = _WINDOW // 2
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(pred: Image, truth: Image, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most 100 (two equal pictures); NaN for an empty mask.

    Args:
        pred, truth: ``(H, W, 3)`` uint8. mask: ``(H, W)`` pixels that count.
    """
    difference = pred.astype(np.float64) - truth
    squares = np.square(difference) if mask is None else np.square(difference[mask])
    if squares.size == 0:
        return math.nan
    error = float(squares.mean())
    if error == 0:
        return PSNR_CEILING
    return min(10 * math.log10(255**2 / error), PSNR_CEILING)


def ssim_map(pred: Image, truth: Image) -> NDArray[np.float64]:
    """Structural similarity at each pixel, mean over channels: ``(H, W)`` in -1..1.

    Wang et al. 2004: 11 x 11 Gaussian window of sigma 1.5, population covariance. The outer five
    pixels see mirrored content and are left out by ``ssim``.
    """
    import cv2

    def blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
        window = (_WINDOW, _WINDOW)
        smooth = cv2.GaussianBlur(x, window, _SIGMA, borderType=cv2.BORDER_REFLECT)
        return np.asarray(smooth, np.float64)

    x, y = pred.astype(np.float64), truth.astype(np.float64)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    top = (2 * mx * my + _C1) * (2 * cov + _C2)
    similarity: NDArray[np.float64] = top / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return similarity.mean(-1)


def inner(mask: Mask) -> Mask:
    """A mask without the border that ``ssim`` leaves out."""
    out = np.zeros_like(mask)
    cut = slice(_BORDER, -_BORDER)
    out[cut, cut] = mask[cut, cut]
    return out


def ssim(pred: Image, truth: Image, mask: Mask | None = None) -> float:
    """Mean structural similarity (see ``ssim_map``); NaN for an empty mask.

    Args:
        pred, truth: ``(H, W, 3)`` uint8, at least 11 pixels a side. mask: ``(H, W)``.
    """
    keep = inner(np.ones(pred.shape[:2], bool) if mask is None else mask)
    values = ssim_map(pred, truth)[keep]
    return float(values.mean()) if values.size else math.nan


class Psnr(FrameMetric):
    """PSNR of the crop and of its regions."""

    spec = MetricSpec(
        name="psnr",
        version=1,
        unit="dB",
        low=0.0,
        high=PSNR_CEILING,
        better="higher",
        perfect=PSNR_CEILING,
        needs=frozenset({"truth"}),
        main="face",
        source="10 log10(255^2 / MSE) per frame, mean over frames, capped at 100 dB",
    )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.truth is None:
            return None
        masks = region_masks(pair.truth_face, len(pair.truth))
        return {name: psnr(pair.pred, pair.truth, mask) for name, mask in masks.items()}


class Ssim(FrameMetric):
    """SSIM of the crop and of its regions."""

    spec = MetricSpec(
        name="ssim",
        version=1,
        unit="",
        low=-1.0,
        high=1.0,
        better="higher",
        perfect=1.0,
        needs=frozenset({"truth"}),
        main="face",
        source="Wang et al. 2004; Gaussian 11x11 sigma 1.5, RGB, map averaged over the region",
    )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.truth is None:
            return None
        similarity = ssim_map(pair.pred, pair.truth)
        found = {}
        for name, mask in region_masks(pair.truth_face, len(pair.truth)).items():
            values = similarity[inner(mask)]
            found[name] = float(values.mean()) if values.size else math.nan
        return found
