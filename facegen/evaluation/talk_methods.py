"""What speaks on a clip: the true video, baselines, controls that must fail, files of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from facegen.errors import UsageError
from facegen.evaluation.performance import (
    Performance,
    performance_from_motion,
    performance_from_video,
)
from facegen.evaluation.predictions import Predictions
from facegen.evaluation.protocol import by_stem
from facegen.evaluation.roles import Origin
from facegen.evaluation.talk_clip import TalkClip, loudness_at, still
from facegen.flame.model import HeadModel
from facegen.motion import Motion

Clock = Literal["picture", "sound"]
# Loudness from 30 dB below the clip's peak level to that level opens the mouth from 0 to this;
# about the range of the GRID speakers.
_WIDEST = 0.18
_RANGE_DB = 30.0
MOTION_SUFFIX = ".motion.npz"


class TalkMethod(Protocol):
    """Something that performs a clip's speech.

    Attributes:
        origin: what it is. clock: ``sound`` where it follows the clip's sound, whose offset
            against the picture is then taken out; else ``picture``. of_other: it speaks another
        clip: a control that must fail.
    """

    origin: Origin
    clock: Clock
    of_other: bool

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        """Speak ``clip``; ``other`` is another clip, for controls.

        Raises:
            FacegenError: it cannot; the message says why.
        """
        ...


class TrueLips:
    """The true video's face: the best any method can do."""

    origin = Origin("truth")
    clock: Clock = "picture"
    of_other = False

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        return clip.truth


class StillFace:
    """The photo, unmoved."""

    origin = Origin("copy")
    clock: Clock = "picture"
    of_other = False

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        return still(clip.truth, clip.reference_frame)


class LoudnessJaw:
    """The louder, the wider: 30 dB of loudness below the clip's 95th percentile open the mouth.

    Args:
        of_other: take the loudness of another clip: a control that must fail.
    """

    clock: Clock = "sound"

    def __init__(self, *, of_other: bool = False) -> None:
        self.of_other = of_other
        self.origin = Origin("energy_of_other" if of_other else "energy")

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        sound = other.sound if self.of_other else clip.sound
        if sound is None:
            raise UsageError(f"{(other if self.of_other else clip).file.name} has no sound")
        times = clip.truth.times
        loud = loudness_at(sound, times + 0.5 / clip.truth.fps)
        if np.isnan(loud).all():
            raise UsageError(f"the sound of {clip.file.name} is too short")
        top = float(np.nanpercentile(loud, 95))
        opening = _WIDEST * np.clip((loud - top + _RANGE_DB) / _RANGE_DB, 0, 1)
        # Where the sound has ended it is silent.
        opening = np.nan_to_num(opening)
        return Performance(times, opening)


class OtherLips:
    """The true lips of another clip: as lively as can be and saying something else. A control
    that must fail; what it scores is chance."""

    origin = Origin("lips_of_other")
    clock: Clock = "picture"
    of_other = True

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        return other.truth


class PredictedVideos:
    """Talking heads of another tool, one video per clip and of its name."""

    clock: Clock = "sound"
    of_other = False

    def __init__(self, videos: Predictions) -> None:
        self.videos, self.origin = videos, videos.origin

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        return performance_from_video(self.videos.file(clip.name))


class PredictedMotions:
    """Motion files, ``CLIP.motion.npz`` per clip.

    Raises:
        UsageError: no folder, or no motion in it.
    """

    clock: Clock = "sound"
    of_other = False

    def __init__(self, name: str, folder: Path, head: HeadModel) -> None:
        found = by_stem(folder, (".npz",))
        self.files = {
            path.name.removesuffix(MOTION_SUFFIX): path
            for path in found.values()
            if path.name.endswith(MOTION_SUFFIX)
        }
        if not self.files:
            raise UsageError(f"{folder} holds no motion (CLIP{MOTION_SUFFIX})")
        self.folder, self.origin, self._head = folder, Origin(name), head

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        if clip.name not in self.files:
            raise UsageError(f"no motion of that name in {self.folder}")
        return performance_from_motion(Motion.load(self.files[clip.name]), self._head)


class Speaker:
    """A generator of motion from sound.

    Args:
        speak: photo's file and sound's file in, motion out.
        of_other: speak another clip's sound: a control that must fail.
    """

    clock: Clock = "sound"

    def __init__(
        self,
        origin: Origin,
        speak: Callable[[TalkClip, Path], Motion],
        head: HeadModel,
        *,
        of_other: bool = False,
    ) -> None:
        self._speak, self._head, self.of_other = speak, head, of_other
        self.origin = (
            Origin(f"{origin.name}_of_other", origin.estimators, origin.losses, origin.trained_on)
            if of_other
            else origin
        )

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        motion = self._speak(clip, (other if self.of_other else clip).file)
        return performance_from_motion(motion, self._head)


def baselines() -> list[TalkMethod]:
    """Always in the table."""
    return [TrueLips(), StillFace(), LoudnessJaw(), LoudnessJaw(of_other=True), OtherLips()]
