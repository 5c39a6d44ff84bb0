"""``facegen eval recognizer``: recognizers on labelled faces."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Optional

import typer

Models = Annotated[
    list[str], typer.Option("--model", help="Recognizer by name or folder; repeatable.")
]
Data = Annotated[str, typer.Option(help="Labelled faces, KIND:PATH.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the report.")]
Split = Annotated[Optional[str], typer.Option(help="train, val or test; default: everything.")]
Classes = Annotated[
    Optional[str], typer.Option(help="Only faces of these classes: neutral,happy,sad.")
]
Present = Annotated[float, typer.Option(help="Least strength 0..5 of a shown action unit.")]
Circular = Annotated[
    bool, typer.Option("--allow-circular", help="Also measure on a set it was trained on; marked.")
]


def recognizer(
    model: Models,
    data: Data,
    out: Out,
    split: Split = None,
    classes: Classes = None,
    present: Present = 2.0,
    allow_circular: Circular = False,
) -> None:
    """WAR, UAR, F1, confusion, calibration, V/A, action units; full and present-only.

    Intervals are over people; several models are compared by McNemar's test.
    """
    from facegen.cli.evaluate_options import check_folder
    from facegen.fer.evaluation import compare, write_reports
    from facegen.fer.measure import measure, measured_set
    from facegen.fer.tables import markdown
    from facegen.recognizer import open_recognizer

    check_folder(out)
    opened = {name: open_recognizer(name) for name in model}
    keys = tuple(part.strip() for part in (classes or "").split(",") if part.strip())
    dataset = measured_set(data, split, keys)
    reports = {
        name: measure(
            net, dataset, cache=out / "faces", present=present, allow_circular=allow_circular
        )
        for name, net in opened.items()
    }
    write_reports(reports, out / "report.json")
    text = markdown(reports)
    for a, b in combinations(reports, 2):
        only_a, only_b, p = compare(reports[a], reports[b])
        text += f"McNemar {a} / {b}: only one right {only_a} / {only_b}, p = {p:.2g}\n"
    (out / "report.md").write_text(text, encoding="utf-8")
    typer.echo(text)
