"""``facegen reenact``: the face of one photo, the motion and sound of a clip."""

from facegen.cli import options as opt
from facegen.cli.groups import grouped
from facegen.cli.magic_options import GENERATOR, Published
from facegen.demo import MOTION, PHOTO
from facegen.errors import UsageError
from facegen.pipelines.config import ReenactConfig

_DEFAULT, _PUBLISHED, _SAVING = ReenactConfig(), Published(), opt.Saving()


@grouped
def reenact(
    ref: opt.Photo = None,
    drive: opt.Driver = None,
    out: opt.VideoOut = None,
    demo: opt.Demo = False,
    motion: opt.MotionMode = _DEFAULT.motion,
    reference_frame: opt.ReferenceFrame = _DEFAULT.reference_frame,
    expression_gain: opt.Gain = _DEFAULT.expression_gain,
    emotion: opt.Emotion = _DEFAULT.emotion,
    only: opt.Only = None,
    keep_head: opt.KeepHead = False,
    max_yaw: opt.MaxYaw = _DEFAULT.max_yaw_deg,
    face: opt.Face = _DEFAULT.face,
    ref_face: opt.RefFace = _DEFAULT.ref_face,
    no_face: opt.NoFace = _DEFAULT.no_face,
    smooth: opt.Smooth = _DEFAULT.smooth,
    refine: opt.Refine = False,
    size: opt.Size = None,
    quality: opt.Quality = _DEFAULT.quality,
    steps: opt.Steps = None,
    fov: opt.Fov = None,
    tracker: opt.Tracker = None,
    start: opt.Start = None,
    stop: opt.Stop = None,
    max_frames: opt.MaxFrames = None,
    max_size: opt.MaxSize = None,
    audio: opt.Audio = None,
    generator: opt.Generator = None,
    weights: opt.Weights = None,
    device: opt.Device = "auto",
    overwrite: opt.Overwrite = False,
    saving: opt.Saving = _SAVING,
    published: Published = _PUBLISHED,
) -> None:
    """Face of REF, motion and sound of DRIVE."""
    magic = published.sampler(generator, size, steps)
    if generator == GENERATOR:
        size, steps = None, None
    config = ReenactConfig(
        motion=motion, reference_frame=reference_frame, expression_gain=expression_gain,
        only=opt.parse_regions(only), keep_head=keep_head, max_yaw_deg=max_yaw, face=face,
        ref_face=ref_face, no_face=no_face, smooth=smooth, refine=refine, size=size,
        quality=quality, steps=steps, fov_deg=fov, emotion=emotion, magic=magic,
        start=start, stop=stop, max_frames=max_frames, max_size=max_size,
        **opt.tracker_of(tracker),
    )  # fmt: skip
    config.validate()
    ref, drive = (ref or PHOTO, drive or MOTION) if demo else (ref, drive)
    if ref is None or drive is None:
        raise UsageError("give --ref PHOTO and --drive VIDEO (or --demo)")
    target = opt.output_path(out, overwrite, ref, drive)
    from facegen.pipelines import reenact as task

    pipe = task.ReenactmentPipeline.from_pretrained(
        "open", generator=generator, weights=weights, device=device, parts=published.parts
    )
    written = pipe.write(target, ref, drive, config=config, options=saving.request(audio))
    opt.typer.echo(str(written))
