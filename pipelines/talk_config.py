"""Settings of the talking head, light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from facegen.errors import UsageError
from facegen.pipelines.config import ReenactConfig

HEAD_MOTIONS = ("natural", "drawn", "still")
GAZES = ("camera", "natural")
BORROWED = "from="


@dataclass(frozen=True, kw_only=True)
class TalkConfig:
    """How a photo speaks.

    Attributes:
        emotion: what :meth:`facegen.emotion.EmotionTrack.parse` reads.
        head_motion: ``natural`` (sway and nods by published statistics), ``drawn`` (head and brows
            drawn by the network), ``still`` (the photo's pose) or ``from=CLIP`` (its head turns).
        gaze: ``camera`` holds the viewer's eye, ``natural`` looks away at times.
        blink_rate: blinks per minute, 0 for none.
        articulation: factor on mouth opening.
        lips: folder of a lip network of ``facegen train motion``; None for the embedded one.
        audio_encoder: folder of the speech network that those lips were trained on, if any.
        seed: another number gives other blinks, glances and head turns.
        fps: frames per second of the result.
        ref_face: the photo's face: ``largest``, an index from the left, or ``x,y`` in pixels.
        max_yaw_deg: soft limit of head turn away from the photo's pose.
        size, quality, steps: of the frames, see ``ReenactConfig``; ``max_size`` too.
        max_frames: no more frames than these; the rest of the sound is left out.
    """

    emotion: str = "neutral"
    head_motion: str = "natural"
    gaze: str = "camera"
    blink_rate: float = 17.0
    articulation: float = 1.0
    lips: str | None = None
    audio_encoder: str | None = None
    seed: int = 0
    fps: Fraction = Fraction(25)
    ref_face: str = "largest"
    max_yaw_deg: float = 30.0
    size: int | None = None
    quality: str = "fast"
    steps: int | None = None
    max_size: int | None = None
    max_frames: int | None = None

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its choices.
        """
        from facegen.emotion.track import EmotionTrack
        from facegen.faces import parse_face_choice

        EmotionTrack.parse(self.emotion)
        parse_face_choice(self.ref_face)
        self.painting.validate()
        if self.gaze not in GAZES:
            raise UsageError(f"--gaze {self.gaze}: choose from {', '.join(GAZES)}")
        if self.head_motion not in HEAD_MOTIONS and not self.head_motion.startswith(BORROWED):
            raise UsageError(
                f"--head-motion {self.head_motion}: choose natural, drawn, still or from=CLIP.mp4"
            )
        if not 1 <= self.fps <= 240:
            raise UsageError(f"--fps {self.fps}: choose between 1 and 240")

    @property
    def painting(self) -> ReenactConfig:
        """The settings that the painter reads."""
        return ReenactConfig(
            ref_face=self.ref_face, size=self.size, quality=self.quality, steps=self.steps,
            max_yaw_deg=self.max_yaw_deg, max_size=self.max_size, max_frames=self.max_frames,
        )  # fmt: skip

    @property
    def seconds(self) -> float | None:
        """How much of the sound is used, or None for all of it."""
        return None if self.max_frames is None else float(self.max_frames / self.fps)

    @property
    def clip(self) -> str | None:
        """The clip whose head turns are borrowed, or None."""
        borrows = self.head_motion.startswith(BORROWED)
        return self.head_motion[len(BORROWED) :] if borrows else None
