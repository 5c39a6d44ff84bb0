"""A speech clip whose own video is the truth, and a method's performance next to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, MediaError
from facegen.evaluation.landmarks import correlation
from facegen.evaluation.marks import Marks, read_marks
from facegen.evaluation.performance import Array, Performance, performance_from_video, resample
from facegen.evaluation.protocol import Task

RATE = 16_000
LOUDNESS_HZ = 100
_FLOOR_DB = -70.0
_SMOOTH_S = 0.04
# Sound and picture of one file are seldom farther apart.
MAX_OFFSET_S = 0.4
# Three-second clips repeat themselves: a far offset must fit that much better than none.
_FAR_COST = 3.0
_LEAST_GAIN = 0.05
_SHORTEST_S = 1.5


@dataclass(frozen=True, eq=False)
class TalkClip:
    """What is known of a clip.

    Attributes:
        name, file: of the video. truth: its tracked face.
        sound: ``(N,)`` float32 mono at 16 kHz in step with frame 0, or None.
        marks: when lips must meet. reference_frame: the one that serves as the photo.
        problems: what to report.
    """

    name: str
    file: Path
    truth: Performance
    sound: NDArray[np.float32] | None
    marks: Marks
    reference_frame: int = 0
    problems: tuple[str, ...] = ()

    @classmethod
    def load(cls, task: Task) -> TalkClip:
        """Decode and track a clip.

        Raises:
            FacegenError: the video cannot be read or shows no face, or a mark file is damaged.
        """
        truth = performance_from_video(task.drive)
        sound, problems = sound_of(task.drive)
        marks = read_marks(task.drive)
        frame = min(task.reference_frame, len(truth) - 1)
        return cls(task.name, task.drive, truth, sound, marks, frame, (*truth.warnings, *problems))

    @cached_property
    def offset_s(self) -> float:
        """How much later the sound is than the picture, see :func:`sound_offset`."""
        return 0.0 if self.sound is None else sound_offset(self.truth, self.sound)


def sound_of(path: Path) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """Samples of a file, None where it has none; problems in words."""
    from facegen.audio import load_speech

    try:
        speech = load_speech(path)
    except MediaError as error:
        return None, (str(error),)
    return speech.samples, speech.warnings


def loudness_curve(sound: NDArray[np.float32]) -> Array:
    """Loudness 100 times a second, value ``k`` at ``(k + 1/2) / 100`` s: ``(M,)`` dB.

    Of the differentiated sound, which lifts speech over hum; floor -70 dB, smoothed by 40 ms.
    """
    from scipy.ndimage import gaussian_filter1d

    step = RATE // LOUDNESS_HZ
    edge = np.diff(sound.astype(np.float64), prepend=0.0)
    blocks = edge[: len(edge) // step * step].reshape(-1, step)
    power = 10 * np.log10(np.maximum(np.square(blocks).mean(1), 10 ** (_FLOOR_DB / 10)))
    if not len(power):
        return np.zeros(0)
    return np.asarray(gaussian_filter1d(power, _SMOOTH_S * LOUDNESS_HZ), np.float64)


def loudness_at(sound: NDArray[np.float32], times: Array) -> Array:
    """Loudness at given seconds: ``(T,)`` dB, NaN outside the sound."""
    curve = loudness_curve(sound)
    if not len(curve):
        return np.full(len(times), np.nan)
    own = (np.arange(len(curve)) + 0.5) / LOUDNESS_HZ
    return np.interp(times, own, curve, left=np.nan, right=np.nan)


def sound_offset(truth: Performance, sound: NDArray[np.float32]) -> float:
    """Seconds by which a clip's sound comes after its picture.

    The shift at which loudness follows the mouth's opening best (Pearson r). On GRID, whose
    streams are in step, the median is 0 with nearly no spread. Far offsets pay (3 r per s^2), and
    0 is kept where nothing fits better by 0.05, and for clips below 1.5 s.
    """
    if np.isfinite(truth.opening).sum() < _SHORTEST_S * truth.fps:
        return 0.0
    lags = np.arange(-MAX_OFFSET_S, MAX_OFFSET_S + 0.005, 0.01)
    # The moment of a frame is the middle of its exposure.
    middle = truth.times + 0.5 / truth.fps
    fit = np.full(len(lags), -np.inf)
    for k, lag in enumerate(lags):
        loud = loudness_at(sound, middle + lag)
        known = ~np.isnan(loud) & ~np.isnan(truth.opening)
        if known.sum() >= max(8, len(truth) // 2):
            r = correlation(loud[known], truth.opening[known])
            fit[k] = -np.inf if np.isnan(r) else r - _FAR_COST * lag * lag
    best = int(fit.argmax())
    # The lag nearest to 0 wins a tie; without any fit there is nothing to correct.
    if not np.isfinite(fit[best]) or fit[best] < fit[len(lags) // 2] + _LEAST_GAIN:
        return 0.0
    return float(np.round(lags[best], 2))


@dataclass(frozen=True, eq=False)
class Contrast:
    """A method's performance on a clip.

    Attributes:
        clip: the clip. pred: as the method gave it, on the clock of sound or picture.
        shift_s: seconds to add to a moment of the picture for the same moment of ``pred``: the
            clip's offset for methods that follow its sound, else 0.
    """

    clip: TalkClip
    pred: Performance
    shift_s: float

    @property
    def times(self) -> Array:
        """Seconds of the true frames: ``(T,)``."""
        return self.clip.truth.times

    def curve(self, name: str, *, lag_s: float = 0.0) -> tuple[Array, Array]:
        """A field of method and truth at the true frames: ``(T, ...)`` each, NaN where unknown.

        Args:
            name: of a field of ``Performance`` that both have.
            lag_s: look so much later into the method.
        """
        own, truth = getattr(self.pred, name), getattr(self.clip.truth, name)
        at = self.times + self.shift_s + lag_s
        flat = own.reshape(len(own), -1)
        moved = np.stack([resample(self.pred.times, column, at) for column in flat.T], -1)
        return moved.reshape(len(at), *own.shape[1:]), truth

    def known(self, name: str, *, lag_s: float = 0.0) -> tuple[Array, Array]:
        """The same where both are known."""
        pred, truth = self.curve(name, lag_s=lag_s)
        both = ~np.isnan(pred + truth)
        return pred[both], truth[both]

    def runs(self, name: str, shortest: int = 4) -> list[tuple[Array, Array]]:
        """Uninterrupted stretches in which both are known."""
        pred, truth = self.curve(name)
        both = ~np.isnan((pred + truth).reshape(len(pred), -1)).any(1)
        return [(pred[s], truth[s]) for s in stretches(both) if s.stop - s.start >= shortest]


def stretches(mask: NDArray[np.bool_]) -> list[slice]:
    """Runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def still(truth: Performance, frame: int) -> Performance:
    """A performance that stays as it is in the first seen frame from ``frame`` on.

    Raises:
        FaceNotFoundError: no face is seen from there on.
    """
    seen = np.flatnonzero(~np.isnan(truth.opening[frame:]))
    if not len(seen):
        raise FaceNotFoundError(f"no face from frame {frame} on")
    k = frame + int(seen[0])

    def hold(values: Array | None) -> Array | None:
        return None if values is None else np.repeat(values[k : k + 1], len(truth), axis=0)

    opening = np.full(len(truth), truth.opening[k])
    width, lids, rotation, points = map(
        hold, (truth.width, truth.lids, truth.rotation, truth.points)
    )
    return Performance(truth.times, opening, width, lids, rotation, points)
