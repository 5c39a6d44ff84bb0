"""``facegen talk``: the face of one photo says a recording, with feeling."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Optional

from facegen.cli import options as opt
from facegen.cli.groups import grouped
from facegen.demo import PHOTO, VOICE
from facegen.errors import UsageError
from facegen.pipelines.talk_config import TalkConfig

_DEFAULT, _SAVING = TalkConfig(), opt.Saving()
_MISSING = "give --ref PHOTO and --audio SPEECH (--motion-only needs no photo), or --demo"

Voice = Annotated[
    Optional[Path], opt.Option("--audio", help="Speech: any sound file, or a video with sound.")
]
Emotion = Annotated[
    str,
    opt.Option(
        help='happy:0.7, happy:0.5+surprised:0.3, "neutral@0s,angry:0.9@2.5s", va:0.4,-0.2 '
        "(valence, arousal), or auto (from the voice)."
    ),
]
HeadMotion = Annotated[
    str, opt.Option(help="natural, drawn (by the network), still, or from=CLIP.mp4.")
]
Gaze = Annotated[str, opt.Option(help="camera, or natural (glances away).")]
BlinkRate = Annotated[float, opt.Option(min=0, max=60, help="Blinks per minute.")]
Articulation = Annotated[float, opt.Option(min=0, max=4, help="Factor on mouth opening.")]
Lips = Annotated[
    Optional[str], opt.Option(help="Folder of your own lip network; made with: train motion.")
]
Encoder = Annotated[
    Optional[str],
    opt.Option("--audio-encoder", help="Folder of the speech network that --lips learned from."),
]
Seed = Annotated[int, opt.Option(min=0, help="Other blinks, glances and head turns.")]
Fps = Annotated[str, opt.Option(help="Frames per second, 25 or 30000/1001.")]
MotionOnly = Annotated[
    Optional[Path],
    opt.Option(
        help="Write the motion only: .motion.npz, .livelink.csv or .glb; --ref is optional."
    ),
]


@grouped
def talk(
    ref: opt.Photo = None,
    audio: Voice = None,
    out: opt.VideoOut = None,
    emotion: Emotion = _DEFAULT.emotion,
    head_motion: HeadMotion = _DEFAULT.head_motion,
    gaze: Gaze = _DEFAULT.gaze,
    blink_rate: BlinkRate = _DEFAULT.blink_rate,
    articulation: Articulation = _DEFAULT.articulation,
    lips: Lips = None,
    audio_encoder: Encoder = None,
    seed: Seed = _DEFAULT.seed,
    fps: Fps = str(_DEFAULT.fps),
    demo: Annotated[bool, opt.Option("--demo", help="Use the packaged photo and voice.")] = False,
    motion_only: MotionOnly = None,
    max_yaw: opt.MaxYaw = _DEFAULT.max_yaw_deg,
    ref_face: opt.RefFace = _DEFAULT.ref_face,
    size: opt.Size = _DEFAULT.size,
    quality: opt.Quality = _DEFAULT.quality,
    steps: opt.Steps = _DEFAULT.steps,
    max_frames: opt.MaxFrames = None,
    max_size: opt.MaxSize = None,
    generator: opt.Generator = None,
    weights: opt.Weights = None,
    device: opt.Device = "auto",
    overwrite: opt.Overwrite = False,
    saving: opt.Saving = _SAVING,
) -> None:
    """Face of REF says AUDIO and feels EMOTION."""
    config = TalkConfig(
        emotion=emotion, head_motion=head_motion, gaze=gaze, blink_rate=blink_rate,
        articulation=articulation, lips=lips, audio_encoder=audio_encoder, seed=seed,
        fps=parse_fps(fps), ref_face=ref_face, max_yaw_deg=max_yaw, size=size,
        quality=quality, steps=steps, max_frames=max_frames, max_size=max_size,
    )  # fmt: skip
    config.validate()
    if demo:
        ref, audio = ref or PHOTO, audio or VOICE
    if audio is None or (ref is None and motion_only is None):
        raise UsageError(_MISSING)
    if motion_only is not None and out is not None:
        raise UsageError("give -o for a video or --motion-only for its motion, not both")
    # A taken name is refused before the models load.
    target = motion_only or opt.output_path(out, overwrite, ref or PHOTO, audio)
    from facegen.pipelines import talk as task

    pipe = task.TalkingHeadPipeline.from_pretrained(
        "open", generator=generator, weights=weights, device=device
    )
    if motion_only is not None or ref is None:
        opt.typer.echo(str(pipe.write_motion(target, audio, ref, config=config)))
        return
    opt.typer.echo(str(pipe.write(target, ref, audio, config=config, options=saving.request())))


def parse_fps(text: str) -> Fraction:
    """``25``, ``23.976`` or ``30000/1001``.

    Raises:
        UsageError: not a number.
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps {text}: give a number such as 25 or 30000/1001") from None
