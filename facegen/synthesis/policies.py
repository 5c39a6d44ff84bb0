"""What follows from votes on a sample: policies that look at each sample by itself.

A judge abstains where it cannot tell the asked class at all (a network without contempt).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Verdict:
    """Labels of N samples over C classes after a policy.

    Attributes:
        label: ``(N,)`` int. soft: ``(N, C)``, rows sum to 1. candidates: ``(N, C)`` bool.
        weight: ``(N,)`` 0..1 for training. keep: ``(N,)`` bool. rule: in words.
    """

    label: NDArray[np.int64]
    soft: Array
    candidates: Flags
    weight: Array
    keep: Flags
    rule: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """Of all policies.

    Attributes:
        threshold: least mean probability of the label. k: best classes of each judge that join the
            candidates. rounds: of noisy-label learning. seed: of its folds.
        own: weight of the target among the judges' votes in a mean.
    """

    threshold: float = 0.3
    k: int = 1
    rounds: int = 5
    seed: int = 0
    own: float = 1.0


def untouched(target: Array) -> Verdict:
    """Labels as they were asked for: ``target (N, C)``."""
    label = target.argmax(1)
    full = np.ones(len(target))
    return Verdict(label, target, _one(label, target.shape[1]), full, full > 0, "none")


def mean_vote(target: Array, votes: Array, own: float) -> Array:
    """Mean of the votes ``(J, N, C)`` and the target, over those who can tell each class."""
    parts = np.concatenate([votes, target[None]])
    weights = np.append(np.ones(len(votes)), own)[:, None, None] * np.isfinite(parts)
    total = (np.nan_to_num(parts) * weights).sum(0) / np.maximum(weights.sum(0), 1e-9)
    return total / np.maximum(total.sum(1, keepdims=True), 1e-9)


def agree(target: Array, votes: Array, options: Options) -> Verdict:
    """Keep what most judges see as it was asked."""
    base = untouched(target)
    best, told = _best(votes), _told(votes, base.label)
    same = (best == base.label) & told
    keep = (same.sum(0) * 2 > told.sum(0)) | ~told.any(0)
    rule = "agree: more than half of the judges that can tell the class see it"
    return replace(base, keep=keep, weight=keep.astype(float), rule=rule)


def threshold(target: Array, votes: Array, options: Options) -> Verdict:
    """Keep what the judges give a mean probability of at least ``options.threshold``."""
    base = untouched(target)
    rows = np.arange(len(target))
    given = votes[:, rows, base.label]
    count = np.isfinite(given).sum(0)
    mean = np.where(count > 0, np.nansum(given, 0) / np.maximum(count, 1), 1.0)
    keep = mean >= options.threshold
    rule = f"threshold: mean probability of the label >= {options.threshold:g}"
    weight = np.where(keep, mean, 0.0)
    return replace(base, keep=keep, weight=weight, rule=rule)


def soft_mean(target: Array, votes: Array, options: Options) -> Verdict:
    """Where all see what was asked the label stays, elsewhere it is the mean of all votes."""
    base = untouched(target)
    told = _told(votes, base.label)
    united = ((_best(votes) == base.label) | ~told).all(0)
    soft = np.where(united[:, None], target, mean_vote(target, votes, options.own))
    label = soft.argmax(1)
    rule = f"soft_mean: mean of target (weight {options.own:g}) and judges unless all agree"
    return replace(base, label=label, soft=soft, candidates=_one(label, target.shape[1]), rule=rule)


def partial_set(target: Array, votes: Array, options: Options) -> Verdict:
    """Candidates: the target and the best ``options.k`` classes of each judge."""
    base = untouched(target)
    candidates = candidate_set(base.label, votes, options.k)
    mean = mean_vote(target, votes, options.own) * candidates
    soft = mean / np.maximum(mean.sum(1, keepdims=True), 1e-9)
    rule = f"partial_set: target and the best {options.k} of each judge"
    return replace(base, soft=soft, label=soft.argmax(1), candidates=candidates, rule=rule)


def candidate_set(label: NDArray[np.int64], votes: Array, k: int) -> Flags:
    """``(N, C)``: the label and each judge's best ``k`` classes."""
    out = _one(label, votes.shape[2])
    order = np.argsort(-np.nan_to_num(votes, nan=-1.0), axis=2, kind="stable")[..., :k]
    for j in range(len(votes)):
        rows = np.flatnonzero(np.isfinite(votes[j]).any(1))
        out[rows[:, None], order[j, rows]] = True
    return out


def _one(label: NDArray[np.int64], classes: int) -> Flags:
    return np.eye(classes, dtype=bool)[label]


def _best(votes: Array) -> NDArray[np.int64]:
    """``(J, N)`` best class of each judge, -1 where it has no vote."""
    best = np.nan_to_num(votes, nan=-1.0).argmax(2)
    return np.where(np.isfinite(votes).any(2), best, -1)


def _told(votes: Array, label: NDArray[np.int64]) -> Flags:
    """``(J, N)`` whether a judge can tell the label of a sample."""
    return np.isfinite(votes[:, np.arange(len(label)), label])


Policy = Callable[[Array, Array, Options], Verdict]
SINGLE: dict[str, Policy] = {
    "agree": agree,
    "threshold": threshold,
    "soft_mean": soft_mean,
    "partial_set": partial_set,
}
"""Policies that can be asked of one sample alone."""


def single_policy(name: str) -> Policy:
    """A policy by name.

    Raises:
        UsageError: none of ``SINGLE``.
    """
    if name not in SINGLE:
        raise UsageError(f"no policy {name!r} for one sample; choose from {', '.join(SINGLE)}")
    return SINGLE[name]
