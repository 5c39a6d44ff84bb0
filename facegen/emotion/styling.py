"""A feeling laid over a moving face without spoiling what the mouth says.

Brows, lids, cheeks and nose show the feeling freely. The mouth belongs to speech first: corners
yield to rounding, what parts the lips waits while a sound closes them, and pressed lips wait while
a vowel opens them. As the last step bilabials are closed on the head's own mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from facegen.arkit import ARKIT, INDEX, columns
from facegen.emotion.prototypes import expression_of, factor

if TYPE_CHECKING:
    from facegen.speech.mouth import MouthShape

Array = NDArray[np.float64]
Curves = NDArray[np.float32]

# What articulation makes: a change here could be heard with the eyes.
ARTICULATORS = columns(
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthUpperUp", "mouthLowerDown",
    "mouthRollLower", "mouthRollUpper", "mouthPress", "mouthShrugLower", "mouthShrugUpper",
)  # fmt: skip
_OPENERS = columns("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel")
_CORNERS = columns("mouthSmile", "mouthFrown", "mouthStretch", "mouthDimple")
_PARTING = columns("mouthUpperUp", "mouthLowerDown", "mouthFunnel")
_PRESSING = columns(
    "mouthPress", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"
)
_JAW, _PUCKER = INDEX["jawOpen"], INDEX["mouthPucker"]
_WIDE_JAW = 0.25  # of jawOpen, at which nobody presses the lips
# What speech takes from a feeling's mouth corners, and leaves of its effect on articulators.
_CORNERS_LOST, _IN_SPEECH = 0.2, 0.15
# Without a lip track: lips as near as the nearest of the recording, within these bounds (outer eye
# distances), touch; a mouth whose opening varies by so much within half a second speaks.
_TOUCH, _SPEAKING = (0.014, 0.025), 0.015
_HALF_SECOND, _EASE = 13, 7  # frames at 25 per second
_LIKELY = 0.4  # P(speech) from which the mouth belongs to speech


class Speech(Protocol):
    """What styling must know of the speech (a ``LipTrack`` at the rate of the curves does)."""

    @property
    def closure(self) -> NDArray[np.float32]:
        """``(T,)`` probability that a sound closes the lips or nearly does."""

    @property
    def bilabial(self) -> NDArray[np.float32]:
        """``(T,)`` probability that the lips touch for a sound."""

    @property
    def speech(self) -> NDArray[np.float32]:
        """``(T,)`` probability that somebody speaks."""


def style(
    curves: NDArray[np.floating],
    lips: Speech | None,
    emotion: NDArray[np.floating],
    *,
    mouth: MouthShape | None = None,
) -> Curves:
    """Add feelings to facial curves.

    Args:
        curves: ``(T, 52)`` 0..1, columns ``ARKIT``.
        lips: what is said, at the same frames; None: guessed from how the lips move.
        emotion: ``(T, 8)`` intensities, columns ``EMOTIONS``.
        mouth: of the head that will move, over ``ARKIT``; the open head's mean by default.

    Returns:
        ``(T, 52)`` float32 in 0..1.
    """
    from facegen.speech.closure import close_lips
    from facegen.speech.mouth import open_mouth

    curves = np.asarray(curves, np.float64)
    mouth = mouth or open_mouth(ARKIT)
    said = lips or guess_speech(mouth.gap(curves))
    speech, free = _talking(said.speech), _free_lips(said.closure)
    felt = expression_of(emotion)
    out = curves + felt
    spoken = curves.copy()
    spoken[:, _OPENERS] *= factor("articulation", emotion)[:, None]
    yields = (1 - _CORNERS_LOST * speech) * (1 - curves[:, _PUCKER])
    out[:, _CORNERS] = curves[:, _CORNERS] + felt[:, _CORNERS] * yields[:, None]
    # Between words the whole mouth feels, within them only a little of what forms the sounds.
    room = (1 - speech) + _IN_SPEECH * speech
    out[:, _PARTING] = spoken[:, _PARTING] + felt[:, _PARTING] * (free * room)[:, None]
    out[:, _JAW] = spoken[:, _JAW] + felt[:, _JAW] * free * room
    presses = room * (1 - np.clip(out[:, _JAW] / _WIDE_JAW, 0, 1))
    out[:, _PRESSING] = np.maximum(curves[:, _PRESSING], felt[:, _PRESSING] * presses[:, None])
    return close_lips(np.clip(out, 0, 1), ARKIT, said.bilabial, mouth=mouth)


def _free_lips(closure: NDArray[np.floating]) -> Array:
    """``(T,)`` how free the lips are to part, 0 where a sound closes them or is about to."""
    return minimum_filter1d(np.clip(1 - 1.3 * np.asarray(closure, np.float64), 0, 1), 3)


def _talking(speech: NDArray[np.floating]) -> Array:
    """How far the mouth is busy ``(T,)``: a feeling must not flicker in the gaps between words."""
    likely = np.clip(np.asarray(speech, np.float64) / _LIKELY, 0, 1)
    return uniform_filter1d(maximum_filter1d(likely, _HALF_SECOND), _EASE)


class _Guess:
    """Speech told from the mouth's motion alone."""

    def __init__(self, closed: Array, speech: Array) -> None:
        self.closure = self.bilabial = closed.astype(np.float32)
        self.speech = speech.astype(np.float32)


def guess_speech(gaps: NDArray[np.floating]) -> Speech:
    """Who speaks moves the lips; lips that touch meanwhile are meant to touch.

    Args:
        gaps: ``(T, P)`` between lip pairs in outer eye distances, about 25 frames per second.
    """
    gaps = np.maximum(gaps, 0)
    opening, widest = gaps.mean(1), gaps.max(1)
    mean = uniform_filter1d(opening, _HALF_SECOND, mode="nearest")
    spread = np.sqrt(uniform_filter1d((opening - mean) ** 2, _HALF_SECOND, mode="nearest"))
    speech = np.clip(maximum_filter1d(spread, _HALF_SECOND) / _SPEAKING, 0, 1)
    touch = np.clip(np.percentile(widest, 5), *_TOUCH) if len(widest) else 0
    return _Guess((widest <= touch) * speech, speech)


def lip_disturbance(
    neutral: NDArray[np.floating], styled: NDArray[np.floating], speech: NDArray[np.floating]
) -> float:
    """Energy that a feeling adds to the articulators, as a share of the speech's own.

    ``sum (styled - neutral)^2 / sum neutral^2`` over ``ARTICULATORS`` and frames, weighted by
    P(speech). Corners, which carry the feeling and hardly the sound, are not counted.

    Args:
        neutral, styled: ``(T, 52)`` of the same sound. speech: ``(T,)``.
    """
    weight = np.asarray(speech, np.float64)[:, None]
    change = (styled[:, ARTICULATORS] - neutral[:, ARTICULATORS]) ** 2
    own = neutral[:, ARTICULATORS].astype(np.float64) ** 2
    return float((weight * change).sum() / max((weight * own).sum(), 1e-9))
