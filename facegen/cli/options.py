"""Options shared by the commands, one alias each, so that signatures stay readable."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from facegen.errors import UsageError
from facegen.pipelines.config import REGIONS

if TYPE_CHECKING:
    from facegen.pipelines.render import SaveOptions

Option = typer.Option

Photo = Annotated[Optional[Path], Option(help="Photo of the face to move.")]
Driver = Annotated[
    Optional[Path],
    Option(help="Video, folder of frames, .motion.npz or another tracker's file to copy."),
]
Tracker = Annotated[
    Optional[str],
    Option(help="deca, emoca or smirk (NAME=FILE names its weights) instead of own tracking."),
]
Demo = Annotated[bool, Option("--demo", help="Use the packaged photo and motion.")]
VideoOut = Annotated[
    Optional[Path],
    Option("-o", "--out", help="Result: .mp4, .webm, or a folder for PNG frames."),
]
MotionOut = Annotated[Optional[Path], Option("-o", "--out", help="The .motion.npz to write.")]
MotionMode = Annotated[
    str, Option(help="auto, absolute, or relative to the driver's neutral frame.")
]
ReferenceFrame = Annotated[str, Option(help="Driver's neutral frame: auto or a number.")]
Gain = Annotated[float, Option(min=0, max=3, help="Strength of the expression.")]
Emotion = Annotated[
    str, Option(help='Emotion: happy:0.7, happy:0.5+surprised:0.3, "neutral@0s,angry:0.9@2.5s".')
]
Only = Annotated[Optional[str], Option(help=f"Move only these: {','.join(REGIONS)}.")]
KeepHead = Annotated[bool, Option("--keep-head", help="Keep the photo's head pose.")]
MaxYaw = Annotated[float, Option(min=0, max=90, help="Soft limit of head turn in degrees.")]
Face = Annotated[str, Option(help="Driver's face: largest, N, or x,y.")]
RefFace = Annotated[str, Option(help="Photo's face: largest, N, or x,y.")]
NoFace = Annotated[str, Option(help="Frames without a face: error, hold, interpolate or drop.")]
Refine = Annotated[
    bool, Option("--refine", help="Correct the tracked motion by the picture: slower, closer.")
]
Smooth = Annotated[float, Option(min=0, max=5, help="Motion smoothing; 0 is off.")]
Size = Annotated[
    Optional[int], Option(min=128, max=1024, help="Side of the window frames are made in, pixels.")
]
Quality = Annotated[str, Option(help="fast or best, for generators that paint.")]
Steps = Annotated[
    Optional[int], Option(min=1, help="Sampling steps: open 1 to 4, magicportrait about 20.")
]
Fov = Annotated[
    Optional[float], Option(min=5, max=120, help="Driver camera's field of view, degrees.")
]
Start = Annotated[Optional[float], Option(min=0, help="Begin of the clip, seconds.")]
Stop = Annotated[Optional[float], Option(min=0, help="End of the clip, seconds.")]
MaxFrames = Annotated[Optional[int], Option(min=1, help="Stop after this many frames.")]
MaxSize = Annotated[
    Optional[int],
    Option(min=64, help="Shrink a larger photo, and the result, to this longest side."),
]
Audio = Annotated[Optional[Path], Option(help="Take the sound from this file instead.")]
Mute = Annotated[bool, Option("--mute", help="No sound.")]
Generator = Annotated[
    Optional[str],
    Option(help="What paints the frames: warp, open, magicportrait, or a folder with weights."),
]
Weights = Annotated[Optional[Path], Option(help="Folder with weights of the generator.")]
Device = Annotated[str, Option(help="Where networks run: auto, cpu, cuda, mps.")]
SaveMaps = Annotated[Optional[Path], Option(help="Folder for depth, normals, regions, flow.")]
SaveMotion = Annotated[Optional[Path], Option(help="Write the transferred .motion.npz.")]
ContactSheet = Annotated[Optional[Path], Option(help="Write a PNG overview of the result.")]
NoWatermark = Annotated[
    bool, Option("--no-watermark", help="Leave out the invisible mark of synthetic media.")
]
Resume = Annotated[bool, Option("--resume", help="Continue an interrupted run.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace an existing default output.")]
Workers = Annotated[int, Option(min=1, max=64, help="Threads that paint.")]


@dataclass(kw_only=True)
class Saving:
    """How a video is written."""

    mute: Mute = False
    save_maps: SaveMaps = None
    save_motion: SaveMotion = None
    contact_sheet: ContactSheet = None
    no_watermark: NoWatermark = False
    resume: Resume = False
    workers: Workers = 2

    def request(self, audio: Path | None = None) -> "SaveOptions":
        """The pipelines' word for it; ``audio`` replaces the sound."""
        from facegen.pipelines.render import SaveOptions

        return SaveOptions(
            audio=audio, mute=self.mute, resume=self.resume, workers=self.workers,
            maps=self.save_maps, motion=self.save_motion, sheet=self.contact_sheet,
            watermark=not self.no_watermark,
        )  # fmt: skip


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


def tracker_of(text: str | None, weights: Path | None = None) -> dict[str, str | None]:
    """``smirk`` or ``smirk=FILE`` as settings of a fit."""
    name, _, file = (text or "").partition("=")
    chosen = file or (None if weights is None else str(weights))
    return {"tracker": name or None, "tracker_weights": chosen}
