"""How well a recognizer tells a labelled set: every measure of the field, with intervals."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.evaluation.bootstrap import Interval
from facegen.fer import metrics
from facegen.fer.augment import network_input
from facegen.fer.crops import MARGIN
from facegen.fer.number_metrics import affect_scores, curve_scores, unit_scores
from facegen.fer.source import Source
from facegen.fer.statistics import mcnemar, subject_bootstrap
from facegen.media import atomic_path
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.labels import CANONICAL, KEYS

Array = NDArray[np.float64]
_BATCH = 128
# By custom: BP4D and CK+ code presence, DISFA counts intensities from 2 as shown.
PRESENT = 2.0


@dataclass(frozen=True, eq=False)
class Told:
    """What a recognizer says about N faces; NaN where it does not tell.

    Attributes:
        probs: ``(N, 8)`` canonical. affect: ``(N, 2)``. units: ``(N, A)`` presence 0..1.
        intensity: ``(N, A)`` 0..5. curves: ``(N, 52)``.
    """

    probs: Array
    affect: Array
    units: Array
    intensity: Array
    curves: Array


@torch.inference_mode()
def tell(recognizer: FaceRecognizer, source: Source, *, mirrored: bool = True) -> Told:
    """Read all crops of a source with a recognizer's own size, colours and margin.

    Args:
        mirrored: mean of the probabilities of a face and its mirror image.

    Raises:
        UsageError: its crop is wider than the source's.
    """
    crop = recognizer.spec.crop
    if crop.rule != "whole" and crop.margin > MARGIN:
        raise UsageError(
            f"{recognizer.spec.name} wants crops of margin {crop.margin}, wider than {MARGIN}"
        )
    recognizer.train(False)
    parts: dict[str, list[Array]] = {}
    for crops in source.crops.split(_BATCH):
        x = network_input(crops, crop)
        out = recognizer(x)
        probs = out.probs
        if mirrored and probs is not None:
            probs = (probs + recognizer(x.flip(-1)).probs) / 2
        told = {
            "probs": probs,
            "affect": out.valence_arousal,
            "units": out.au_probs,
            "intensity": out.au_intensity,
            "curves": out.blendshapes,
        }
        for name, value in told.items():
            if value is not None:
                parts.setdefault(name, []).append(value.double().numpy())
    return _told(recognizer, {n: np.concatenate(v) for n, v in parts.items()}, source)


def _told(recognizer: FaceRecognizer, found: dict[str, Array], source: Source) -> Told:
    """Columns in the source's terms."""
    count, space = len(source), recognizer.spec.label_space
    probs = np.full((count, len(KEYS)), np.nan)
    if space is not None and "probs" in found:
        probs = space.map_to(CANONICAL, found["probs"])
    width = source.aus.shape[1]

    def units(name: str) -> Array:
        told = found.get(name)
        return (
            told if told is not None and told.shape[1] == width else np.full((count, width), np.nan)
        )

    return Told(
        probs,
        found.get("affect", np.full((count, 2), np.nan)),
        units("units"),
        units("intensity"),
        found.get("curves", np.full((count, 52), np.nan)),
    )


