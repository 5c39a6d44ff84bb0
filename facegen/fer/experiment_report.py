"""The table of an experiment, with intervals over people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.bootstrap import RESAMPLES, SEED, Interval
from facegen.fer.experiment import CLASSIC, Experiment, Told, gather
from facegen.fer.metrics import calibration_error, category_scores, confusion_matrix
from facegen.recognizer.labels import KEYS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Row:
    """One line.

    Attributes:
        arm, real, ratio: as in a cell; seeds: that are done.
        uar, macro_f1, accuracy: present-only, pooled over all test people.
        interval: of UAR over people. gain: UAR minus that of real + classic, paired by people.
        full_uar: among all eight classes. ece: of all eight. recall: by canonical key.
        by_seed: UAR of each seed.
    """

    arm: str
    real: int
    ratio: float
    seeds: int
    uar: float
    macro_f1: float
    accuracy: float
    interval: Interval
    gain: Interval | None
    full_uar: float
    ece: float
    recall: dict[str, float]
    by_seed: tuple[float, ...]


def rows(experiment: Experiment) -> list[Row]:
    """All rows with at least one finished cell, in the order of the design."""
    out = []
    for arm, real, ratio in _keys(experiment):
        told = gather(experiment, arm, real, ratio)
        if told is None:
            continue
        against = gather(experiment, CLASSIC, real, 0) if real and arm != CLASSIC else None
        out.append(_row(arm, real, ratio, told, against))
    return out


def _keys(experiment: Experiment) -> Iterator[tuple[str, int, float]]:
    seen: set[tuple[str, int, float]] = set()
    for cell in experiment.design.cells():
        key = (cell.arm, cell.real, cell.ratio)
        if key not in seen:
            seen.add(key)
            yield key


def _row(arm: str, real: int, ratio: float, told: Told, against: Told | None) -> Row:
    best, full = told.present.argmax(1), told.probs.argmax(1)
    scores = category_scores(confusion_matrix(told.truth, best, len(KEYS)))
    whole = category_scores(confusion_matrix(told.truth, full, len(KEYS)))
    seeds = np.unique(told.seeds)
    by_seed = [_uar(_counts(told.truth[m], best[m])) for m in (told.seeds == s for s in seeds)]
    gain = None
    # Paired: the same seeds must be done on both sides, or other people would be compared.
    if against is not None and np.array_equal(told.seeds, against.seeds):
        gain = gain_interval(told, against)
    return Row(
        arm=arm,
        real=real,
        ratio=ratio,
        seeds=len(seeds),
        uar=scores.uar,
        macro_f1=scores.macro_f1,
        accuracy=scores.accuracy,
        interval=uar_interval(told),
        gain=gain,
        full_uar=whole.uar,
        ece=calibration_error(told.truth, told.probs),
        recall={k: float(r) for k, r in zip(KEYS, scores.recall, strict=True) if not math.isnan(r)},
        by_seed=tuple(by_seed),
    )


def uar_interval(told: Told) -> Interval:
    """UAR, present-only, with its 95 % interval over people."""
    values = _draws(told)
    return Interval(float(values[0]), *_tails(values[1:]), len(np.unique(told.subjects)))


def gain_interval(told: Told, against: Told) -> Interval:
    """Difference of two UARs with its 95 % interval; both are drawn with the same people."""
    values = _draws(told) - _draws(against)
    return Interval(float(values[0]), *_tails(values[1:]), len(np.unique(told.subjects)))


def _draws(told: Told) -> Array:
    """UAR of everybody, then of people drawn with replacement."""
    names, place = np.unique(told.subjects, return_inverse=True)
    tables = np.zeros((len(names), len(KEYS), len(KEYS)))
    np.add.at(tables, (place, told.truth, told.present.argmax(1)), 1)
    rng = np.random.default_rng(SEED)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    drawn = np.tensordot(np.vstack([np.ones(len(names)), times]), tables, 1)
    return np.array([_uar(table) for table in drawn])


def _tails(values: Array) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def _counts(truth: NDArray[np.int64], told: NDArray[np.int64]) -> Array:
    return confusion_matrix(truth, told, len(KEYS)).astype(np.float64)


def _uar(table: Array) -> float:
    true = table.sum(1)
    seen = true > 0
    return float((table.diagonal()[seen] / true[seen]).mean())


def markdown(experiment: Experiment) -> str:
    """The table as text."""
    names = experiment.design.classes
    head = ["arm", "real/class", "S:R", "UAR [95 % over people]", "gain over real + classic"]
    head += ["macro-F1", "ECE", *names, "seeds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows(experiment):
        gain = "" if row.gain is None else _span(row.gain, sign=True)
        cells = [row.arm, str(row.real or ""), f"{row.ratio:g}" if row.ratio else ""]
        cells += [_span(row.interval), gain, f"{100 * row.macro_f1:.1f}", f"{row.ece:.2f}"]
        cells += [f"{row.recall.get(name, math.nan):.2f}" for name in names]
        cells += [" ".join(f"{100 * u:.1f}" for u in row.by_seed)]
        lines.append("| " + " | ".join(cells) + " |")
    people = len(set(experiment.real.subjects))
    return "\n".join(
        [
            f"{experiment.design.steps} updates of {experiment.design.batch_size} faces each; "
            f"present-only over {', '.join(names)}; {len(experiment.real)} real pictures of "
            f"{people} people, {len(experiment.synthetic)} synthetic ones. Chance is "
            f"{100 / len(names):.0f}.",
            "",
            *lines,
            "",
        ]
    )


def _span(value: Interval, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    return (
        f"{100 * value.mean:{plus}.1f} [{100 * value.low:{plus}.1f}, {100 * value.high:{plus}.1f}]"
    )
