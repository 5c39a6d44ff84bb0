"""Frames in which no face was seen: report, fill or drop them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, UsageError
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.motion import POSES, Motion

NoFace = Literal["error", "hold", "interpolate", "drop"]


def gap_text(valid: NDArray[np.bool_], limit: int = 4) -> str:
    """Frames without a face as text: ``12-40, 55``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ~valid, [0]]).astype(int)))
    runs = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in edges.reshape(-1, 2)]
    return ", ".join(runs[:limit]) + (f" and {len(runs) - limit} more" if len(runs) > limit else "")


def resolve_gaps(motion: Motion, policy: NoFace) -> Motion:
    """Apply a policy to the frames where ``valid`` is False.

    Args:
        policy: ``error``; ``hold`` the last face (the first one before it); ``interpolate``
            between the neighbours; ``drop`` the frames.

    Raises:
        FaceNotFoundError: no face at all, or a gap under ``error``.
        UsageError: not a policy.
    """
    if policy not in ("error", "hold", "interpolate", "drop"):
        raise UsageError(f"no_face is {policy!r}; give error, hold, interpolate or drop")
    valid = motion.valid
    if valid.all():
        return motion
    if not valid.any():
        raise FaceNotFoundError(
            f"no face in any of the {len(motion)} frames; use a video with a face that looks "
            "towards the camera"
        )
    if policy == "error":
        raise FaceNotFoundError(
            f"no face in frames {gap_text(valid)} of {len(motion)}; choose --no-face hold, "
            "interpolate or drop"
        )
    if policy == "drop":
        return _selected(motion, np.flatnonzero(valid))
    seen = np.flatnonzero(valid)
    place = np.searchsorted(seen, np.arange(len(motion)), side="right")
    before, after = seen[np.maximum(place - 1, 0)], seen[np.minimum(place, len(seen) - 1)]
    filled = _selected(motion, before)
    if policy == "interpolate":
        filled = _between(motion, before, after)
    return replace(filled, timestamps=motion.timestamps, valid=valid, confidence=motion.confidence)


def _selected(motion: Motion, index: NDArray[np.intp]) -> Motion:
    names = ("expression", *POSES, "transl", "timestamps", "valid", "confidence")
    return replace(motion, **{n: getattr(motion, n)[index] for n in names})


def _between(motion: Motion, before: NDArray[np.intp], after: NDArray[np.intp]) -> Motion:
    """Straight lines for vectors, shortest arcs for rotations."""
    times = motion.timestamps
    span = times[after] - times[before]
    share = np.where(span > 0, (times - times[before]) / np.where(span > 0, span, 1), 0.0)
    share = np.clip(share, 0, 1)[:, None]
    out = {}
    for name in ("expression", "transl"):
        values = getattr(motion, name)
        out[name] = ((1 - share) * values[before] + share * values[after]).astype(np.float32)
    for name in POSES:
        first = rotation_matrix(getattr(motion, name)[before])
        last = rotation_matrix(getattr(motion, name)[after])
        arc = rotation_vector(np.swapaxes(first, -1, -2) @ last)
        out[name] = rotation_vector(first @ rotation_matrix(share * arc)).astype(np.float32)
    return replace(motion, **out)
