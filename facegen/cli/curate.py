"""``facegen curate``: which samples of a set to learn from, and what to call them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def curate(
    folder: Annotated[Path, typer.Argument(help="Synthetic set, or folder of class folders.")],
    policy: Annotated[
        str,
        typer.Option(help="agree, threshold, soft_mean, partial_set, noisy_pll or openset."),
    ] = "soft_mean",
    judges: Annotated[
        str, typer.Option(help="Recognizers, by name, NAME:FOLDER or folder, with commas.")
    ] = "",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="For threshold.")] = 0.3,
    k: Annotated[int, typer.Option(min=1, max=8, help="Best classes of each judge.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="For noisy_pll and openset.")] = 5,
    own: Annotated[float, typer.Option(min=0, help="Weight of the asked label in means.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    name: Annotated[str | None, typer.Option(help="Of the list; the policy's by default.")] = None,
) -> None:
    """Decide by votes which samples to keep and how to label them; nothing is deleted."""
    from facegen.synthesis.curate import curate as run
    from facegen.synthesis.policies import Options

    chosen = Options(threshold=threshold, k=k, rounds=rounds, own=own, seed=seed)
    names = tuple(part.strip() for part in judges.split(",") if part.strip())
    done = run(folder, judges=names, policy=policy, options=chosen, name=name)
    typer.echo(f"{done.file}: {done.kept} of {done.total} kept, {done.relabelled} relabelled")
