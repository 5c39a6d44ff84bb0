"""``facegen data speech``: the cache that the lip and head networks are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MINUTES = typer.Option(min=0, help="Minutes of this engine or kind of sound.")


def speech(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the cache.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with corpora (GRID, Emo-DB); engines alone without.")
    ] = None,
    tracked: Annotated[
        Path | None, typer.Option(help="Folder of tracked clips; OUT/tracked by default.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Texts for the engines, a line each: language<tab>text.")
    ] = None,
    espeak: Annotated[float, _MINUTES] = 45.0,
    flite: Annotated[float, _MINUTES] = 14.0,
    festival: Annotated[float, _MINUTES] = 10.0,
    kokoro: Annotated[float, _MINUTES] = 0.0,
    negatives: Annotated[float, _MINUTES] = 4.0,
) -> None:
    """Speech with phone times and tracked faces; run it again to continue."""
    from facegen.data.speech.build import SpeechBuild, build

    plan = SpeechBuild(
        out=out, data=data, tracked=tracked, texts=texts,
        espeak=espeak, flite=flite, festival=festival, kokoro=kokoro, negatives=negatives,
    )  # fmt: skip
    cache, left_out = build(plan)
    for line in left_out:
        typer.echo(f"left out {line}", err=True)
    for source in cache.sources:
        typer.echo(f"{source['name']:10} {source['minutes']:6.1f} min  {source['licence']}")
