"""Settings of the pipelines, light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass, field

from facegen.errors import UsageError
from facegen.pipelines.magic_config import MagicConfig

MOTIONS = ("auto", "absolute", "relative")
TRACKERS = ("deca", "emoca", "smirk")
NO_FACE = ("error", "hold", "interpolate", "drop")
REGIONS = ("lips", "jaw", "eyes", "gaze", "brows", "head")
# Side of the painted window in pixels, and sampling steps.
QUALITIES = {"fast": (256, 1), "best": (512, 4)}
MAX_STEPS = 4
# Longest side of a photo in which a face can still be found.
MIN_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a face is followed through a clip.

    Attributes:
        face: ``largest``, an index from the left, or ``x,y`` in pixels.
        no_face: ``error``, ``hold``, ``interpolate`` or ``drop`` for frames without a face.
        smooth: strength of the smoothing (it adds no delay), 0 switches it off.
        refine: correct the tracked motion of a video by the picture itself; a second pass over it.
        fov_deg: field of view of the clip's camera, or None for the default.
        start, stop: part of the clip in seconds.
        max_frames: no more frames than these from ``start`` on.
        tracker: ``deca``, ``emoca`` or ``smirk`` instead of the fitter, or None.
        tracker_weights: their file, by default the imported one.
    """

    face: str = "largest"
    no_face: str = "interpolate"
    smooth: float = 1.0
    refine: bool = False
    fov_deg: float | None = None
    start: float | None = None
    stop: float | None = None
    max_frames: int | None = None
    tracker: str | None = None
    tracker_weights: str | None = None

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its choices.
        """
        from facegen.faces import parse_face_choice

        if self.tracker is not None:
            _choice("--tracker", self.tracker, TRACKERS)
        elif self.tracker_weights is not None:
            raise UsageError("--weights: say whose they are with --tracker")
        if self.refine and self.tracker is not None:
            raise UsageError("--refine corrects facegen's own tracking; leave out --tracker")
        _choice("--no-face", self.no_face, NO_FACE)
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError("--stop must be later than --start")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"--max-frames {self.max_frames}: give 1 or more")
        parse_face_choice(self.face)


@dataclass(frozen=True, kw_only=True)
class ReenactConfig(FitConfig):
    """How the driver's motion is carried to the photo; the inherited settings are the driver's.

    Attributes:
        motion: ``auto``, ``absolute`` or ``relative`` (to the driver's neutral frame).
        reference_frame: driver frame taken as neutral, or ``auto``.
        expression_gain: 1 keeps the driver's strength, 0 freezes the face.
        only: regions that move (subset of ``REGIONS``); empty means all.
        keep_head: the head keeps the photo's pose.
        max_yaw_deg: soft limit of head turn away from the photo's pose.
        ref_face: ``face`` of the photo.
        max_size: longest side in pixels to which a larger photo, and so the result, is shrunk.
        size: side in pixels of the window in which frames are made; by default the warp's 512, or
            what ``quality`` says for a generator that paints.
        quality: ``fast`` or ``best``, for generators that paint.
        steps: of their sampler, 1 to 4; by default what ``quality`` says.
        emotion: added to the driver's motion (``facegen.emotion.EmotionTrack.parse``).
        magic: of the ``magicportrait`` generator, which reads no other sampling settings.
    """

    motion: str = "auto"
    reference_frame: str = "auto"
    expression_gain: float = 1.0
    only: tuple[str, ...] = ()
    keep_head: bool = False
    max_yaw_deg: float = 30.0
    ref_face: str = "largest"
    max_size: int | None = None
    size: int | None = None
    quality: str = "fast"
    steps: int | None = None
    emotion: str = "neutral"
    magic: MagicConfig = field(default_factory=MagicConfig)

    @property
    def painting(self) -> tuple[int, int]:
        """Window side in pixels and steps of a generator that paints."""
        size, steps = QUALITIES[self.quality]
        return self.size or size, self.steps or steps

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its choices.
        """
        from facegen.emotion.track import EmotionTrack
        from facegen.faces import parse_face_choice

        super().validate()
        if EmotionTrack.parse(self.emotion).auto:
            raise UsageError("--emotion auto is for facegen talk; name an emotion, as sad:0.5")
        self.magic.validate()
        _choice("--quality", self.quality, tuple(QUALITIES))
        if self.max_size is not None and self.max_size < MIN_SIDE:
            raise UsageError(f"--max-size {self.max_size}: give {MIN_SIDE} or more")
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise UsageError(f"--steps {self.steps}: choose from 1 to {MAX_STEPS}")
        _choice("--motion", self.motion, MOTIONS)
        for name in self.only:
            _choice("--only", name, REGIONS)
        frame = self.reference_frame
        if frame != "auto" and not (frame.isdecimal() and len(frame) < 10):
            raise UsageError(f"--reference-frame {self.reference_frame}: auto or a frame number")
        parse_face_choice(self.ref_face)


def _choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{flag} {value}: choose from {', '.join(choices)}")
