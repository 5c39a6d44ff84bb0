"""Measures of categories: how often right, for whom, and how sure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.integer]


def confusion_matrix(truth: Labels, told: Labels, classes: int) -> NDArray[np.int64]:
    """``(C, C)`` counts, rows truth, columns told."""
    out = np.zeros((classes, classes), np.int64)
    np.add.at(out, (truth, told), 1)
    return out


@dataclass(frozen=True, eq=False)
class CategoryScores:
    """What a confusion matrix says; all 0..1, NaN where a class does not occur.

    Attributes:
        accuracy: share of right ones; also called WAR.
        uar: mean recall of the classes that occur.
        macro_f1: mean F1 of the classes that occur or are told. weighted_f1: by frequency.
        recall, precision, f1: ``(C,)``. confusion: ``(C, C)``. count: samples.
    """

    accuracy: float
    uar: float
    macro_f1: float
    weighted_f1: float
    recall: Array
    precision: Array
    f1: Array
    confusion: NDArray[np.int64]
    count: int


def category_scores(confusion: NDArray[np.int64]) -> CategoryScores:
    """Scores of a confusion matrix ``(C, C)``."""
    counts = confusion.astype(np.float64)
    hits, true, told = counts.diagonal(), counts.sum(1), counts.sum(0)
    recall, precision = _ratio(hits, true), _ratio(hits, told)
    f1 = _ratio(2 * hits, true + told)
    total = counts.sum()
    return CategoryScores(
        accuracy=float(hits.sum() / total) if total else math.nan,
        uar=_nanmean(recall),
        macro_f1=_nanmean(f1),
        weighted_f1=float(np.nansum(f1 * true) / total) if total else math.nan,
        recall=recall,
        precision=precision,
        f1=f1,
        confusion=confusion,
        count=int(total),
    )


def score(truth: Labels, probs: Array, *, present_only: bool = False) -> CategoryScores:
    """Scores of probabilities ``(N, C)`` against classes ``(N,)``.

    Args:
        present_only: choose among the classes that occur in ``truth`` alone, so that a network is
            not blamed for classes that the set has not. Always say which of the two is meant.
    """
    chosen = present_probs(truth, probs) if present_only else probs
    return category_scores(confusion_matrix(truth, chosen.argmax(1), probs.shape[1]))


def present_probs(truth: Labels, probs: Array) -> Array:
    """Probabilities ``(N, C)`` rescaled to the classes that occur in ``truth``."""
    occurs = np.isin(np.arange(probs.shape[1]), truth)
    kept = np.where(occurs, probs, 0.0)
    return np.asarray(kept / np.maximum(kept.sum(1, keepdims=True), 1e-12))


def calibration_error(truth: Labels, probs: Array, bins: int = 15) -> float:
    """Expected calibration error, 0..1 (Guo et al. 2017): mean gap of sureness and accuracy."""
    sure, right = probs.max(1), probs.argmax(1) == truth
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[place == b].mean() - right[place == b].mean()) * (place == b).mean()
        for b in np.unique(place)
    ]
    return float(np.sum(gaps))


def fit_temperature(truth: Labels, logits: Array) -> float:
    """Divisor of the logits ``(N, C)`` with the best likelihood (Guo et al. 2017), 0.05 to 20."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        return cross_entropy(truth, softmax(logits / math.exp(log_t)))

    return float(math.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def softmax(logits: Array) -> Array:
    """Probabilities of logits ``(N, C)``."""
    share = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(share / share.sum(1, keepdims=True))


def cross_entropy(truth: Labels, probs: Array) -> float:
    """Mean negative log-likelihood, nats."""
    return float(-np.log(np.maximum(probs[np.arange(len(truth)), truth], 1e-12)).mean())


def divergence(shares: Array, probs: Array) -> float:
    """Mean KL divergence of told probabilities from voted shares, both ``(N, C)``, nats."""
    terms = np.where(shares > 0, shares * np.log(np.maximum(shares, 1e-12)), 0.0)
    told = np.where(shares > 0, shares * np.log(np.maximum(probs, 1e-12)), 0.0)
    return float((terms - told).sum(1).mean())


def top_k(shares: Array, probs: Array, k: int = 2) -> float:
    """Share of samples whose voted winner is among the ``k`` likeliest told."""
    best = np.argsort(-probs, 1)[:, :k]
    return float((best == shares.argmax(1)[:, None]).any(1).mean())


def unknown_scores(known: Array, unknown: Array) -> tuple[float, float]:
    """AUROC and false-positive rate at 95 % recall of a score that is high for unknown faces.

    Args:
        known, unknown: scores of faces inside and outside what was learned.
    """
    from sklearn.metrics import roc_auc_score

    truth = np.r_[np.zeros(len(known)), np.ones(len(unknown))]
    area = float(roc_auc_score(truth, np.r_[known, unknown]))
    limit = np.quantile(unknown, 0.05)
    return area, float((known >= limit).mean())


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _nanmean(values: Array) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else math.nan
