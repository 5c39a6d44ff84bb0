"""Reports as text that people read."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from facegen.evaluation.bootstrap import Interval
from facegen.fer.evaluation import Report
from facegen.recognizer.labels import KEYS


def markdown(reports: Mapping[str, Report]) -> str:
    """A table of several recognizers on one set, present-only and full."""
    first = next(iter(reports.values()))
    lines = [f"{first.name}: {first.count} faces of {first.people} people", ""]
    if first.present is not None:
        lines += _categories(reports)
    lines += _affect(reports) + _units(reports)
    return "\n".join(lines)


def _categories(reports: Mapping[str, Report]) -> list[str]:
    some = next(r.present for r in reports.values() if r.present is not None)
    shown = [k for k, r in enumerate(some.recall) if not math.isnan(r)]
    head = ["recognizer", "among", "WAR", "UAR [95 %]", "macro-F1", "ECE"]
    head += [KEYS[k] for k in shown]
    lines = _head(head)
    for name, report in reports.items():
        for kind, scores, ece in (
            ("present", report.present, report.ece_present),
            ("all 8", report.full, report.ece),
        ):
            if scores is None:
                continue
            uar = span(report.intervals["uar"]) if kind == "present" else f"{100 * scores.uar:.1f}"
            cells = [name, kind, f"{100 * scores.accuracy:.1f}", uar]
            cells += [f"{100 * scores.macro_f1:.1f}", f"{ece:.3f}"]
            cells += [f"{scores.recall[k]:.2f}" for k in shown]
            lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _affect(reports: Mapping[str, Report]) -> list[str]:
    if not any(r.affect for r in reports.values()):
        return []
    lines = _head(["recognizer", "of", "CCC", "PCC", "RMSE", "SAGR"])
    for name, report in reports.items():
        for dimension, s in report.affect.items():
            values = [f"{s[k]:.3f}" for k in ("ccc", "pcc", "rmse", "sagr")]
            lines.append("| " + " | ".join([name, dimension, *values]) + " |")
    return [*lines, ""]


def _units(reports: Mapping[str, Report]) -> list[str]:
    if not any(r.units for r in reports.values()):
        return []
    lines = _head(["recognizer", "unit", "base rate", "F1", "AUC", "ICC(3,1)", "MAE"])
    for name, report in reports.items():
        columns = ("base_rate", "f1", "auc", "icc", "mae")
        table = [[s.get(k, math.nan) for k in columns] for s in report.units.values()]
        for unit, values in zip(report.units, table, strict=True):
            lines.append("| " + " | ".join([name, unit, *(f"{v:.3f}" for v in values)]) + " |")
        if table:
            mean = [f"{v:.3f}" for v in np.nanmean(np.array(table), 0)]
            lines.append("| " + " | ".join([name, "mean", *mean]) + " |")
    return [*lines, ""]


def _head(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def span(value: Interval) -> str:
    """A share with its interval, in percent."""
    return f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
