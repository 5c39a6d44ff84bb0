"""A voice becomes a face: lips, feeling, blinks, gaze and head brought together on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.emotion.dynamics import alive
from facegen.emotion.prototypes import factor
from facegen.emotion.styling import style
from facegen.emotion.track import EmotionTrack
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.speech.assemble import add_blinks, curves_of, speaker_motion
from facegen.speech.blinks import blink_events, lid_closure
from facegen.speech.gaze import blinks_with_shifts, eye_share, gaze_path, gaze_targets
from facegen.speech.lip_track import LipTrack
from facegen.speech.mouth import MouthShape
from facegen.speech.prosody import Prosody
from facegen.speech.sway import head_turns

Array = NDArray[np.float64]

_RATE = 16_000
# A blink that goes with a glance: closing, shut, opening, seconds.
_GLANCE_BLINK = (0.08, 0.02, 0.18)
_FREE = 0.4  # seconds without another blink around one


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a speaker behaves; see ``TalkConfig`` for the meaning.

    ``turns``: ``(T, 3)`` radians of head rotation per frame instead of the procedural ones.
    ``face``: ``(T, 52)`` curves that brows, lids and cheeks do besides.
    """

    gaze: str = "camera"
    still: bool = False
    blink_rate: float = 17.0
    seed: int = 0
    turns: Array | None = None
    face: NDArray[np.float32] | None = None


def frame_times(samples: int, fps: Fraction) -> Array:
    """Seconds ``(T,)`` of every frame that begins before the sound ends; at least one."""
    count = max(1, ceil(Fraction(samples, _RATE) * fps))
    return np.array([float(k / fps) for k in range(count)])


def perform(
    lips: LipTrack,
    prosody: Prosody,
    emotion: EmotionTrack,
    head: HeadModel,
    fps: Fraction,
    times: Array,
    manner: Manner,
    *,
    betas: NDArray[np.float32] | None = None,
) -> Motion:
    """The motion of somebody who says this and feels that.

    Args:
        lips: what the mouth says, at its own rate. prosody: how it is said.
        emotion: what is felt when.
        head: names ARKit's actions. betas: identity ``(S,)``, the mean by default: lips close on
            the mesh of this very face.
        times: of the frames, seconds, ``k / fps``.

    Raises:
        ModelFileError: the head has no ARKit actions.
    """
    said = lips.resampled(fps, len(times))
    felt = alive(emotion.at(times), times, prosody, manner.seed)
    mouth = MouthShape.of(head, ARKIT, betas)
    spoken = curves_of(said.curves, said.names)
    if manner.face is not None:
        spoken = np.clip(spoken + manner.face, 0, 1)
    curves = style(spoken, said, felt, mouth=mouth)
    targets = gaze_targets(float(times[-1]) + 1, manner.gaze, manner.seed)
    sight = gaze_path(times, targets)
    eyes = eye_share(sight)
    curves = add_blinks(curves, _lids(times, felt, fps, targets, manner))
    turns = manner.turns
    if manner.still:
        turns = np.zeros((len(times), 3))
    if turns is None:
        strength = factor("head", felt)
        turns = head_turns(times, prosody, manner.seed, strength=strength, beyond_eyes=sight - eyes)
    return speaker_motion(curves, turns, np.radians(eyes), head, fps=fps, betas=betas)


def _lids(times: Array, felt: Array, fps: Fraction, targets: Array, manner: Manner) -> Array:
    """Closure ``(T,)`` of blinks by themselves and of those that go with glances."""
    if manner.blink_rate <= 0:
        return np.zeros(len(times))
    events = blink_events(
        float(times[-1]) + 1, manner.blink_rate, manner.seed, factor("blink", felt), float(fps)
    )
    glances = [
        (onset, *_GLANCE_BLINK)
        for onset in blinks_with_shifts(targets, manner.seed)
        if not len(events) or np.abs(events[:, 0] - onset).min() > _FREE
    ]
    return lid_closure(times, np.concatenate([events, np.reshape(glances, (-1, 4))]))
