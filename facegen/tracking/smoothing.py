"""Smoothing of motions, per channel and on parameters.

Depth is held hardest, place and pose less, jaw and lips hardly; lids that close stay as measured,
for a blink that starts late or stays half open is seen at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.motion import Motion
from facegen.tracking.head_frame import head_centres, transl_for_centres
from facegen.tracking.local_regression import Timeline, Window, smooth_rotations, smooth_vectors

Array = NDArray[np.float64]

_UNTOUCHED = ("eyeBlink",)
_LIGHT = ("mouth", "jaw", "mh:mouth", "eyeWide", "eyeSquint", "tongue")


@dataclass(frozen=True)
class Smoothing:
    """Windows per channel; seconds, and tolerances in the channel's unit.

    Attributes:
        place: of the head in the picture (tangent of the view angle). depth: log of metres.
        pose: head rotation, radians. jaw, gaze: radians.
        lips: mouth, jaw and lid-shape coefficients. face: all others but blinks.
    """

    place: Window = Window(0.12, 0.02, 0.0004)
    depth: Window = Window(0.35, 0.08, 0.007)
    pose: Window = Window(0.12, 0.02, 0.005)
    jaw: Window = Window(0.05, 0.0, 0.003)
    gaze: Window = Window(0.12, 0.0, 0.015)
    lips: Window = Window(0.05, 0.0, 0.008)
    face: Window = Window(0.12, 0.02, 0.025)

    def scaled(self, strength: float) -> Smoothing:
        """All windows and tolerances times ``strength``."""
        scaled = {
            name: Window(w.still * strength, w.moving * strength, w.tolerance * strength)
            for name, w in vars(self).items()
        }
        return Smoothing(**scaled)


def smooth(
    motion: Motion,
    joints: Array,
    *,
    strength: float = 1.0,
    settings: Smoothing | None = None,
    breaks: Sequence[int] = (),
) -> Motion:
    """Calm a motion without delay (zero phase), on its own time stamps.

    Args:
        joints: ``(5, 3)`` rest joints of the motion's identity.
        strength: factor on all windows; 0 leaves the motion as it is.
        settings: windows per channel.
        breaks: frames that start a new shot; nothing is smoothed across them.

    Returns:
        The same motion, smoothed; frames without a face stay as they are and lend no weight.
    """
    s = (settings or Smoothing()).scaled(strength)
    if strength <= 0 or len(motion) < 3:
        return motion
    line = _timeline(motion, breaks)

    def turned(poses: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
        if not np.any(poses):
            return poses
        out = smooth_rotations(poses.astype(np.float64), line, window)
        return _kept(out, poses, motion.valid)

    posed = replace(
        motion,
        global_orient=turned(motion.global_orient, s.pose),
        neck_pose=turned(motion.neck_pose, s.pose),
        jaw_pose=turned(motion.jaw_pose, s.jaw),
        leye_pose=turned(motion.leye_pose, s.gaze),
        reye_pose=turned(motion.reye_pose, s.gaze),
        expression=_expression(motion, line, s),
    )
    centres = _centres(head_centres(motion, joints), line, s)
    transl = _kept(transl_for_centres(posed, joints, centres), motion.transl, motion.valid)
    return replace(posed, transl=transl)


def _timeline(motion: Motion, breaks: Sequence[int]) -> Timeline:
    starts = np.zeros(len(motion), np.intp)
    starts[[b for b in breaks if 0 < b < len(motion)]] = 1
    return Timeline(motion.timestamps, motion.valid, np.cumsum(starts))


def _centres(centres: Array, line: Timeline, s: Smoothing) -> Array:
    """Place in the picture and depth are separate: their errors differ a hundredfold."""
    # Frames without a face lend no weight, but their zeros must not become infinities.
    depth = np.where(line.usable[:, None], -centres[:, 2:], 1.0)
    place = smooth_vectors(centres[:, :2] / depth, line, s.place)
    depth = np.exp(smooth_vectors(np.log(depth), line, s.depth))
    return np.concatenate([place * depth, -depth], 1)


def _expression(motion: Motion, line: Timeline, s: Smoothing) -> NDArray[np.float32]:
    out = motion.expression.astype(np.float64)
    names = motion.expression_names
    light = np.array([n.startswith(_LIGHT) for n in names])
    still = np.array([n.startswith(_UNTOUCHED) for n in names])
    for columns, window in ((light, s.lips), (~light & ~still, s.face)):
        out[:, columns] = smooth_vectors(out[:, columns], line, window)
    low, high = motion.expression.min(0), motion.expression.max(0)
    return _kept(np.clip(out, low, high), motion.expression, motion.valid)


def _kept(
    smoothed: NDArray[np.floating], before: NDArray[np.float32], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    return np.where(valid[:, None], smoothed, before).astype(np.float32)
