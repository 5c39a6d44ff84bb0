"""Options shared by the commands of ``facegen eval``."""

from pathlib import Path
from typing import Annotated, Optional

from typer import Argument, Option

from facegen.errors import UsageError

Clips = Annotated[
    Optional[Path], Argument(help="Folder of clips, a split file (.yaml) or a shipped split.")
]
Out = Annotated[Path, Option("-o", "--out", help="Folder for the report.")]
Data = Annotated[Optional[Path], Option(help="Folder of the split's files.")]
Truth = Annotated[Optional[Path], Option("--gt", help="The same as CLIPS, beside --pred.")]
Pred = Annotated[
    Optional[list[str]],
    Option(help="Videos of another tool, NAME=FOLDER or FOLDER; repeatable."),
]
Motions = Annotated[
    Optional[list[str]],
    Option(help="Folder of CLIP.motion.npz, NAME=FOLDER or FOLDER; repeatable."),
]
Photos = Annotated[
    Optional[Path], Option("--ref", help="Folder of reference photos; else an early frame.")
]
Generator = Annotated[str, Option(help="Also measure this generator: warp, or none.")]
Refine = Annotated[
    bool, Option("--refine", help="Also measure the generator with --refine (see facegen fit).")
]
MaxFrames = Annotated[Optional[int], Option(min=1, help="Frames per clip, in runs of 11.")]
ReferenceFrame = Annotated[int, Option(min=0, help="Frame that is the photo.")]
Judges = Annotated[
    Optional[Path], Option(help="Folder of networks that judge, told by their names.")
]
Lpips = Annotated[Optional[list[Path]], Option(help="Published LPIPS weights; may be given twice.")]
AllowCircular = Annotated[
    bool,
    Option(
        "--allow-circular",
        help="Keep what is measured by a network that made or taught it; marked.",
    ),
]
Meshes = Annotated[
    bool, Option("--meshes", help="Also fit every clip and compare vertices of motions.")
]


def one_of(clips: Path | None, gt: Path | None) -> Path:
    """The clips, whichever way they were named.

    Raises:
        UsageError: twice or not at all.
    """
    if (clips is None) == (gt is None):
        raise UsageError("give the clips once: CLIPS or --gt")
    return clips or gt or Path()


def check_folder(out: Path) -> None:
    """Refuse a report's folder that is a file, before any work.

    Raises:
        UsageError: it is one.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder with -o")
