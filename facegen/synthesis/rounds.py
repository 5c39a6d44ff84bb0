"""Policies that need all samples at once: noisy partial labels, and open-set rejection."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.synthesis.policies import (
    Array,
    Options,
    Verdict,
    candidate_set,
    mean_vote,
    untouched,
)
from facegen.synthesis.probe import out_of_fold

_FOLD_WEIGHT = 0.5
# From this likelihood of belonging to the worse of two groups a sample counts as noise.
_NOISE = 0.5
_FLOOR = 1e-3  # least belief in a candidate that nobody voted for


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the probes learn from.

    Attributes:
        features, mirrored: ``(N, D)`` of the faces and of their mirror images.
        groups: ``(N,)`` fold of each sample.
    """

    features: Array
    mirrored: Array
    groups: NDArray[np.int64]


def noisy_pll(target: Array, votes: Array, options: Options, evidence: Evidence) -> Verdict:
    """Labels from candidate sets that may lack the truth, purified round by round.

    After ARNet (noisy partial-label learning by alternating noise detection and label
    correction): a classifier is trained on what is believed, samples whose truth seems to lie
    outside their candidates are found by how little it gives to all of them, the class it gives
    them joins in, and what is believed is sharpened within the candidates.
    """
    label = target.argmax(1)
    candidates = candidate_set(label, votes, options.k)
    prior = mean_vote(target, votes, options.own)
    belief = _within(prior, candidates)
    weight = np.ones(len(target))
    outside = np.zeros(len(target), bool)
    told = prior
    for number in range(options.rounds):
        told = _both_views(belief, weight, evidence)
        mass = (told * candidates).sum(1)
        outside = worse_half(-np.log(mass + 1e-6)) > _NOISE
        # Better than all candidates together: then that is what lies outside of them.
        outside &= told.max(1) > mass
        rows = np.flatnonzero(outside)
        candidates = candidates.copy()
        candidates[rows, told[rows].argmax(1)] = True
        # Where the truth was missing, what was believed before says nothing from now on.
        prior = np.where(outside[:, None], told, prior)
        heard = np.sqrt(told * np.maximum(prior, _FLOOR))
        sharp = heard ** (1 + number / max(options.rounds - 1, 1))
        belief = _FOLD_WEIGHT * belief + (1 - _FOLD_WEIGHT) * _within(sharp, candidates)
        weight = belief.max(1)
    final = _within(np.sqrt(told * belief), candidates)
    unsure = final.max(1) < 1 / 3
    rule = f"noisy_pll: {options.rounds} rounds on candidate sets with the best {options.k}"
    return Verdict(final.argmax(1), final, candidates, final.max(1) * ~unsure, ~unsure, rule)


def openset(target: Array, votes: Array, options: Options, evidence: Evidence) -> Verdict:
    """Reject samples that behave like noisy labels.

    After open-set expression recognition by noisy-label detection: pseudo-labels of a closed set
    of judges are right for known faces and random for strange ones, so a classifier trained on
    them disagrees with their labels, and with itself on the mirror image, where they are strange.
    """
    base = untouched(target)
    pseudo = mean_vote(target, votes, options.own)
    one = np.eye(target.shape[1])[pseudo.argmax(1)]
    weight = np.ones(len(target))
    noise = np.zeros(len(target))
    for _ in range(max(1, options.rounds // 2)):
        straight, mirror = out_of_fold(
            evidence.features, one, weight, evidence.groups, (evidence.mirrored,)
        )
        loss = -np.log(np.sqrt((straight * one).sum(1) * (mirror * one).sum(1)) + 1e-6)
        noise = worse_half(loss + divergence(straight, mirror))
        weight = 1 - noise
    keep = noise <= _NOISE
    rule = "openset: pseudo-label and mirror image agree with probes of other people"
    return replace(base, keep=keep, weight=weight * keep, rule=rule)


def _both_views(belief: Array, weight: Array, evidence: Evidence) -> Array:
    """What probes of other people tell of the faces and their mirror images, together."""
    straight, mirror = out_of_fold(
        evidence.features, belief, weight, evidence.groups, (evidence.mirrored,)
    )
    return (straight + mirror) / 2


def _within(values: Array, candidates: NDArray[np.bool_]) -> Array:
    inside = values * candidates + 1e-9 * candidates
    return np.asarray(inside / inside.sum(1, keepdims=True))


def divergence(first: Array, second: Array) -> Array:
    """Jensen-Shannon divergence ``(N,)`` of two tables of probabilities, nats."""
    middle = (first + second) / 2

    def against(table: Array) -> Array:
        return (table * (np.log(table + 1e-12) - np.log(middle + 1e-12))).sum(1)

    return (against(first) + against(second)) / 2


def worse_half(loss: Array) -> Array:
    """Likelihood ``(N,)`` of belonging to the group with the larger losses.

    A mixture of two normal distributions by expectation and maximisation, as DivideMix has it
    (J. Li, R. Socher, S. Hoi, ICLR 2020).
    """
    if len(loss) < 4 or float(loss.std()) < 1e-9:
        return np.zeros(len(loss))
    centre = np.percentile(loss, [25, 85])
    spread = np.full(2, loss.std())
    share = np.array([0.7, 0.3])
    likely = np.zeros((len(loss), 2))
    for _ in range(60):
        z = (loss[:, None] - centre) / spread
        likely = share * np.exp(-0.5 * z * z) / spread + 1e-300
        likely /= likely.sum(1, keepdims=True)
        total = likely.sum(0) + 1e-9
        centre = (likely * loss[:, None]).sum(0) / total
        variance = (likely * (loss[:, None] - centre) ** 2).sum(0) / total
        spread = np.sqrt(variance) + 1e-3 * loss.std()
        share = total / len(loss)
    worse = int(np.argmax(centre))
    # Far below both means the wider normal wins again; a small loss is never the worse one.
    return np.where(loss > centre.min(), likely[:, worse], 0.0)
