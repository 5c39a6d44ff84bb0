"""``facegen export``: a motion of any known program for another one."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import options as opt
from facegen.errors import UsageError

Motion = Annotated[
    Path,
    typer.Argument(
        help=".motion.npz, Live Link .csv, or what DECA, EMOCA, SMIRK, VHAP, metrical-tracker, "
        "EMOTE, smplx or LivePortrait wrote."
    ),
]
Out = Annotated[
    Path,
    opt.Option(
        "-o",
        "--out",
        help="out.glb, .csv (Live Link), .usd, .json (camera), .npz (smplx), .motion.npz, or a "
        "folder of meshes.",
    ),
]
Head = Annotated[
    Optional[str], opt.Option(help="Carry it over to: open, or an imported head model.")
]
Format = Annotated[
    Optional[str], opt.Option("--format", help="Where the name does not tell: obj, ply, ...")
]
_MAX_FPS = 1000
Fps = Annotated[Optional[str], opt.Option(help="Frame rate of a file that does not say.")]


def export(
    motion: Motion, out: Out, head: Head = None, format_: Format = None, fps: Fps = None
) -> None:
    """Write MOTION for another program."""
    from facegen.assets import load_head
    from facegen.cli.talk import parse_fps
    from facegen.interchange.read import open_motion
    from facegen.interchange.write import export_motion, kind_of
    from facegen.media.atomic import check_outputs

    kind = format_ or kind_of(out)
    if not out.is_dir():
        check_outputs(out, inputs=[motion])
    rate = None if fps is None else parse_fps(fps)
    if rate is not None and not 0 < rate <= _MAX_FPS:
        raise UsageError(f"--fps {fps}: give a number above 0 and up to {_MAX_FPS}")
    read = open_motion(motion, fps=rate, templates=True)
    target = None if head is None else load_head(head)
    typer.echo(str(export_motion(read, out, head=target, kind=kind)))
