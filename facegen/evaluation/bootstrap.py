"""Intervals over clips: percentile bootstrap, paired where two methods saw the same clips."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 20240701


@dataclass(frozen=True)
class Interval:
    """A mean over clips with its 95 % interval.

    Attributes:
        mean, low, high: NaN without clips. clips: number that counted.
    """

    mean: float
    low: float
    high: float
    clips: int

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "not measured"
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def bootstrap(values: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """Mean over clips and its percentile interval; clips, not frames, are resampled.

    Args:
        values: ``(N,)`` one number per clip; NaN clips are left out (and are missing in the
            count). The same seed every time: two runs agree to the last digit.
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    draws = np.random.default_rng(SEED).integers(0, len(known), (RESAMPLES, len(known)))
    means = known[draws].mean(1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(known.mean()), float(low), float(high), len(known))


def paired(a: NDArray[np.float64], b: NDArray[np.float64]) -> Interval:
    """Mean of ``a - b`` over the clips where both are known.

    Args:
        a, b: ``(N,)`` of the same clips in the same order.
    """
    return bootstrap(a - b)
