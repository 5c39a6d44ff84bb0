"""Clips of made faces: a feeling that comes, stays and goes on a face that is alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, columns, to_head
from facegen.emotion.dynamics import alive
from facegen.errors import UsageError
from facegen.media import open_writer
from facegen.motion import POSES, Motion
from facegen.posing import pose_vertices
from facegen.recognizer.au_sets import INTENSITY_MAX, units_of_curves
from facegen.speech.noise import wander
from facegen.synthesis.expressions import identity_faces, speaking, yielded
from facegen.synthesis.identities import Identity, seed_of
from facegen.synthesis.lens import seen_through
from facegen.synthesis.making import Bench, looked_at, packed, write_bytes
from facegen.synthesis.plan import Plan
from facegen.synthesis.record import Row, bytes_hash, picture_hash, sample_row
from facegen.synthesis.samples import Sample, views_of
from facegen.synthesis.shot import Painter, Shot

Array = NDArray[np.float64]

# Seconds of rise and fall (from, to): a face is quicker up than down.
_ONSET, _OFFSET = (0.2, 0.5), (0.4, 0.8)
_LEAD = 0.06  # seconds by which brows and eyes are ahead of the mouth, or behind
_BLINK_EVERY, _BLINK = 3.5, 0.16  # seconds
_SYLLABLE = 0.19  # seconds
# Spread of the head's sway: radians pitch, yaw, roll.
_SWAY = np.radians([1.5, 2.5, 1.2])
_LIDS = columns("eyeBlink")
_UPPER = [i for i, n in enumerate(ARKIT) if n.startswith(("brow", "eye", "cheek", "nose"))]
COMMENT = "Synthetic media made with facegen"


@dataclass(frozen=True, eq=False)
class Course:
    """What a face does in T frames.

    Attributes:
        times: ``(T,)`` seconds. curves: ``(T, 52)``. levels: ``(T, 8)`` felt, by ``EMOTIONS``.
        turns: ``(T, 3)`` radians added to the head's turn. apex: frame of the fullest feeling.
        phases: seconds of onset, apex, offset and end of the feeling.
    """

    times: Array
    curves: Array
    levels: Array
    turns: Array
    apex: int
    phases: tuple[float, float, float, float]


def identity_clips(
    plan: Plan, identity: Identity, suits: Mapping[str, float] | None = None
) -> list[Sample | None]:
    """All clips of one person; a sample's face is what its apex shows."""
    rng = np.random.default_rng(seed_of(plan.seed, "clips", identity.name))
    count = identity.group.clips
    # The course brings its own speech and blinks.
    quiet = replace(plan.expressions, speech=0.0, blink=0.0)
    faces = identity_faces(quiet, count, rng, suits)
    views = views_of(plan, identity, count, rng)
    names = [f"{identity.name}-c{i:05d}" for i in range(count)]
    return [
        Sample(name, identity, face, view, seed_of(plan.seed, "clip", name)) if face else None
        for name, face, view in zip(names, faces, views, strict=True)
    ]


def rate_of(plan: Plan) -> Fraction:
    """Frames per second of clips.

    Raises:
        UsageError: not a positive fraction.
    """
    try:
        fps = Fraction(plan.clips.fps)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if fps <= 0:
        raise UsageError(f"plan: clips.fps: {plan.clips.fps!r}: write 25 or 30000/1001")
    return fps


def course_of(plan: Plan, sample: Sample) -> Course:
    """Onset, apex and offset of a sample's face, with speech, blinks and sway."""
    rng = np.random.default_rng((sample.seed, 2))
    fps = rate_of(plan)
    count = max(2, round(plan.clips.seconds * fps))
    times = np.arange(count) / float(fps)
    phases = _phases(float(times[-1]), rng)
    face = sample.face
    ahead = float(rng.uniform(-_LEAD, _LEAD))
    rise, early = envelope(times, phases), envelope(times + ahead, phases)
    curves = rise[:, None] * face.curves
    curves[:, _UPPER] = early[:, None] * face.curves[_UPPER]
    levels = alive(rise[:, None] * face.levels, times, None, sample.seed)
    if face.levels.max() > 0:
        main = int(face.levels.argmax())
        swing = levels[:, main] / np.maximum(rise * face.levels[main], 1e-6)
        curves *= np.where(rise > 0, swing, 1)[:, None]
    if rng.random() < plan.expressions.speech:
        curves = _spoken(curves, times, rng)
    curves[:, _LIDS] = np.maximum(curves[:, _LIDS], _blinks(times, rng)[:, None])
    sway = np.stack([wander(times, sample.seed, f"sway{k}", 0.8) for k in range(3)], 1) * _SWAY
    apex = int(np.argmin(np.abs(times - (phases[1] + phases[2]) / 2)))
    return Course(times, np.clip(curves, 0, 1), levels, sway, apex, phases)


def _phases(end: float, rng: np.random.Generator) -> tuple[float, float, float, float]:
    rise, fall = rng.uniform(*_ONSET), rng.uniform(*_OFFSET)
    begin = float(rng.uniform(0, 0.15)) * end
    apex = min(begin + float(rise), 0.5 * end)
    close = max(apex, end - float(fall) - float(rng.uniform(0, 0.1)) * end)
    return begin, apex, close, min(end, close + float(fall))


