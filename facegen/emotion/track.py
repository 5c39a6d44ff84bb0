"""What is felt when: ``happy:0.7``, ``neutral@0s,angry:0.9@2.5s``, ``va:0.4,-0.2``, ``auto``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.emotion.affect import emotion_of
from facegen.emotion.labels import EMOTIONS, emotion_name
from facegen.errors import UsageError

Array = NDArray[np.float64]

# Seconds a feeling takes to come and to go (a face is quicker up than down).
RISE, DECAY = 0.4, 0.8
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_VA = re.compile(rf"va:({_NUMBER}),({_NUMBER})")
_TIME = re.compile(r"(\d+\.?\d*|\.\d+)s?")
_EXAMPLE = 'for example happy:0.7, "neutral@0s,angry:0.9@2.5s", va:0.4,-0.2 or auto'


@dataclass(frozen=True, eq=False)
class EmotionTrack:
    """Emotions over time.

    Attributes:
        times: ``(K,)`` seconds, increasing, the first is 0.
        levels: ``(K, 8)`` intensities 0..1 from each time on, columns ``EMOTIONS``.
        auto: the voice decides; ``levels`` are what holds until it is heard (neutral).
    """

    times: Array
    levels: Array
    auto: bool = False

    def __post_init__(self) -> None:
        if self.levels.shape != (len(self.times), len(EMOTIONS)) or not len(self.times):
            raise UsageError("an emotion track needs a row of 8 intensities for every time")
        if (np.diff(self.times) <= 0).any():
            raise UsageError("the times of an emotion track must increase")

    @classmethod
    def parse(cls, text: str) -> EmotionTrack:
        """Read what a user writes.

        ``name[:intensity]`` parts joined by ``+`` are felt together, steps joined by ``,`` follow
        one another, each but the first with ``@seconds``. Intensity is 0..1, 1 where not given.

        Raises:
            UsageError: not understood; the message shows what is.
        """
        if text.strip().lower() == "auto":
            return cls(np.zeros(1), np.zeros((1, len(EMOTIONS))), auto=True)
        steps = [_step(part, text) for part in _split(text)]
        untimed = [i for i, (time, _) in enumerate(steps) if time is None and i]
        if untimed:
            raise UsageError(f"emotion {text!r}: every step after the first needs its time, @2.5s")
        times = np.array([time or 0.0 for time, _ in steps])
        levels = np.stack([level for _, level in steps])
        if (np.diff(times) <= 0).any():
            raise UsageError(f"emotion {text!r}: times must increase from step to step")
        if times[0] > 0:
            times = np.concatenate([[0.0], times])
            levels = np.concatenate([np.zeros((1, len(EMOTIONS))), levels])
        return cls(times, levels)

    def at(self, times: NDArray[np.floating]) -> Array:
        """Intensities ``(T, 8)`` at ``times (T,)`` seconds; depends on nothing but each time.

        A step begins at its time and is reached after ``RISE`` (upwards) or ``DECAY`` seconds
        (downwards) on a smooth path, from wherever the last step had come.
        """
        times = np.asarray(times, np.float64)
        out = np.tile(self.levels[0], (len(times), 1))
        start = self.levels[0]
        for k in range(1, len(self.times)):
            target = self.levels[k]
            span = np.where(target > start, RISE, DECAY)
            after = times >= self.times[k]
            way = (times[after, None] - self.times[k]) / span
            out[after] = start + (target - start) * _ease(way)
            if k + 1 < len(self.times):
                way = (self.times[k + 1] - self.times[k]) / span
                start = start + (target - start) * _ease(way)
        return out


def _ease(way: Array) -> Array:
    """0..1 with flat ends."""
    x = np.clip(way, 0, 1)
    return x * x * (3 - 2 * x)


def _split(text: str) -> list[str]:
    """Steps; the comma inside ``va:v,a`` does not part them."""
    kept = _VA.sub(lambda m: f"va:{m[1]};{m[2]}", text.replace(" ", ""))
    return [part.replace(";", ",") for part in kept.split(",")]


def _step(part: str, text: str) -> tuple[float | None, Array]:
    """Time (None where not given) and intensities ``(8,)`` of one step."""
    what, at, when = part.partition("@")
    if not what:
        raise UsageError(f"emotion {text!r} is not understood; write {_EXAMPLE}")
    time: float | None = None
    if at:
        match = _TIME.fullmatch(when)
        if match is None:
            raise UsageError(f"emotion {text!r}: {when!r} is no time; write @2.5s")
        time = float(match[1])
    if what.lower().startswith("va:"):
        return time, _affect(what, text)
    level = np.zeros(len(EMOTIONS))
    for share in what.split("+"):
        name, colon, amount = share.partition(":")
        value = _intensity(amount, text) if colon else 1.0
        column = EMOTIONS.index(emotion_name(name))
        level[column] = max(level[column], value)
    return time, level


def _affect(what: str, text: str) -> Array:
    match = _VA.fullmatch(what.lower())
    if match is None:
        raise UsageError(f"emotion {text!r}: write valence and arousal as va:0.4,-0.2")
    valence, arousal = float(match[1]), float(match[2])
    if max(abs(valence), abs(arousal)) > 1:
        raise UsageError(f"emotion {text!r}: valence and arousal lie between -1 and 1")
    return emotion_of(valence, arousal)


def _intensity(amount: str, text: str) -> float:
    if re.fullmatch(_NUMBER, amount) is None or not 0 <= float(amount) <= 1:
        raise UsageError(f"emotion {text!r}: an intensity lies between 0 and 1, as in happy:0.7")
    return float(amount)
