"""Curves, head turns and gaze of a speaker put together as a ``Motion``."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, columns, to_head
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.motion import Motion

_BLINK, _WIDE = columns("eyeBlink"), columns("eyeWide", "eyeSquint")
# A head of its own, without a photo, stands here: metres before a camera of 512 pixels.
_PLACE = (0.0, -0.05, -1.5)


def add_blinks(curves: NDArray[np.floating], closure: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shut the lids by ``closure (T,)``, 0..1, of curves ``(T, 52)``, whatever they do else."""
    out = np.array(curves, np.float32)
    shut = np.asarray(closure, np.float32)[:, None]
    out[:, _BLINK] = 1 - (1 - out[:, _BLINK]) * (1 - shut)
    out[:, _WIDE] *= 1 - shut
    return out


def curves_of(lips: NDArray[np.floating], names: tuple[str, ...]) -> NDArray[np.float32]:
    """Mouth curves ``(T, K)`` of ARKit ``names`` among all 52, the rest 0."""
    out = np.zeros((len(lips), len(ARKIT)), np.float32)
    out[:, [ARKIT.index(name) for name in names]] = lips
    return out


def speaker_motion(
    curves: NDArray[np.floating],
    turns: NDArray[np.floating],
    gaze: NDArray[np.floating],
    head: HeadModel,
    *,
    fps: Fraction,
    betas: NDArray[np.float32] | None = None,
    source_sha256: str = "",
) -> Motion:
    """The motion of a head that looks into its camera at rest; frame k stands at ``k / fps``.

    Args:
        curves: ``(T, 52)`` 0..1, columns ``ARKIT``.
        turns: ``(T, 3)`` head rotation, radians.
        gaze: ``(T, 2)`` line of sight away from the camera, radians to the left and up. The eyes
            turn against the head, so that it stays where it is while the head moves.
        head: names the actions. betas: identity ``(S,)``; the mean by default.

    Raises:
        ModelFileError: the head has no ARKit actions.
    """
    count = len(curves)
    face = to_head(curves, head)
    turns = np.asarray(turns, np.float32)
    eyes = np.zeros((count, 3), np.float32)
    eyes[:, 0] = -gaze[:, 1] - turns[:, 0]
    eyes[:, 1] = gaze[:, 0] - turns[:, 1]
    looks = [
        np.clip(eyes + own, *head.joint_bounds[joint].T).astype(np.float32)
        for joint, own in ((3, face.leye_pose), (4, face.reye_pose))
    ]
    return Motion(
        expression=face.expression,
        global_orient=np.zeros((count, 3), np.float32),
        neck_pose=turns,
        jaw_pose=face.jaw_pose,
        leye_pose=looks[0],
        reye_pose=looks[1],
        transl=np.tile(np.array(_PLACE, np.float32), (count, 1)),
        betas=np.zeros(head.n_shape, np.float32) if betas is None else betas,
        camera=Camera.from_fov(512, 512),
        fps=fps,
        timestamps=np.array([float(k / fps) for k in range(count)]),
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        basis=head.version,
        expression_names=head.expression_names,
        source_sha256=source_sha256,
    )
