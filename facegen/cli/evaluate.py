"""``facegen eval``: the pinned measure, its baselines and its self-test."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from facegen.errors import UsageError

app = typer.Typer(help="Measure reenactments with pinned metrics.", no_args_is_help=True)


@app.command("reenact")
def reenact(
    clips: Annotated[Path, typer.Argument(help="Folder of clips, or a split file (.yaml).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the report.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the split's videos.")] = None,
    generator: Annotated[
        str, typer.Option(help="Also measure this generator: warp, or none.")
    ] = "warp",
    max_frames: Annotated[
        int | None, typer.Option(min=1, help="Frames per clip, in runs of 11.")
    ] = None,
    reference_frame: Annotated[int, typer.Option(min=0, help="Frame that is the photo.")] = 5,
    allow_circular: Annotated[
        bool, typer.Option(help="Keep metrics whose estimator also made the motion; marked.")
    ] = False,
) -> None:
    """Self-reenactment: an early frame of each clip drives through the rest of it."""
    from facegen.evaluation import report
    from facegen.evaluation.baselines import Copy, GroundTruth, Method, Similarity2d
    from facegen.evaluation.catalogue import embedded_metrics
    from facegen.evaluation.engine import evaluate
    from facegen.evaluation.footage import SelfFootage
    from facegen.evaluation.protocol import folder_tasks, read_split, write_split
    from facegen.evaluation.results import Results
    from facegen.evaluation.roles import conflicts

    split = clips.suffix in (".yaml", ".yml")
    tasks = read_split(clips, data) if split else folder_tasks(clips, reference_frame)
    methods: list[Method] = [GroundTruth(), Copy(), Similarity2d()]
    metrics = embedded_metrics()
    if generator != "none":
        from facegen.pipelines.evaluate import PipelineMethod
        from facegen.pipelines.reenact import ReenactmentPipeline

        methods.append(PipelineMethod(ReenactmentPipeline.from_pretrained(generator=generator)))
    circular: list[str] = []
    for metric in list(metrics):
        reasons = [r for m in methods for r in conflicts(metric.spec.components, m.origin)]
        circular += reasons if allow_circular else []
        if reasons and not allow_circular:
            metrics.remove(metric)
            typer.echo(f"left out {metric.spec.name}: {reasons[0]} (--allow-circular keeps it)")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder with -o")
    out.mkdir(parents=True, exist_ok=True)
    parts: list[Results] = []
    film = partial(SelfFootage, max_frames=max_frames)
    for task, found in evaluate(tasks, methods, metrics, film=film):
        typer.echo(f"{task.name}: {len(found.rows)} numbers, {found.issues.total()} problems")
        parts.append(found)
    results = report.merge(parts)
    for reason in sorted(set(circular)):
        results.issues["all", generator, f"circular: {reason}"] += 1
    write_split(tasks, out / "split.yaml")
    report.write_csv(results, out / "clips.csv")
    report.write_markdown(results, metrics, out / "table.md")
    report.write_json(results, metrics, out / "table.json")
    report.write_sheets(results, out / "worst")
    typer.echo(str(out / "table.md"))


@app.command("self-test")
def self_test() -> None:
    """Identity scores perfect and known distortions move their metrics the right way."""
    from facegen.evaluation.selftest import run

    failed = 0
    for check in run():
        failed += not check.passed
        typer.echo(f"{'ok  ' if check.passed else 'FAIL'} {check.text}")
    if failed:
        raise typer.Exit(1)
