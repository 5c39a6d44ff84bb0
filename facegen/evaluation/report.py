"""Per-clip CSV, Markdown and JSON tables, and a sheet of the worst frames per metric."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from facegen.evaluation.bootstrap import bootstrap, paired
from facegen.evaluation.metric import Metric
from facegen.evaluation.results import Results, Row, clip_values
from facegen.media import contact_sheet, write_image


def merge(parts: Sequence[Results]) -> Results:
    """Results of several clips as one."""
    total = Results()
    for part in parts:
        total.rows += part.rows
        total.issues += part.issues
        total.worst += part.worst
        total.crops |= part.crops
        total.pace += part.pace
    return total


def write_csv(results: Results, path: Path) -> None:
    """One line per clip, method, metric and part."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)])
        writer.writeheader()
        for row in results.rows:
            writer.writerow(asdict(row) | {"value": f"{row.value:.9g}"})


def summary(
    results: Results, metrics: Sequence[Metric], baseline: str = "similarity"
) -> list[dict]:
    """Mean, interval and paired difference to the baseline, per metric, part and method."""
    clips = sorted({r.clip for r in results.rows})
    methods = list(dict.fromkeys(r.method for r in results.rows))
    table = []
    for metric in metrics:
        spec = metric.spec
        parts = dict.fromkeys(r.part for r in results.rows if r.metric == spec.name)
        for part in parts:
            base = clip_values(results.rows, baseline, spec.name, part, clips)
            for method in methods:
                values = clip_values(results.rows, method, spec.name, part, clips)
                table.append(
                    {
                        "metric": spec.name,
                        "part": part,
                        "method": method,
                        "unit": spec.unit,
                        "better": "note" if part in spec.notes else spec.better,
                        "estimator": spec.estimator,
                        "version": spec.version,
                        "value": bootstrap(values),
                        "difference": paired(values, base),
                        "missing": sum(
                            r.missing
                            for r in results.rows
                            if (r.method, r.metric, r.part) == (method, spec.name, part)
                        ),
                    }
                )
    return table


def write_markdown(
    results: Results, metrics: Sequence[Metric], path: Path, *, baseline: str = "similarity"
) -> None:
    """The table a person reads, problems below it."""
    lines = [
        "Mean over clips [95 % bootstrap interval over clips]; difference: paired, to "
        f"{baseline}. Crop, metric versions and per-clip numbers stand beside this file.",
        "",
        f"| metric | part | better | method | value | difference to {baseline} | clips | missing "
        "frames | estimator |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in summary(results, metrics, baseline):
        unit = f" {row['unit']}" if row["unit"] else ""
        lines.append(
            f"| {row['metric']} v{row['version']} | {row['part']} | {row['better']} | "
            f"{row['method']} | {row['value']}{unit} | {row['difference']} | "
            f"{row['value'].clips} | {row['missing']} | {row['estimator']} |"
        )
    lines += ["", "Problems (counted, nothing was dropped silently):", ""]
    lines += [f"- {c} / {m}: {p} ({n})" for (c, m, p), n in sorted(results.issues.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_json(results: Results, metrics: Sequence[Metric], path: Path) -> None:
    """The same for machines, with crops and problems; unknown numbers are null."""
    data = {
        "summary": [
            row | {key: asdict(row[key]) for key in ("value", "difference")}
            for row in summary(results, metrics)
        ],
        "crops": results.crops,
        "issues": [
            {"clip": c, "method": m, "problem": p, "count": n}
            for (c, m, p), n in sorted(results.issues.items())
        ],
    }
    text = json.dumps(_known(data), indent=1, allow_nan=False)
    path.write_text(text, encoding="utf-8")


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {k: _known(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_known(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_sheets(results: Results, folder: Path, *, most: int = 8) -> None:
    """Per metric a PNG: true frame and method's frame where it is worst, ground truth left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted({w.metric for w in results.worst}):
        found = [w for w in results.worst if w.metric == name and w.method != "truth"]
        found = sorted(found, key=lambda w: (-w.badness, w.clip, w.method))[:most]
        if not found:
            continue
        images = [image for w in found for image in (w.truth, w.pred)]
        labels = [
            text
            for w in found
            for text in (f"{w.clip} #{w.index} truth", f"{w.method} {w.value:.3g}")
        ]
        write_image(folder / f"{name}.png", contact_sheet(images, 4, labels))