def envelope(times: Array, phases: tuple[float, float, float, float]) -> Array:
    """How much of a feeling shows ``(T,)``, 0..1, with flat ends."""
    begin, apex, close, end = phases

    def ease(way: Array) -> Array:
        x = np.clip(way, 0, 1)
        return np.asarray(x * x * (3 - 2 * x))

    up = ease((times - begin) / max(apex - begin, 1e-6))
    return up * (1 - ease((times - close) / max(end - close, 1e-6)))


def _spoken(curves: Array, times: Array, rng: np.random.Generator) -> Array:
    """Mouth shapes one after another, each eased into the next."""
    knots = np.arange(0, times[-1] + 2 * _SYLLABLE, _SYLLABLE)
    shapes = [speaking(np.zeros(len(ARKIT)), rng) for _ in knots]
    said = np.stack([np.interp(times, knots, column) for column in np.stack(shapes).T], 1)
    return np.clip(yielded(curves) + said, 0, 1)


def _blinks(times: Array, rng: np.random.Generator) -> Array:
    """Closure of the lids ``(T,)``."""
    out = np.zeros(len(times))
    at = float(rng.exponential(_BLINK_EVERY))
    while at < times[-1]:
        out = np.maximum(out, np.cos(np.clip((times - at) / _BLINK, -1, 1) * np.pi / 2) ** 2)
        at += _BLINK + float(rng.exponential(_BLINK_EVERY))
    return out


def make_clip(
    bench: Bench,
    painter: Painter,
    sample: Sample,
    out: Path,
    own: NDArray[np.float64] | None = None,
) -> Row:
    """Paint one clip, write its files and return its row; gates and judges look at its apex."""
    plan = bench.plan
    course, fps = course_of(plan, sample), rate_of(plan)
    motion = _motion(bench, painter, sample, course, fps)
    name = f"{sample.name}.mp4"
    label = sample.face.label
    file = Path("clips") / sample.identity.split / label / name
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    size = plan.size + plan.size % 2
    held: NDArray[np.uint8] | None = None
    with open_writer(out / file, size, size, fps, metadata={"comment": COMMENT}) as writer:
        for index, rgb in enumerate(painter.film(motion, sample)):
            held = rgb if index == course.apex else held
            # The same camera in every frame: its chances are drawn from the same seed.
            rng = np.random.default_rng((sample.seed, 1))
            spoiled = bench.mark(seen_through(rgb, plan.lens, plan.scene, rng))
            writer.write(_even(spoiled, size))
    assert held is not None
    lens = painter.lens(motion, sample)
    head = replace(motion[course.apex : course.apex + 1], camera=lens)
    shot = Shot(held, head, pose_vertices(bench.head, head), course.curves[course.apex])
    row = sample_row(plan, sample, shot, bench.head) | painter.facts
    row = looked_at(bench, shot, row, own)
    write_bytes(out / "params" / f"{sample.name}.npz", packed(_arrays(motion, course, shot)))
    begin, apex, close, end = (round(float(p), 3) for p in course.phases)
    return row | {
        "kind": "clip", "file": file.as_posix(), "frames": len(course.times), "fps": str(fps),
        "onset": begin, "apex": apex, "offset": close, "end": end, "apex_frame": course.apex,
        "sha256": bytes_hash((out / file).read_bytes()), "phash": picture_hash(held),
        "watermark_scheme": bench.mark.scheme, "watermark_payload": bench.mark.payload,
    }  # fmt: skip


def _motion(
    bench: Bench, painter: Painter, sample: Sample, course: Course, fps: Fraction
) -> Motion:
    """The person's head through the clip, in the painter's camera."""
    rest = painter.still_head(sample)
    face = to_head(course.curves.astype(np.float32), bench.head)
    count = len(course.times)

    def held(name: str) -> Any:
        return np.repeat(getattr(rest, name), count, 0)

    return replace(
        rest,
        expression=face.expression,
        jaw_pose=face.jaw_pose,
        leye_pose=held("leye_pose"),
        reye_pose=held("reye_pose"),
        global_orient=held("global_orient"),
        neck_pose=(held("neck_pose") + course.turns).astype(np.float32),
        transl=held("transl"),
        fps=fps,
        timestamps=course.times,
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
    )


def _arrays(motion: Motion, course: Course, shot: Shot) -> dict[str, NDArray[Any]]:
    """``params/ID.npz`` of a clip: everything per frame."""
    lens = shot.head.camera
    arrays: dict[str, NDArray[Any]] = {
        name: getattr(motion, name) for name in ("expression", *POSES, "transl", "betas")
    }
    units = INTENSITY_MAX * units_of_curves(course.curves)
    return arrays | {
        "camera": np.array([lens.focal, lens.cx, lens.cy, lens.width, lens.height], np.float32),
        "timestamps": course.times,
        "blendshapes52": course.curves.astype(np.float32),
        "levels": course.levels.astype(np.float32),
        "units": units.astype(np.float32),
    }


def _even(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Video codecs want even sides: the last row and column repeat."""
    grow = size - len(rgb)
    return rgb if not grow else np.pad(rgb, ((0, grow), (0, grow), (0, 0)), "edge")
