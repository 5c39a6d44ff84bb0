"""``facegen fit``: head parameters of a photo, several photos of one person, or a video."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import options as opt

Inputs = Annotated[
    list[Path], typer.Argument(help="A video, a photo, or several photos of one person.")
]
ObjOut = Annotated[Optional[Path], opt.Option(help="Mesh of the first frame as OBJ.")]
GlbOut = Annotated[Optional[Path], opt.Option(help="Animated head as GLB.")]
OverlayOut = Annotated[
    Optional[Path], opt.Option(help="Video (or picture) with the head drawn over it.")
]
Weights = Annotated[
    Optional[Path],
    opt.Option(help="Weight file of --tracker."),
]
Head = Annotated[str, opt.Option(help="open, or an imported head model.")]


def fit(
    inputs: Inputs,
    out: opt.MotionOut = None,
    obj: ObjOut = None,
    glb: GlbOut = None,
    overlay: OverlayOut = None,
    head: Head = "open",
    face: opt.Face = "largest",
    no_face: opt.NoFace = "interpolate",
    smooth: opt.Smooth = 1.0,
    refine: opt.Refine = False,
    fov: opt.Fov = None,
    tracker: opt.Tracker = None,
    weights: Weights = None,
    start: opt.Start = None,
    stop: opt.Stop = None,
    max_frames: opt.MaxFrames = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Track INPUTS and write the motion."""
    from facegen.media.atomic import check_outputs
    from facegen.pipelines.config import FitConfig
    from facegen.pipelines.fit import FittingPipeline

    target = opt.output_path(out, overwrite, inputs[0], suffix=".motion.npz")
    check_outputs(target, obj, glb, overlay, inputs=inputs)
    config = FitConfig(
        face=face, no_face=no_face, smooth=smooth, refine=refine, fov_deg=fov, start=start,
        stop=stop, max_frames=max_frames, **opt.tracker_of(tracker, weights),
    )  # fmt: skip
    config.validate()
    result = FittingPipeline.from_pretrained(head)(*inputs, config=config)
    result.motion.save(target)
    typer.echo(str(target))
    if obj is not None:
        typer.echo(str(result.write_obj(obj)))
    if glb is not None:
        typer.echo(str(result.write_glb(glb)))
    if overlay is not None:
        typer.echo(str(result.write_overlay(overlay)))
    typer.echo(result.summary())
