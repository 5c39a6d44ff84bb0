"""``facegen fit``: head parameters of a photo, several photos of one person, or a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facegen.cli.reenact import output_path


def fit(
    inputs: Annotated[
        list[Path], typer.Argument(help="A video, a photo, or several photos of one person.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The .motion.npz to write.")
    ] = None,
    obj: Annotated[Path | None, typer.Option(help="Mesh of the first frame as OBJ.")] = None,
    glb: Annotated[Path | None, typer.Option(help="Animated head as GLB.")] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Video (or picture) with the head drawn over it.")
    ] = None,
    head: Annotated[str, typer.Option(help="open, or an imported head model.")] = "open",
    face: Annotated[str, typer.Option(help="largest, N, or x,y.")] = "largest",
    no_face: Annotated[str, typer.Option(help="error, hold, interpolate or drop.")] = "interpolate",
    smooth: Annotated[float, typer.Option(min=0, max=5, help="0 is off.")] = 1.0,
    fov: Annotated[float | None, typer.Option(min=5, max=120, help="Field of view.")] = None,
    start: Annotated[float | None, typer.Option(min=0, help="Begin of the clip, s.")] = None,
    stop: Annotated[float | None, typer.Option(min=0, help="End of the clip, s.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing default output.")] = False,
) -> None:
    """Track INPUTS and write the motion."""
    from facegen.pipelines.fit import FitConfig, FittingPipeline

    target = output_path(out, overwrite, inputs[0], suffix=".motion.npz")
    config = FitConfig(
        face=face, no_face=no_face, smooth=smooth, fov_deg=fov, start=start, stop=stop
    )
    pipe = FittingPipeline.from_pretrained(head)
    result = pipe(*inputs, config=config)
    result.motion.save(target)
    typer.echo(str(target))
    if obj is not None:
        typer.echo(str(result.write_obj(obj)))
    if glb is not None:
        typer.echo(str(result.write_glb(glb)))
    if overlay is not None:
        typer.echo(str(result.write_overlay(overlay)))
    typer.echo(result.summary())
