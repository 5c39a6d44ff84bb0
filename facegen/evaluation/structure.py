"""A perceptual distance without a network: multi-scale gradient magnitude similarity deviation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import FrameMetric, Image, MetricSpec, Pair, Scene

_SCALE_WEIGHTS = (0.096, 0.596, 0.289, 0.019)
# Xue et al. give 170 for luma in 0..255.
_T = 170 / 255**2
# Zhang et al.: strong edges hide small differences.
_MASKING = 0.5
_PREWITT = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], np.float64) / 3
_LUMA = (0.299, 0.587, 0.114)


def ms_gmsd(pred: Image, truth: Image) -> float:
    """0 for equal pictures, larger the more their edges differ in strength; below 1.

    Xue et al. 2014 (GMSD), Zhang et al. 2017 (four scales). It sees blur, ghosts and broken
    outlines; it is blind to a uniform change of colour. Not LPIPS, not comparable with it.

    Args:
        pred, truth: ``(H, W, 3)`` uint8, at least 32 pixels a side.
    """
    x, y = (im.astype(np.float64) @ _LUMA / 255 for im in (pred, truth))
    total = 0.0
    for scale, weight in enumerate(_SCALE_WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        total += weight * _gmsd(x, y) ** 2
    return float(np.sqrt(total))


def _gmsd(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    gx, gy = _gradient(x), _gradient(y)
    both = gx * gy
    similarity = ((2 - _MASKING) * both + _T) / (gx * gx + gy * gy - _MASKING * both + _T)
    return float(similarity.std())


def _halve(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 2 means; an odd side gets a row of zeros."""
    h, w = x.shape
    x = np.pad(x, ((0, h % 2), (0, w % 2)))
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def _gradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    across = cv2.filter2D(x, -1, _PREWITT, borderType=cv2.BORDER_CONSTANT)
    down = cv2.filter2D(x, -1, _PREWITT.T.copy(), borderType=cv2.BORDER_CONSTANT)
    size: NDArray[np.float64] = np.hypot(across, down)
    return size


class Structure(FrameMetric):
    """Multi-scale gradient structure of the crop."""

    spec = MetricSpec(
        name="ms_gmsd",
        version=1,
        unit="",
        low=0.0,
        high=1.0,
        better="lower",
        perfect=0.0,
        needs=frozenset({"truth"}),
        main="full",
        source="Xue et al. 2014, Zhang et al. 2017; gradient structure, no network",
        estimator="hand-made gradients",
    )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        return None if pair.truth is None else {"full": ms_gmsd(pair.pred, pair.truth)}
