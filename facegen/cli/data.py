"""``facegen data``: makes and shows what the trainers read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facegen.cli import data_speech

app = typer.Typer(help="Make and show training data.", no_args_is_help=True)
app.command("speech")(data_speech.speech)


@app.command("windows")
def windows(
    plan: Annotated[Path, typer.Argument(help="Plan file (.yaml): sources, licences, pairs.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the cache.")],
    data: Annotated[Path, typer.Option(help="Folder that the plan's files are below.")],
    motions: Annotated[
        Path | None, typer.Option(help="Folder of FOLDER__STEM.motion.npz tracked before.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=64, max=1024, help="Instead of the plan's.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Instead of the plan's.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
) -> None:
    """Training windows of the reenactor; run it again to continue."""
    from dataclasses import replace

    from facegen.data.build import Built, build_windows
    from facegen.data.plan import Plan, plan_summary

    recipe = Plan.read(plan)
    recipe = replace(recipe, size=size or recipe.size, rounds=rounds or recipe.rounds)
    if dry_run:
        for name, count in plan_summary(recipe, data).items():
            typer.echo(f"{name}: {count['sources']} sources, {count['pairs']} pairs")
        return

    def report(built: Built) -> None:
        for problem in built.problems:
            typer.echo(f"left out {problem}", err=True)

    manifest = build_windows(recipe, data, out, motions=motions, workers=workers, report=report)
    counts = {split: 0 for split in ("train", "held")}
    for shard in manifest["shards"]:
        counts[shard["split"]] += shard["count"]
    typer.echo(f"{out}: {counts['train']} windows to train, {counts['held']} held back")


@app.command("show")
def show(
    cache: Annotated[Path, typer.Argument(help="Folder of training windows.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Contact sheet (.png).")],
    count: Annotated[int, typer.Option(min=1, max=200, help="Windows to show.")] = 16,
    split: Annotated[str, typer.Option(help="train or held.")] = "train",
    kind: Annotated[str | None, typer.Option(help="Only clip, photo or render.")] = None,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
) -> None:
    """A contact sheet of training windows, one a row."""
    from facegen.assets import load_head
    from facegen.data.sheet import window_sheet
    from facegen.data.windows import KINDS, WindowSet
    from facegen.media import write_image
    from facegen.media.atomic import check_outputs

    check_outputs(out)
    windows = WindowSet(cache, load_head("open"), split=split, kinds=[kind] if kind else KINDS)
    write_image(out, window_sheet(windows, count, seed))
    typer.echo(str(out))


@app.command("pack")
def pack(
    cache: Annotated[Path, typer.Argument(help="Folder of training windows.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the smaller one.")],
    megabytes: Annotated[float, typer.Option(min=0.1, help="Room for its shards.")] = 40.0,
    held: Annotated[float, typer.Option(min=0, max=1, help="Share of held-out windows.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Which shards.")] = 0,
) -> None:
    """A part of a cache that is small enough to carry to another machine."""
    from facegen.data.pack import pack_windows

    manifest = pack_windows(cache, out, megabytes, held=held, seed=seed)
    count = sum(shard["count"] for shard in manifest["shards"])
    typer.echo(f"{out}: {count} windows in {len(manifest['shards'])} shards")