@dataclass(frozen=True, eq=False)
class Report:
    """All numbers of one recognizer on one set; what the set does not label is absent.

    Attributes:
        name: of the set. count, people: samples with a label, and who is seen.
        full: among all eight classes. present: among those that occur in the set.
        intervals: UAR, accuracy and macro-F1, present-only, over people.
        ece, ece_present: calibration. soft: KL divergence and top-2 where labels are shares.
        affect: by ``valence`` and ``arousal``. units: by action unit. curves: agreement.
        right: ``(N,)`` for McNemar's test.
    """

    name: str
    count: int
    people: int
    full: metrics.CategoryScores | None = None
    present: metrics.CategoryScores | None = None
    intervals: dict[str, Interval] = field(default_factory=dict)
    ece: float = math.nan
    ece_present: float = math.nan
    soft: dict[str, float] = field(default_factory=dict)
    affect: dict[str, dict[str, float]] = field(default_factory=dict)
    units: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, float] = field(default_factory=dict)
    right: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    @classmethod
    def of(
        cls,
        name: str,
        told: Told,
        source: Source,
        *,
        unit_names: tuple[str, ...] = (),
        present: float = PRESENT,
        resamples: int = 1000,
    ) -> Report:
        """Measure what was told.

        Args:
            unit_names: of the columns of action units. present: least strength that is shown.
        """
        found: dict[str, Any] = {"count": 0, "people": 0}
        found |= _categories(told, source, resamples)
        truth = source.affect.double().numpy()
        if not np.isnan(truth).all() and not np.isnan(told.affect).all():
            pairs = zip(("valence", "arousal"), told.affect.T, truth.T, strict=True)
            found["affect"] = {dim: affect_scores(p, t) for dim, p, t in pairs}
        strength = source.aus.double().numpy()
        if unit_names and not np.isnan(strength).all() and not np.isnan(told.units).all():
            scores = unit_scores(told.units, told.intensity, strength, present)
            found["units"] = dict(zip(unit_names, scores, strict=True))
        curves = source.curves.double().numpy()
        if not np.isnan(curves).all() and not np.isnan(told.curves).all():
            found["curves"] = curve_scores(told.curves, curves)
        return cls(name=name, **found)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; classes by canonical key."""
        out: dict[str, Any] = {"set": self.name, "count": self.count, "people": self.people}
        for kind, scores in (("full", self.full), ("present_only", self.present)):
            if scores is not None:
                by_class = dict(zip(KEYS, map(_number, scores.recall), strict=True))
                out[kind] = {
                    "accuracy": scores.accuracy, "uar": scores.uar, "macro_f1": scores.macro_f1,
                    "weighted_f1": scores.weighted_f1, "recall": by_class,
                    "confusion": scores.confusion.tolist(),
                }  # fmt: skip
        spans = {k: [v.mean, v.low, v.high] for k, v in self.intervals.items()}
        out |= {
            "intervals_95": spans,
            "ece": _number(self.ece),
            "ece_present": _number(self.ece_present),
        }
        return out | {
            "soft": self.soft,
            "affect": self.affect,
            "units": self.units,
            "curves": self.curves,
        }


def _categories(told: Told, source: Source, resamples: int) -> dict[str, Any]:
    known = (source.targets.numpy() >= 0) & ~np.isnan(told.probs).any(1)
    if not known.any():
        return {}
    truth, probs = source.targets.numpy()[known], told.probs[known]
    subjects = np.array(source.subjects)[known]
    among = metrics.present_probs(truth, probs)
    best = among.argmax(1)

    def measure(which: str, places: NDArray[np.int64]) -> float:
        table = metrics.confusion_matrix(truth[places], best[places], len(KEYS))
        return float(getattr(metrics.category_scores(table), which))

    names = ("uar", "accuracy", "macro_f1")
    spans = {
        n: subject_bootstrap(partial(measure, n), subjects, resamples=resamples) for n in names
    }
    shares = source.labels.double().numpy()[known]
    soft = {}
    if (shares.max(1) < 1).any():
        soft = {"kl": metrics.divergence(shares, probs), "top_2": metrics.top_k(shares, probs)}
    return {
        "count": int(known.sum()),
        "people": len(set(subjects)),
        "full": metrics.score(truth, probs),
        "present": metrics.score(truth, probs, present_only=True),
        "intervals": spans,
        "ece": metrics.calibration_error(truth, probs),
        "ece_present": metrics.calibration_error(truth, among),
        "soft": soft,
        "right": best == truth,
    }


def compare(a: Report, b: Report) -> tuple[int, int, float]:
    """McNemar's test of two reports on the same set: only ``a`` right, only ``b``, p-value.

    Raises:
        UsageError: they are of different samples.
    """
    if len(a.right) != len(b.right) or a.name != b.name:
        raise UsageError("two recognizers are compared on the same samples only")
    return mcnemar(a.right, b.right)


def write_reports(reports: dict[str, Report], path: Path) -> None:
    """All numbers as JSON, by recognizer."""
    with atomic_path(path) as part:
        part.write_text(json.dumps({k: r.as_dict() for k, r in reports.items()}, indent=1), "utf-8")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
