"""``facegen eval talk``: speech clips with their own video as truth."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from facegen.cli import evaluate_options as opt
from facegen.errors import UsageError

if TYPE_CHECKING:
    from facegen.evaluation.protocol import Task
    from facegen.evaluation.talk_methods import TalkMethod


def talk(
    out: opt.Out,
    clips: opt.Clips = None,
    data: opt.Data = None,
    gt: opt.Truth = None,
    pred: opt.Pred = None,
    motion: opt.Motions = None,
    reference_frame: opt.ReferenceFrame = 0,
    meshes: opt.Meshes = False,
    allow_circular: opt.AllowCircular = False,
) -> None:
    """Does a talking head say what is heard? Each clip's own video is the truth.

    Always in the table: the true lips, a still face, loudness as a jaw, and two controls that must
    fail: loudness of another clip, lips of another clip. Where words or phones with their times lie
    beside a clip, rules that know them are measured too (openfacefx where it is installed).
    """
    from facegen.evaluation import report
    from facegen.evaluation.catalogue import Catalogue
    from facegen.evaluation.protocol import read_clips, write_split
    from facegen.evaluation.results import Results
    from facegen.evaluation.talk import BASELINE, evaluate_talk, talk_metrics

    opt.check_folder(out)
    _, tasks = read_clips(opt.one_of(clips, gt), data, reference_frame)
    methods, strays = _methods(pred or [], motion or [], tasks, allow_circular)
    metrics, fit = talk_metrics(), None
    if meshes:
        from facegen.assets import load_head
        from facegen.evaluation.talk_mesh import MeshLips
        from facegen.pipelines.evaluate_talk import true_motion

        metrics.append(MeshLips(load_head()))
        fit = true_motion(load_head())
    results = Results()
    for task, part in evaluate_talk(
        tasks, methods, metrics, fit=fit, allow_circular=allow_circular
    ):
        typer.echo(f"{task.name}: {len(part.rows)} numbers, {part.issues.total()} problems")
        results.take(part)
    results.issues.update(strays)
    absent = () if meshes else ("mesh (lve, mve, fdd, mod): give --meshes and a method of motions",)
    found = Catalogue(tuple(metrics), absent=absent)
    table = report.write_report(results, found, out, baseline=BASELINE)
    write_split(tasks, out / "split.yaml", protocol="talk")
    typer.echo(str(table))


def _methods(
    pred: list[str], motion: list[str], tasks: list[Task], allow_circular: bool
) -> tuple[list[TalkMethod], Counter[tuple[str, str, str]]]:
    """Baselines, files of others and the installed talking head; what to report about them."""
    from facegen.evaluation.predictions import named_folders, parse_predictions, unmatched
    from facegen.evaluation.talk_methods import PredictedMotions, PredictedVideos, baselines

    videos = parse_predictions(pred)
    strays = unmatched(videos, tasks)
    methods = [*baselines(), *_rules(tasks), *(PredictedVideos(v) for v in videos)]
    if motion:
        from facegen.assets import load_head

        for name, folder in named_folders(motion, "--motion").items():
            if name in {m.origin.name for m in methods}:
                raise UsageError(f"--motion {name}: the name is taken; use other=FOLDER")
            motions = PredictedMotions(name, folder, load_head())
            strays += unmatched([motions], tasks)
            methods.append(motions)
    if find_spec("facegen.pipelines.talk") is not None:
        if allow_circular:
            from facegen.pipelines.evaluate_talk import talk_methods

            methods += talk_methods()
        else:
            typer.echo(
                "left out talk: its lips learned from tracks of the network that measures "
                "(--allow-circular measures and marks it)"
            )
    return methods, strays


def _rules(tasks: list[Task]) -> list[TalkMethod]:
    from facegen.assets import load_head
    from facegen.pipelines.evaluate_rules import rule_methods

    return rule_methods([task.drive for task in tasks], load_head())
