"""Speech to learn from, cut into crops: sound, phones and the mouth that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.audio import FRAME
from facegen.data.speech.augment import speed
from facegen.data.speech.cache import Item, SpeechSet
from facegen.data.speech.phones import PHONES
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC, TWO_SIDED
from facegen.speech.lip_targets import rest_frames
from facegen.speech.lip_track import RATE

Rng = np.random.Generator
_TEMPO = (0.85, 1.18)
# Crops may begin before the recording and end after it: the mouth must learn to rest.
_OUTSIDE = 0.6


@dataclass(frozen=True, eq=False)
class Lesson:
    """One utterance.

    Attributes:
        name: unique. speaker: voice it must not share with a test set. corpus: where from.
        samples: ``(N,)`` int16, 16 kHz mono.
        phones: ``(T,)`` class indices at 50 Hz, or None where nobody knows.
        curves: ``(T, K)`` of ``SYMMETRIC``, or None. geometry: ``(T, G)``, or None with them.
        real: whether a camera saw the mouth.
        weight: how often it is drawn, per second, relative to others.
    """

    name: str
    speaker: str
    corpus: str
    samples: NDArray[np.int16]
    phones: NDArray[np.uint8] | None = None
    curves: NDArray[np.float32] | None = None
    geometry: NDArray[np.float32] | None = None
    real: bool = False
    weight: float = 1.0

    @property
    def frames(self) -> int:
        """Frames of 20 ms."""
        return -(-len(self.samples) // FRAME)

    def sound(self) -> NDArray[np.float32]:
        """``(N,)`` float32 in -1..1."""
        return self.samples.astype(np.float32) / 32767


@dataclass(frozen=True, eq=False)
class Crop:
    """A few seconds of a lesson.

    Attributes:
        sound: ``(T * 320,)`` float32.
        phones: ``(T,)`` int64. curves: ``(T, K)``. geometry: ``(T, G)``.
        knows_phones, knows_mouth: ``(T,)`` float32, 1 where the target is known.
    """

    sound: NDArray[np.float32]
    phones: NDArray[np.int64]
    curves: NDArray[np.float32]
    geometry: NDArray[np.float32]
    knows_phones: NDArray[np.float32]
    knows_mouth: NDArray[np.float32]


def read_lessons(cache: SpeechSet, *, split: str, weights: Mapping[str, float]) -> list[Lesson]:
    """Utterances of one split of a speech cache.

    Args:
        weights: how often each source is drawn, per second; sources not named count 1.
    """
    return [_lesson(cache, item, weights) for item in cache.select(split=split)]


def _lesson(cache: SpeechSet, item: Item, weights: Mapping[str, float]) -> Lesson:
    window = cache.window(item)
    phones = window.phones.astype(np.uint8) if item.has_phones else None
    curves = geometry = None
    if item.has_face:
        curves = one_side(window.curves, cache.curves)
        columns = [cache.geometry.index(name) for name in GEOMETRY]
        geometry = relative_to_rest(window.geometry[:, columns].astype(np.float64), phones)
    return Lesson(
        name=item.name,
        speaker=item.speaker,
        corpus=item.source,
        samples=np.round(window.samples[: item.samples] * 32767).astype(np.int16),
        phones=phones,
        curves=curves,
        geometry=geometry,
        real=item.has_face,
        weight=weights.get(item.source, 1.0),
    )


def one_side(curves: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """ARKit curves ``(T, n)`` as the symmetric ones: means of left and right."""
    pairs = [(f"{n}Left", f"{n}Right") if n in TWO_SIDED else (n,) for n in SYMMETRIC]
    columns = [curves[:, [names.index(side) for side in pair]].mean(1) for pair in pairs]
    return np.stack(columns, 1).astype(np.float32)


def relative_to_rest(
    geometry: NDArray[np.float64], phones: NDArray[np.uint8] | None
) -> NDArray[np.float32]:
    """Distances ``(T, G)`` away from those of the mouth at rest; the opening stays as it is."""
    lead = 0 if phones is None else int(np.argmax(phones != PHONES.index("sil"))) // 2
    at_rest = rest_frames(geometry, lead)
    out = geometry - np.median(geometry[at_rest], 0)
    opening = GEOMETRY.index("opening")
    out[:, opening] = geometry[:, opening]
    return out.astype(np.float32)


def silence(frames: int) -> Crop:
    """Nobody speaks; the sound is for the caller to fill."""
    return Crop(
        np.zeros(frames * FRAME, np.float32),
        np.zeros(frames, np.int64),
        np.zeros((frames, len(SYMMETRIC)), np.float32),
        np.zeros((frames, len(GEOMETRY)), np.float32),
        np.ones(frames, np.float32),
        np.ones(frames, np.float32),
    )


def cut(lesson: Lesson, frames: int, rng: Rng, *, vary: bool = True) -> Crop:
    """``frames`` of the lesson from a random moment, at a random tempo if ``vary``.

    Outside the recording is silence with a mouth at rest; a real speaker's mouth there is unknown.
    """
    tempo = rng.uniform(*_TEMPO) if vary and rng.random() < 0.5 else 1.0
    length = round(frames * FRAME * tempo)
    spare = len(lesson.samples) - length
    outside = int(_OUTSIDE * RATE * FRAME)
    low, high = min(-outside, spare), max(spare + outside, 0)
    start = int(rng.integers(low, high + 1))
    whole = lesson.sound()
    taken = np.zeros(length, np.float32)
    a, b = max(start, 0), min(start + length, len(whole))
    if b > a:
        taken[a - start : b - start] = whole[a:b]
    sound = speed(taken, tempo) if tempo != 1 else taken
    # Middles of the crop's frames on the recording's own frame grid.
    at = (np.arange(frames) + 0.5) * tempo + start / FRAME - 0.5
    inside = (at > -0.5) & (at < lesson.frames - 0.5)
    crop = silence(frames)
    return Crop(
        np.pad(sound, (0, 1))[: frames * FRAME],
        np.where(inside, _nearest(lesson.phones, at, frames), PHONES.index("sil")),
        _between(lesson.curves, at, crop.curves) * inside[:, None],
        _between(lesson.geometry, at, crop.geometry) * inside[:, None],
        crop.knows_phones * (lesson.phones is not None),
        (inside | (not lesson.real)).astype(np.float32) * (lesson.curves is not None),
    )


def _nearest(
    values: NDArray[np.uint8] | None, at: NDArray[np.float64], frames: int
) -> NDArray[np.int64]:
    if values is None:
        return np.zeros(frames, np.int64)
    return values[np.clip(np.rint(at), 0, len(values) - 1).astype(int)].astype(np.int64)


def _between(
    values: NDArray[np.float32] | None, at: NDArray[np.float64], nothing: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows at fractional places."""
    if values is None:
        return nothing
    place = np.clip(at, 0, len(values) - 1)
    low = np.minimum(place.astype(int), max(len(values) - 2, 0))
    share = (place - low).astype(np.float32)[:, None]
    return (1 - share) * values[low] + share * values[np.minimum(low + 1, len(values) - 1)]
