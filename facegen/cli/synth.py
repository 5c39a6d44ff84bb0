"""``facegen synth``: labelled pictures of made faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synth(
    plan: Annotated[Path, typer.Option(help="Plan file (.yaml): people, feelings, scene.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the set.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder that the plan's files are below; else the plan's.")
    ] = None,
    preview: Annotated[
        int | None, typer.Option(min=1, max=200, help="Only show so many samples: preview.png.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
) -> None:
    """Make a labelled synthetic expression set; run it again to continue."""
    from facegen.pipelines.synth import show, synthesise
    from facegen.synthesis.plan import Plan

    recipe, below = Plan.read(plan), data or plan.parent
    if preview is not None:
        typer.echo(str(show(recipe, out, preview, data=below)))
        return

    def report(line: str) -> None:
        typer.echo(f"left out {line}", err=True)

    whole = synthesise(recipe, out, data=below, workers=workers, report=report)
    typer.echo(str(out) if whole else f"{out}: other processes are still at work")
