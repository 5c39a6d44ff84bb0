"""Training pairs from real clips: one frame is the photo, others are the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.data.pairs import Origin, PairMaker, Picture
from facegen.data.windows import Window
from facegen.errors import UsageError
from facegen.flame.model import HeadModel
from facegen.media import probe, read_video
from facegen.motion import Motion
from facegen.tracking import track_video

LEAST_CONFIDENCE = 0.5
# A third of the targets are those farthest from the reference among this many candidates each.
_CANDIDATES = 4


def clip_windows(
    path: Path,
    head: HeadModel,
    origin: Origin,
    *,
    pairs: int,
    size: int,
    seed: int,
    motion: Motion | None = None,
) -> Iterator[Window]:
    """Pairs of one clip: one reference frame, ``pairs`` others.

    Args:
        motion: of the whole clip where it was tracked before.

    Raises:
        MediaError, FaceNotFoundError: the clip cannot be used.
        UsageError: the motion is another clip's, or too few frames show a face well.
    """
    if motion is None:
        info = probe(path)
        motion = track_video((f.rgb for f in read_video(path)), head, fps=info.fps)
    rng = np.random.default_rng(seed)
    reference, targets = choose_frames(motion, pairs, rng)
    pictures = _pictures(path, motion, {reference, *targets})
    maker = PairMaker(head, pictures[reference], size)
    for number in targets:
        yield maker.pair(pictures[number], origin)


def choose_frames(motion: Motion, pairs: int, rng: np.random.Generator) -> tuple[int, list[int]]:
    """A reference frame and frames that differ from it, in order.

    Raises:
        UsageError: fewer than two frames show a face well.
    """
    good = np.flatnonzero(motion.valid & (motion.confidence >= LEAST_CONFIDENCE))
    if len(good) < 2:
        raise UsageError("fewer than two frames of the clip show a face well")
    reference = int(rng.choice(good))
    rest = rng.permutation(good[good != reference])
    change = _change(motion, reference)
    chosen: list[int] = []
    while len(chosen) < min(pairs, len(good) - 1):
        some = rest[:_CANDIDATES] if rng.random() < 1 / 3 else rest[:1]
        best = int(some[np.argmax(change[some])])
        chosen.append(best)
        rest = rest[rest != best]
    return reference, sorted(chosen)


def _change(motion: Motion, reference: int) -> NDArray[np.float64]:
    """How far each frame is from one of them in pose, jaw and expression; no unit."""
    parts = ((motion.neck_pose, 0.2), (motion.jaw_pose, 0.1), (motion.expression, 1.0))
    return sum(
        (np.linalg.norm(values - values[reference], axis=1) / unit for values, unit in parts),
        np.zeros(len(motion)),
    )


def _pictures(path: Path, motion: Motion, wanted: set[int]) -> dict[int, Picture]:
    found = {}
    for frame in read_video(path):
        if frame.index in wanted:
            found[frame.index] = Picture(
                frame.rgb, motion[frame.index : frame.index + 1], number=frame.index
            )
    if set(found) != wanted:
        raise UsageError(f"{path} has fewer frames than its motion")
    return found
