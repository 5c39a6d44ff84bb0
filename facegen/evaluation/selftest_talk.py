"""Self-test of the measures of speech: shuffled sound, late frames, a frozen face, open lips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.marks import Marks
from facegen.evaluation.metric import Face
from facegen.evaluation.performance import Array, Performance, from_faces
from facegen.evaluation.selftest_check import Check
from facegen.evaluation.talk import talk_metrics
from facegen.evaluation.talk_clip import RATE, Contrast, TalkClip, still
from facegen.evaluation.talk_metrics import TalkSync

_SYNC = (TalkSync.spec.name, "margin")
_LATE = 3
# One order of a dozen syllables may fit by chance.
_ORDERS = 8
_BLOCK_S = 0.16


def run_talk(
    faces: Sequence[Face | None], sound: NDArray[np.float32], shut: Sequence[int], fps: float
) -> Iterator[Check]:
    """All checks, in the same order every time.

    Args:
        faces: a face that speaks ``sound``, one per frame. shut: frames with lips shut.
    """
    truth = from_faces([k / fps for k in range(len(faces))], faces)
    marks = Marks(tuple(k / fps for k in shut), (0.1, len(faces) / fps - 0.1), "made up")
    clip = TalkClip("self-test", Path(), truth, sound, marks)
    perfect = _measure(clip, truth)
    for metric in talk_metrics():
        spec = metric.spec
        value = perfect[spec.name, spec.main]
        if not np.isnan(spec.perfect):
            good = bool(abs(value - spec.perfect) < 1e-9)
            yield Check(f"talk identity: {spec.name}.{spec.main} = {value:.4g}", good)
    better = {m.spec.name: m.spec.better for m in talk_metrics()}
    late = _late(truth)
    changes = {
        "late frames": (_measure(clip, late), (("opening_correlation", "zero_lag", 0.1),)),
        "frozen face": (_measure(clip, still(truth, 0)), _FROZEN),
        "lips apart": (_measure(clip, _apart(truth)), (("bilabial_closure", "margin", 0.3),)),
    }
    for change, (found, rules) in changes.items():
        for name, part, least in rules:
            worse = perfect[name, part] - found[name, part]
            worse = worse if better[name] == "higher" else -worse
            text = f"{change}: {name}.{part} worse by {worse:.4g} (at least {least:g})"
            yield Check(text, bool(worse > least))
    lag, shift = changes["late frames"][0]["opening_correlation", "lag_s"], _LATE / fps
    text = f"late frames: opening_correlation.lag_s = {lag:.3g} (within 0.02 of {shift:g})"
    yield Check(text, bool(abs(lag - shift) <= 0.02))
    yield from _sync(clip, perfect[_SYNC])


_FROZEN = (
    ("opening_correlation", "zero_lag", 0.9),
    ("width_correlation", "zero_lag", 0.9),
    ("face_jerk", "gap", 0.9),
    ("head_motion", "spread_gap", 0.9),
)


def _sync(clip: TalkClip, margin: float) -> Iterator[Check]:
    """Shuffled sound brings the margin down to that of sound at another time, which is 0."""
    assert clip.sound is not None
    shuffled = [replace(clip, sound=_shuffled(clip.sound, seed)) for seed in range(_ORDERS)]
    sync = TalkSync()
    # As of a method that follows the sound: no offset is looked for.
    mixed = [sync.measure(Contrast(c, clip.truth, c.offset_s))["margin"] for c in shuffled]
    rest = float(np.mean(mixed))
    text = f"shuffled sound: {'.'.join(_SYNC)} falls from {margin:.3g} to {rest:.3g}"
    good = bool(margin - rest >= 0.5 and abs(rest) <= 0.25)
    yield Check(f"{text} (by at least 0.5, to 0 +- 0.25)", good)


def _measure(clip: TalkClip, pred: Performance) -> dict[tuple[str, str], float]:
    contrast = Contrast(clip, pred, 0.0)
    return {
        (metric.spec.name, part): float(value)
        for metric in talk_metrics()
        for part, value in metric.measure(contrast).items()
    }


def _late(truth: Performance) -> Performance:
    """Every curve three frames later, the first value held."""

    def moved(values: Array | None) -> Array | None:
        if values is None:
            return None
        return np.concatenate([values[:1].repeat(_LATE, 0), values[:-_LATE]])

    opening = moved(truth.opening)
    assert opening is not None
    curves = (truth.width, truth.lids, truth.rotation, truth.points)
    width, lids, rotation, points = map(moved, curves)
    return Performance(truth.times, opening, width, lids, rotation, points)


def _apart(truth: Performance) -> Performance:
    """Lips that never come closer than their middle opening."""
    return replace(truth, opening=np.maximum(truth.opening, np.nanmedian(truth.opening)))


def _shuffled(sound: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Blocks of 0.16 s, about a syllable, in another order."""
    size = round(_BLOCK_S * RATE)
    blocks = sound[: len(sound) // size * size].reshape(-1, size)
    mixed = blocks[np.random.default_rng(seed).permutation(len(blocks))].ravel()
    return np.concatenate([mixed, sound[len(mixed) :]])
