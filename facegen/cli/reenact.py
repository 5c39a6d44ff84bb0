"""``facegen reenact``: the face of one photo, the motion and sound of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facegen.errors import UsageError
from facegen.pipelines.config import REGIONS, ReenactConfig

_DEFAULT = ReenactConfig()


def output_path(out: Path | None, overwrite: bool, *inputs: Path, suffix: str = ".mp4") -> Path:
    """Where a result goes: ``-o``, else the current folder, named after the inputs.

    Raises:
        UsageError: the default name is taken and ``--overwrite`` is not given.
    """
    if out is not None:
        return out
    target = Path("_".join(path.name.split(".")[0] or "out" for path in inputs) + suffix)
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists; give --overwrite or another name with -o")
    return target


def parse_regions(text: str | None) -> tuple[str, ...]:
    """``lips,eyes`` -> names.

    Raises:
        UsageError: a name is not a region.
    """
    names = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    unknown = [name for name in names if name not in REGIONS]
    if unknown:
        raise UsageError(f"--only {','.join(unknown)}: choose from {', '.join(REGIONS)}")
    return names


def reenact(
    ref: Annotated[Path | None, typer.Option(help="Photo of the face to move.")] = None,
    drive: Annotated[
        Path | None, typer.Option(help="Video, folder of frames or .motion.npz to copy.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Result: .mp4, .webm, or a folder for PNG frames."),
    ] = None,
    demo: Annotated[bool, typer.Option(help="Use the packaged photo and motion.")] = False,
    motion: Annotated[
        str, typer.Option(help="auto, absolute, or relative to the driver's neutral frame.")
    ] = _DEFAULT.motion,
    reference_frame: Annotated[
        str, typer.Option(help="Driver's neutral frame: auto or a number.")
    ] = _DEFAULT.reference_frame,
    expression_gain: Annotated[
        float, typer.Option(min=0, max=3, help="Strength of the expression.")
    ] = _DEFAULT.expression_gain,
    only: Annotated[str | None, typer.Option(help=f"Move only these: {','.join(REGIONS)}.")] = None,
    keep_head: Annotated[bool, typer.Option(help="Keep the photo's head pose.")] = False,
    max_yaw: Annotated[
        float, typer.Option(min=0, max=90, help="Soft limit of head turn in degrees.")
    ] = _DEFAULT.max_yaw_deg,
    face: Annotated[str, typer.Option(help="Driver's face: largest, N, or x,y.")] = "largest",
    ref_face: Annotated[str, typer.Option(help="Photo's face: largest, N, or x,y.")] = "largest",
    no_face: Annotated[
        str, typer.Option(help="Frames without a face: error, hold, interpolate or drop.")
    ] = _DEFAULT.no_face,
    smooth: Annotated[
        float, typer.Option(min=0, max=5, help="Motion smoothing; 0 is off.")
    ] = _DEFAULT.smooth,
    size: Annotated[
        int, typer.Option(min=128, max=1024, help="Window side for the geometry, pixels.")
    ] = _DEFAULT.size,
    fov: Annotated[
        float | None, typer.Option(min=5, max=120, help="Driver camera's field of view.")
    ] = None,
    start: Annotated[float | None, typer.Option(min=0, help="Begin of the clip, s.")] = None,
    stop: Annotated[float | None, typer.Option(min=0, help="End of the clip, s.")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Take the sound from this file instead.")
    ] = None,
    mute: Annotated[bool, typer.Option(help="No sound.")] = False,
    generator: Annotated[str, typer.Option(help="What paints the frames: warp.")] = "warp",
    save_maps: Annotated[
        Path | None, typer.Option(help="Folder for depth, normals, regions, flow.")
    ] = None,
    save_motion: Annotated[
        Path | None, typer.Option(help="Write the transferred .motion.npz.")
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Write a PNG overview of the result.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing default output.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Threads that paint.")] = 2,
) -> None:
    """Face of REF, motion and sound of DRIVE."""
    from facegen.pipelines import reenact as task

    if demo:
        ref, drive = ref or task.DEMO_PHOTO, drive or task.DEMO_MOTION
    if ref is None or drive is None:
        raise UsageError("give --ref PHOTO and --drive VIDEO (or --demo)")
    config = ReenactConfig(
        motion=motion,
        reference_frame=reference_frame,
        expression_gain=expression_gain,
        only=parse_regions(only),
        keep_head=keep_head,
        max_yaw_deg=max_yaw,
        face=face,
        ref_face=ref_face,
        no_face=no_face,
        smooth=smooth,
        size=size,
        fov_deg=fov,
        start=start,
        stop=stop,
    )
    config.validate()
    target = output_path(out, overwrite, ref, drive)
    pipe = task.ReenactmentPipeline.from_pretrained("open", generator=generator)
    result = pipe(ref, drive, config=config)
    written = result.save(
        target,
        audio=None if mute else audio or "driver",
        resume=resume,
        workers=workers,
        maps=save_maps,
        motion=save_motion,
        sheet=contact_sheet,
    )
    typer.echo(str(written))
