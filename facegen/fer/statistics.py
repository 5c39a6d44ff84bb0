"""How sure a difference is: people are resampled, not pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.bootstrap import RESAMPLES, SEED, Interval

Score = Callable[[NDArray[np.int64]], float]


def subject_bootstrap(
    score: Score, subjects: NDArray[np.str_], *, resamples: int = RESAMPLES, level: float = 0.95
) -> Interval:
    """A score with its percentile interval over people drawn with replacement.

    Args:
        score: of indices into the samples, with repetitions; NaN draws are left out.
        subjects: ``(N,)`` who is seen in each sample.
        resamples: number of draws; the same seed every time.
    """
    names, place = np.unique(subjects, return_inverse=True)
    order = np.argsort(place, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(place))[:-1])
    rng = np.random.default_rng(SEED)
    draws = []
    for _ in range(resamples):
        chosen = rng.integers(0, len(names), len(names))
        draws.append(score(np.concatenate([groups[k] for k in chosen])))
    values = np.array(draws)
    values = values[~np.isnan(values)]
    mean = score(np.arange(len(subjects)))
    if not len(values):
        return Interval(mean, math.nan, math.nan, len(names))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), len(names))


def mcnemar(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Do two models err differently on the same samples (McNemar 1947, exact)?

    Returns:
        Samples that only the first has right, only the second, and the two-sided p-value.
    """
    from scipy.stats import binomtest

    only_a = int((right_a & ~right_b).sum())
    only_b = int((~right_a & right_b).sum())
    if only_a + only_b == 0:
        return 0, 0, 1.0
    return only_a, only_b, float(binomtest(only_a, only_a + only_b).pvalue)
