"""Emotion through judges: agreement per clip, and the field's set statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Face, FrameMetric, Image, MetricSpec, Pair, Scene
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component


class EmotionJudge(Protocol):
    """A classifier of facial expression that neither taught nor filtered the method."""

    component: Component
    labels: tuple[str, ...]

    def __call__(self, image: Image, face: Face) -> NDArray[np.float64]:
        """Probabilities ``(C,)`` for a ``(S, S, 3)`` uint8 crop and its landmarks."""
        ...


class EmotionAgreement(FrameMetric):
    """Does a judge see the same expression as in the driving frame, or the clip's label?

    ``top1``: share of frames with the same winner; ``distance``: half the L1 distance of the
    probabilities (0..1; only against the driving frame); ``label``: share of frames that show
    the clip's own label.
    """

    def __init__(self, judge: EmotionJudge) -> None:
        self.judge = judge
        self._look = Recall(judge)
        self.spec = MetricSpec(
            name=f"emotion_{judge.component.name}",
            version=1,
            unit="",
            low=0.0,
            high=1.0,
            better="higher",
            perfect=1.0,
            needs=frozenset({"drive", "faces"}),
            main="top1",
            notes=frozenset({"distance"}),
            source="share of frames judged alike",
            estimator=judge.component.name,
            components=(judge.component,),
        )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        pred = self._look(pair.pred, pair.pred_face)
        drive = self._look(pair.drive, pair.drive_face)
        if pred is None or drive is None:
            return None
        found = {
            "top1": float(pred.argmax() == drive.argmax()),
            "distance": float(np.abs(pred - drive).sum() / 2),
        }
        if scene.emotion in self.judge.labels:
            found["label"] = float(self.judge.labels[int(pred.argmax())] == scene.emotion)
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
    """Spearman's rho, for intensity: -1..1, NaN where one is constant."""
    from scipy.stats import spearmanr

    if np.ptp(pred) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(spearmanr(pred, truth).statistic)
