"""``facegen eval``: the pinned measure, its baselines and its self-test."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from facegen.cli import evaluate_options as opt
from facegen.cli.evaluate_recognizer import recognizer
from facegen.cli.evaluate_talk import talk

app = typer.Typer(
    help="Measure reenactments and talking heads with pinned metrics.", no_args_is_help=True
)
app.command("talk")(talk)
app.command("recognizer")(recognizer)


@app.command("reenact")
def reenact(
    out: opt.Out,
    clips: opt.Clips = None,
    data: opt.Data = None,
    gt: opt.Truth = None,
    pred: opt.Pred = None,
    ref: opt.Photos = None,
    generator: opt.Generator = "warp",
    refine: opt.Refine = False,
    max_frames: opt.MaxFrames = None,
    reference_frame: opt.ReferenceFrame = 5,
    judges: opt.Judges = None,
    lpips: opt.Lpips = None,
    allow_circular: opt.AllowCircular = False,
) -> None:
    """An early frame of each clip is driven through the rest of it, or a photo by somebody else.

    Other tools' videos (--pred) are matched to the clips by name. A split of the protocol
    "cross" (facegen eval pairs) names photos and driving clips of different people.
    """
    from facegen.evaluation import report
    from facegen.evaluation.baselines import Copy, GroundTruth, Method, Similarity2d
    from facegen.evaluation.catalogue import catalogue, independent
    from facegen.evaluation.engine import evaluate
    from facegen.evaluation.judges import load_judges
    from facegen.evaluation.photo_footage import open_footage
    from facegen.evaluation.predictions import parse_predictions, unmatched
    from facegen.evaluation.protocol import read_clips, write_split
    from facegen.evaluation.results import Results

    opt.check_folder(out)
    protocol, tasks = read_clips(opt.one_of(clips, gt), data, reference_frame, ref)
    predictions = parse_predictions(pred or [])
    strays = unmatched(predictions, tasks)
    methods: list[Method] = [] if protocol == "cross" else [GroundTruth()]
    methods += [Copy(), Similarity2d(), *predictions]
    if generator != "none":
        from facegen.pipelines.evaluate import PipelineMethod
        from facegen.pipelines.reenact import ReenactmentPipeline

        pipe = ReenactmentPipeline.from_pretrained(generator=generator)
        methods += [
            PipelineMethod(pipe, refined=r) for r in ((False, True) if refine else (False,))
        ]
    wanted = catalogue(load_judges(judges) if judges else None, lpips or [])
    found, circular = independent(
        wanted, [m.origin for m in methods], allow_circular=allow_circular
    )
    for line in found.absent:
        typer.echo(f"not measured: {line}")
    results = Results()
    film = partial(open_footage, max_frames=max_frames)
    for task, part in evaluate(tasks, methods, found.metrics, sets=found.sets, film=film):
        typer.echo(f"{task.name}: {len(part.rows)} numbers, {part.issues.total()} problems")
        results.take(part)
    results.issues.update(strays)
    results.issues.update({("all", generator, line): 1 for line in circular})
    table = report.write_report(results, found, out)
    write_split(tasks, out / "split.yaml", protocol=protocol)
    typer.echo(str(table))


@app.command("pairs")
def pairs(
    photos: Annotated[Path, typer.Argument(help="Folder of portraits.")],
    clips: Annotated[Path, typer.Argument(help="Folder of driving clips.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .yaml to write.")],
    count: Annotated[int | None, typer.Option(min=1, help="Number of pairs.")] = None,
) -> None:
    """A fixed list of cross-identity pairs, every portrait and clip about equally often."""
    from facegen.evaluation.protocol import common_folder, make_pairs, write_split
    from facegen.media.atomic import check_outputs

    check_outputs(out)
    tasks = make_pairs(photos, clips, count)
    write_split(tasks, out, protocol="cross")
    typer.echo(f"{out}: {len(tasks)} pairs; use with --data {common_folder(tasks)}")


@app.command("self-test")
def self_test(judges: opt.Judges = None) -> None:
    """Identity scores perfect and known distortions move their metrics the right way.

    A swap of identity is told by a face recognition network from --judges, else by a stated proxy.
    """
    from facegen.evaluation.selftest import run

    failed = 0
    for check in run(judges):
        failed += not check.passed
        typer.echo(f"{'ok  ' if check.passed else 'FAIL'} {check.text}")
    if failed:
        raise typer.Exit(1)
