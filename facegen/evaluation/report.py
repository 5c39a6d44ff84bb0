"""Tables in CSV, Markdown and JSON, and a sheet of the worst frames per metric.

All but ``speed.*`` are the same to the byte in two runs on the same machine.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from facegen.evaluation.bootstrap import bootstrap, paired
from facegen.evaluation.catalogue import Catalogue
from facegen.evaluation.metric import Measure
from facegen.evaluation.results import Pace, Results, Row, Worst, clip_values
from facegen.evaluation.sets import SetScore, set_scores
from facegen.media import atomic_path, contact_sheet, write_image

BASELINE = "similarity"


def write_report(
    results: Results, found: Catalogue, folder: Path, *, baseline: str = BASELINE
) -> Path:
    """Everything about a run into a folder; the table that a person reads is returned.

    ``clips.csv`` per clip, ``sets.csv`` distances of sets, ``table.md`` and ``table.json`` means
    and intervals, ``speed.csv`` and ``speed.md`` time and memory, ``worst/`` the worst frames per
    metric.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores = set_scores(results.gathered, found.sets)
    write_rows(results.rows, Row, folder / "clips.csv")
    write_rows(scores, SetScore, folder / "sets.csv")
    write_rows(results.pace, Pace, folder / "speed.csv")
    write_speed(results.pace, folder / "speed.md")
    write_markdown(results, found, scores, folder / "table.md", baseline=baseline)
    write_json(results, found, scores, folder / "table.json", baseline=baseline)
    write_sheets(results, folder / "worst")
    return folder / "table.md"


def write_rows(rows: Iterable[Row | SetScore | Pace], kind: type, path: Path) -> None:
    """A CSV file whose columns are the fields of ``kind``; numbers to nine digits."""
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(kind)])
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: f"{v:.9g}" if isinstance(v, float) else v for k, v in asdict(row).items()}
            )


def write_speed(pace: Sequence[Pace], path: Path) -> None:
    """Time and memory per method: all its clips together, on this machine, in this run."""
    lines = [
        "Frames a second while painting, one thread of Python; seconds before the first frame "
        "(tracking and fitting of the whole clip), mean per clip; largest resident size of the "
        "evaluating process up to the method's last clip, judges included.",
        "",
        "| method | clips | frames | frames a second | preparing, s a clip | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for method in dict.fromkeys(p.method for p in pace):
        own = [p for p in pace if p.method == method]
        frames, seconds = sum(p.frames for p in own), sum(p.paint_s for p in own)
        rate = f"{frames / seconds:.4g}" if seconds else "-"
        prepared = sum(p.prepare_s for p in own) / len(own)
        peak = max(p.peak_mb for p in own)
        lines.append(f"| {method} | {len(own)} | {frames} | {rate} | {prepared:.3g} | {peak:.0f} |")
    _write(path, lines)


def _write(path: Path, lines: Sequence[str]) -> None:
    with atomic_path(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def summary(results: Results, metrics: Sequence[Measure], baseline: str = BASELINE) -> list[dict]:
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
    results: Results,
    found: Catalogue,
    scores: Sequence[SetScore],
    path: Path,
    *,
    baseline: str = BASELINE,
) -> None:
    """The table a person reads; sets, judges, what is absent and problems below it."""
    lines = [
        "Mean over clips [95 % bootstrap interval over clips]; difference: paired, to "
        f"{baseline}. Crop, metric versions and per-clip numbers stand beside this file.",
        "",
        f"| metric | part | better | method | value | difference to {baseline} | clips | missing "
        "frames | estimator |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in summary(results, found.metrics, baseline):
        unit = f" {row['unit']}" if row["unit"] else ""
        lines.append(
            f"| {row['metric']} v{row['version']} | {row['part']} | {row['better']} | "
            f"{row['method']} | {row['value']}{unit} | {row['difference']} | "
            f"{row['value'].clips} | {row['missing']} | {row['estimator']} |"
        )
    lines += [*_set_lines(scores), *_judge_lines(found)]
    lines += ["", "Not measured:", "", *(f"- {line}" for line in found.absent)]
    lines += ["", "Problems (counted, nothing was dropped silently):", ""]
    lines += [f"- {c} / {m}: {p} ({n})" for (c, m, p), n in sorted(results.issues.items())]
    _write(path, lines)


def _set_lines(scores: Sequence[SetScore]) -> list[str]:
    """Distances of sets; lower is better."""
    lines = [
        "",
        "Distance between all frames of a method and all true frames, +- standard error of the "
        "jackknife over clips; lower is better. fid: Fréchet, kid: kernel x 1000, fvd8: Fréchet "
        "of windows of 8 frames; features by name, not comparable with Inception's or I3D's.",
        "",
        "| distance | method | value | samples | true samples | missing frames | warning |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {s.metric} | {s.method} | {s.value:.4g} +- {s.error:.2g} | {s.samples} | "
        f"{s.truth_samples} | {s.missing} | {s.warning} |"
        for s in scores
    ]


def _judge_lines(found: Catalogue) -> list[str]:
    lines = ["", "Networks that judge:", "", "| name | SHA-256 | learned from |", "|---|---|---|"]
    return lines + [
        f"| {c.name} | {c.sha256 or 'part of a package, or no weights'} | "
        f"{', '.join(c.trained_on) or 'nothing'} |"
        for c in found.components
    ]


def write_json(
    results: Results,
    found: Catalogue,
    scores: Sequence[SetScore],
    path: Path,
    *,
    baseline: str = BASELINE,
) -> None:
    """The same for machines, with crops and problems; unknown numbers are null."""
    data = {
        "summary": [
            row | {key: asdict(row[key]) for key in ("value", "difference")}
            for row in summary(results, found.metrics, baseline)
        ],
        "sets": [asdict(score) for score in scores],
        "judges": [asdict(component) for component in found.components],
        "absent": list(found.absent),
        "crops": results.crops,
        "issues": [
            {"clip": c, "method": m, "problem": p, "count": n}
            for (c, m, p), n in sorted(results.issues.items())
        ],
    }
    _write(path, [json.dumps(_known(data), indent=1, allow_nan=False)])


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {k: _known(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_known(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_sheets(results: Results, folder: Path) -> None:
    """Per metric a PNG: for each method a row of its four worst clips, the frame as it should be
    beside the method's."""
    folder.mkdir(parents=True, exist_ok=True)
    methods = dict.fromkeys(r.method for r in results.rows)
    for name in sorted({w.metric for w in results.worst}):
        found: list[Worst] = []
        for method in methods:
            found += [w for w in results.worst if (w.metric, w.method) == (name, method)]
        columns = 2 * max(sum(w.method == m for w in found) for m in methods)
        images = [image for w in found for image in (w.truth, w.pred)]
        labels = [
            text for w in found for text in (f"{w.clip} #{w.index}", f"{w.method} {w.value:.3g}")
        ]
        write_image(folder / f"{name}.png", contact_sheet(images, columns, labels))
