"""Emotion through judges: agreement per clip, and the field's set statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.emotion.affect import affect_of
from facegen.emotion.labels import EMOTIONS, emotion_name
from facegen.evaluation.metric import (
    Face,
    Image,
    MetricSpec,
    Pair,
    Scene,
    SequenceMetric,
    Trace,
)
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component


class EmotionJudge(Protocol):
    """A classifier of facial expression that neither taught nor filtered the method.

    ``labels``: C names that ``facegen.emotion.labels`` knows, neutral among them.
    """

    component: Component
    labels: tuple[str, ...]

    def __call__(self, image: Image, face: Face) -> NDArray[np.float64]:
        """Probabilities ``(C,)`` for a ``(S, S, 3)`` uint8 crop and its landmarks."""
        ...


class EmotionAgreement(SequenceMetric):
    """Does a judge see the same expression as in the driving frame, or the clip's label?

    ``top1``: share of frames with the same winner. ``macro_f1``: the same, every emotion that
    occurs counting alike. ``intensity``: Spearman's rho over time of the probability of any
    emotion at all. ``valence``, ``arousal``: CCC over time of the mean place of the probabilities
    on the affect circle: of categories, no judge of its own. ``distance``: half the L1 distance
    of the probabilities, 0..1. ``label``: share of frames that show the clip's own label.
    """

    def __init__(self, judge: EmotionJudge) -> None:
        self.judge = judge
        self._look = Recall(judge)
        names = [emotion_name(label) for label in judge.labels]
        shown = np.array([[own == name for name in EMOTIONS] for own in names], np.float64)
        self._places = affect_of(shown)
        self._neutral = names.index("neutral")
        self.spec = MetricSpec(
            name=f"emotion_{judge.component.name}",
            version=1,
            unit="",
            low=-1.0,
            high=1.0,
            better="higher",
            perfect=1.0,
            needs=frozenset({"drive", "faces"}),
            main="top1",
            notes=frozenset({"distance"}),
            source="share of frames judged alike; macro-F1; Spearman and CCC (Lin 1989) over time; "
            "valence and arousal of probabilities by the places in emotion/prototypes.yaml",
            estimator=judge.component.name,
            components=(judge.component,),
        )

    def observe(self, pair: Pair, scene: Scene) -> NDArray[np.float64] | None:
        pred = self._look(pair.pred, pair.pred_face)
        drive = self._look(pair.drive, pair.drive_face)
        return None if pred is None or drive is None else np.stack([pred, drive])

    def badness(self, row: NDArray[np.float64]) -> float:
        """1 - distance of the frame's probabilities."""
        return 1 - float(np.abs(row[0] - row[1]).sum() / 2)

    def summarise(self, trace: Trace, scene: Scene) -> Mapping[str, float]:
        runs = trace.arrays()
        labels = self.judge.labels
        parts = ["top1", "macro_f1", "intensity", "valence", "arousal", "distance"]
        if not runs:
            return dict.fromkeys(parts, math.nan)
        both = np.concatenate(runs)
        seen = [[labels[int(k)] for k in both[:, side].argmax(1)] for side in (0, 1)]
        strong, affect = 1 - both[..., self._neutral], both @ self._places
        values = [
            accuracy(*seen),
            macro_f1(*seen),
            rank_correlation(strong[:, 0], strong[:, 1]),
            *(ccc(affect[:, 0, k], affect[:, 1, k]) for k in (0, 1)),
            float(np.abs(both[:, 0] - both[:, 1]).sum(1).mean() / 2),
        ]
        found = dict(zip(parts, values, strict=True))
        if scene.emotion in labels:
            found["label"] = accuracy(seen[0], [scene.emotion] * len(seen[0]))
        return found


def accuracy(pred: Sequence[str], truth: Sequence[str]) -> float:
    """Share of equal labels, 0..1."""
    return float(np.mean([p == t for p, t in zip(pred, truth, strict=True)]))


def macro_f1(pred: Sequence[str], truth: Sequence[str]) -> float:
    """Mean F1 over the classes that occur in either list, 0..1."""
    scores = []
    for name in sorted({*pred, *truth}):
        pairs = [(p == name, t == name) for p, t in zip(pred, truth, strict=True)]
        hits = sum(p and t for p, t in pairs)
        claims = sum(p for p, _ in pairs) + sum(t for _, t in pairs)
        scores.append(2 * hits / claims)
    return float(np.mean(scores))


def ccc(pred: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Concordance correlation coefficient (Lin 1989) of two series, -1..1.

    Population moments; 1 for equal series, 0 where one of two unequal series is constant.
    """
    mp, mt = pred.mean(), truth.mean()
    spread = pred.var() + truth.var() + (mp - mt) ** 2
    if spread == 0:
        return 1.0
    return float(2 * ((pred - mp) * (truth - mt)).mean() / spread)


def rank_correlation(pred: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Spearman's rho, for intensity: -1..1; 0 where only ``pred`` stands still, NaN where the
    truth does."""
    from scipy.stats import spearmanr

    if np.ptp(truth) == 0:
        return math.nan
    if np.ptp(pred) == 0:
        return 0.0
    return float(spearmanr(pred, truth).statistic)
