"""Measures of numbers: valence and arousal, action units, curves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.emotion import ccc

Array = NDArray[np.float64]


def affect_scores(told: Array, truth: Array) -> dict[str, float]:
    """CCC, PCC, RMSE and SAGR of one dimension -1..1; NaN truth is left out.

    SAGR: share of equal signs (Nicolaou, Gunes and Pantic 2011).
    """
    known = ~np.isnan(truth)
    p, t = told[known], truth[known]
    if len(t) < 2:
        return dict.fromkeys(("ccc", "pcc", "rmse", "sagr"), math.nan)
    return {
        "ccc": ccc(p, t),
        "pcc": correlation(p, t),
        "rmse": float(np.sqrt(np.mean((p - t) ** 2))),
        "sagr": float(np.mean(np.sign(p) == np.sign(t))),
    }


def correlation(a: Array, b: Array) -> float:
    """Pearson's r; NaN where one side stands still."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def icc31(a: Array, b: Array) -> float:
    """Intraclass correlation ICC(3,1) of two raters (Shrout and Fleiss 1979), -1..1."""
    both = np.stack([a, b], 1)
    n = len(both)
    if n < 2:
        return math.nan
    rows, columns, mean = both.mean(1), both.mean(0), both.mean()
    between = 2 * ((rows - mean) ** 2).sum() / (n - 1)
    left = ((both - rows[:, None] - columns[None] + mean) ** 2).sum() / (n - 1)
    return float((between - left) / (between + left)) if between + left > 0 else math.nan


def presence_scores(probability: Array, shown: NDArray[np.bool_]) -> dict[str, float]:
    """F1 at 0.5 and AUC of one action unit; NaN where it never or always shows."""
    told = probability >= 0.5
    claims = told.sum() + shown.sum()
    auc = math.nan
    if shown.any() and not shown.all():
        from scipy.stats import rankdata

        ranks = rankdata(probability)
        n1, n0 = int(shown.sum()), int((~shown).sum())
        auc = float((ranks[shown].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    f1 = float(2 * (told & shown).sum() / claims) if shown.any() else math.nan
    return {"f1": f1, "auc": auc, "base_rate": float(shown.mean()) if len(shown) else math.nan}


def unit_scores(
    probability: Array, intensity: Array | None, strength: Array, present: float
) -> list[dict[str, float]]:
    """Per action unit: F1, AUC, base rate and, where intensities are told, ICC(3,1), PCC, MAE.

    Args:
        probability: ``(N, A)``. intensity: ``(N, A)`` 0..5. strength: ``(N, A)`` truth, NaN where
            not coded. present: least strength that counts as shown.
    """
    out = []
    for column in range(strength.shape[1]):
        known = ~np.isnan(strength[:, column]) & ~np.isnan(probability[:, column])
        truth = strength[known, column]
        scores = presence_scores(probability[known, column], truth >= present)
        if intensity is not None:
            told = intensity[known, column]
            error = float(np.abs(told - truth).mean()) if len(truth) else math.nan
            scores |= {"icc": icc31(told, truth), "pcc": correlation(told, truth), "mae": error}
        out.append(scores)
    return out


def curve_scores(told: Array, truth: Array) -> dict[str, float]:
    """Agreement on curves ``(N, D)``: mean absolute difference, and mean Pearson's r over the
    curves that move (spread of the truth above 0.02)."""
    known = ~np.isnan(truth).any(1)
    a, b = told[known], truth[known]
    if not len(b):
        return {"mae": math.nan, "pcc": math.nan, "curves": 0}
    moving = np.nonzero(b.std(0) > 0.02)[0]
    values = [correlation(a[:, k], b[:, k]) for k in moving]
    mean = float(np.nanmean(values)) if len(values) and not np.isnan(values).all() else math.nan
    return {"mae": float(np.abs(a - b).mean()), "pcc": mean, "curves": len(moving)}
