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
    judges: Annotated[
        Path | None, typer.Option(help="Folder of networks that judge, told by their names.")
    ] = None,
    lpips: Annotated[
        list[Path] | None, typer.Option(help="Published LPIPS weights; may be given twice.")
    ] = None,
    allow_circular: Annotated[
        bool, typer.Option(help="Keep metrics whose estimator also made the motion; marked.")
    ] = False,
) -> None:
    """Self-reenactment: an early frame of each clip drives through the rest of it."""
    from facegen.evaluation import report
    from facegen.evaluation.baselines import Copy, GroundTruth, Method, Similarity2d
    from facegen.evaluation.catalogue import catalogue, independent
    from facegen.evaluation.engine import evaluate
    from facegen.evaluation.footage import SelfFootage
    from facegen.evaluation.judges import load_judges
    from facegen.evaluation.protocol import folder_tasks, read_split, write_split

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder with -o")
    split = clips.suffix in (".yaml", ".yml")
    tasks = read_split(clips, data) if split else folder_tasks(clips, reference_frame)
    methods: list[Method] = [GroundTruth(), Copy(), Similarity2d()]
    if generator != "none":
        from facegen.pipelines.evaluate import PipelineMethod
        from facegen.pipelines.reenact import ReenactmentPipeline

        methods.append(PipelineMethod(ReenactmentPipeline.from_pretrained(generator=generator)))
    wanted = catalogue(load_judges(judges) if judges else None, lpips or [])
    found, circular = independent(
        wanted, [m.origin for m in methods], allow_circular=allow_circular
    )
    for line in found.absent:
        typer.echo(f"not measured: {line}")
    parts = []
    film = partial(SelfFootage, max_frames=max_frames)
    for task, part in evaluate(tasks, methods, found.metrics, sets=found.sets, film=film):
        typer.echo(f"{task.name}: {len(part.rows)} numbers, {part.issues.total()} problems")
        parts.append(part)
    results = report.merge(parts)
    results.issues.update({("all", generator, line): 1 for line in circular})
    table = report.write_report(results, found, out)
    write_split(tasks, out / "split.yaml")
    typer.echo(str(table))


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
