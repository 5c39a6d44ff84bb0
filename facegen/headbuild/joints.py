"""Jaw, neck and eye joints: pivots, skinning weights, pose-correctives and joint regressor.

The target ``jawOpen`` is a rotation: the lower teeth move rigidly. Its pivot is the jaw joint, its
least-squares share of each vertex the jaw weight, and what skinning misses a pose-corrective, so
the joint reproduces the sculpted shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild.eyeballs import eye_directions
from facegen.headbuild.mesh import EYE_LEFT, EYE_RIGHT, SKIN, TEETH_LOWER, HeadMesh
from facegen.headbuild.sources import N_BASE

Array = NDArray[np.float64]
ROOT, NECK, JAW, LEFT, RIGHT = range(5)
NECK_BONES = {"neck03": 0.85, "neck02": 0.5, "neck01": 0.15}
HEAD_BONES = (
    "head", "jaw", "eye", "levator", "oculi", "orbicularis", "oris", "risorius", "special",
    "temporalis", "tongue",
)  # fmt: skip
# Gaze at which the eyeLook targets were sculpted, radians about +x (down) and +y (left).
LOOK_UP, LOOK_DOWN, LOOK_SIDE = np.radians([-9.65, 10.97, 14.5])


@dataclass(frozen=True)
class Jaw:
    """``pivot (3,)`` and ``angle`` (radians about +x) of the sculpted opening."""

    pivot: Array
    angle: float

    def rotation(self) -> Array:
        """The full opening as a ``(3, 3)`` matrix."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])

    def swing(self, v: Array) -> Array:
        """Displacement ``(n, 3)`` of points ``v`` under the full rotation."""
        return (v - self.pivot) @ (self.rotation() - np.eye(3)).T


def rigid_motion(a: Array, b: Array) -> tuple[Array, Array]:
    """Rotation and translation that take points ``a`` to ``b`` best (Kabsch)."""
    ca, cb = a.mean(0), b.mean(0)
    u, _, vt = np.linalg.svd((a - ca).T @ (b - cb))
    flip = np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    r = vt.T @ flip @ u.T
    return r, cb - r @ ca


def find_jaw(mesh: HeadMesh, template: Array, jaw_open: Array) -> Jaw:
    """Pivot and angle of ``jawOpen`` from the lower teeth, in the plane of symmetry."""
    teeth = mesh.part == TEETH_LOWER
    r, t = rigid_motion(template[teeth], template[teeth] + jaw_open[teeth])
    pivot = np.linalg.solve(np.eye(2) - r[1:, 1:], t[1:])
    return Jaw(np.array([0.0, *pivot]), float(np.arctan2(r[2, 1], r[1, 1])))


def jaw_share(mesh: HeadMesh, template: Array, jaw_open: Array, jaw: Jaw) -> Array:
    """``(N,)`` jaw weight: the least-squares share of the rotation in the sculpted motion."""
    swing = jaw.swing(template)
    share = (swing * jaw_open).sum(1) / np.maximum((swing * swing).sum(1), 1e-9)
    share[np.abs(jaw_open).sum(1) == 0] = 0
    share[mesh.part == TEETH_LOWER] = 1
    share = np.clip(share, 0, 1)
    smooth = (share + mesh.averaging() @ share) / 2
    return np.where(mesh.part == SKIN, smooth, share)


def neck_share(mesh: HeadMesh, bones: dict[str, Array]) -> Array:
    """``(N,)`` part of each vertex that turns with the head, from the standard rig."""
    turning, total = np.zeros(N_BASE), np.zeros(N_BASE)
    for bone, rows in bones.items():
        index, weight = rows[:, 0].astype(int), rows[:, 1]
        level = NECK_BONES.get(bone, float(bone.startswith(HEAD_BONES)))
        np.add.at(turning, index, level * weight)
        np.add.at(total, index, weight)
    share = mesh.displace(turning / np.maximum(total, 1e-9))
    share[mesh.part != SKIN] = 1
    return (share + share[mesh.mirror]) / 2


def skinning_weights(mesh: HeadMesh, neck: Array, jaw: Array) -> Array:
    """``(N, 5)``, rows sum to 1."""
    w = np.zeros((len(mesh), 5))
    w[:, JAW] = jaw * neck
    w[:, NECK] = neck - w[:, JAW]
    w[:, ROOT] = 1 - neck
    for part, joint in ((EYE_LEFT, LEFT), (EYE_RIGHT, RIGHT)):
        w[mesh.part == part] = np.eye(5)[joint]
    return w


def _sine_feature(joint: int, axis: str) -> Array:
    """36 weights that turn pose features ``vec(R_j - I)`` into the sine of one rotation axis."""
    out = np.zeros((4, 3, 3))
    i, k = {"x": (2, 1), "y": (0, 2)}[axis]
    out[joint - 1, i, k], out[joint - 1, k, i] = 0.5, -0.5
    return out.ravel()


def pose_correctives(mesh: HeadMesh, template: Array, shapes: dict[str, Array], jaw: Jaw,
                     share: Array) -> Array:  # fmt: skip
    """``(N, 3, 36)``: what skinning misses of ``jawOpen``, and lids that follow the gaze.

    Args:
        shapes: displacements ``(N, 3)`` by ARKit name.
        share: jaw weight ``(N,)``.
    """
    missed = shapes["jawOpen"] - share[:, None] * jaw.swing(template)
    missed[mesh.part >= EYE_LEFT] = 0
    # The corrective is added before skinning, which then turns it with the jaw.
    missed = unturn(missed, share, jaw)
    out = missed[..., None] / np.sin(jaw.angle) * _sine_feature(JAW, "x")
    for joint, side, sign in ((LEFT, "Left", 1), (RIGHT, "Right", -1)):
        nod = shapes[f"eyeLookDown{side}"] - shapes[f"eyeLookUp{side}"]
        nod /= np.sin(LOOK_DOWN) - np.sin(LOOK_UP)
        turn = shapes[f"eyeLookOut{side}"] - shapes[f"eyeLookIn{side}"]
        turn *= sign / (2 * np.sin(LOOK_SIDE))
        out += nod[..., None] * _sine_feature(joint, "x")
        out += turn[..., None] * _sine_feature(joint, "y")
    return out


def unturn(delta: Array, share: Array, jaw: Jaw) -> Array:
    """Displacements that become ``delta`` once skinned with the jaw fully open.

    Used for the jaw's corrective and for ``mouthClose``, which is sculpted for an open jaw and
    would otherwise be turned along with it and leave the lips apart.
    """
    blended = (1 - share)[:, None, None] * np.eye(3) + share[:, None, None] * jaw.rotation()
    return np.linalg.solve(blended, delta[..., None])[..., 0]


def joint_positions(mesh: HeadMesh, template: Array, neck_cube: Array, jaw: Jaw) -> Array:
    """``(5, 3)``: neck inside the column, eyes at the ball centres, root above the cut."""
    neck = neck_cube + 0.45 * (np.array([0, 6.6, 0.2]) - neck_cube)
    root = np.array([0, template[:, 1].min() + 0.15, neck_cube[2]])
    eyes = [_ball_centre(template[mesh.part == part]) for part in (EYE_LEFT, EYE_RIGHT)]
    return np.stack([root, neck, jaw.pivot, *eyes])


def _ball_centre(points: Array) -> Array:
    return _ball_row() @ points


def _ball_row() -> Array:
    """Weights ``(289,)`` that give an eyeball's centre from its vertices, whatever its radius."""
    d = eye_directions()
    n = len(d)
    k = np.block(
        [
            [np.eye(n), d, np.ones((n, 1))],
            [d.T, np.zeros((3, 4))],
            [np.ones((1, n)), np.zeros((1, 4))],
        ]
    )
    return np.linalg.solve(k, np.eye(n + 4)[-1])[:n]


def joint_regressor(
    mesh: HeadMesh, template: Array, joints: Array, still: NDArray[np.bool_], count: int = 60
) -> Array:
    """``(5, N)``: affine rows over nearby vertices that no expression moves.

    The layout evaluates the regressor on expressed vertices, so a moving one would shift a joint.

    Args:
        joints: ``(5, 3)`` wanted positions on the template.
        still: ``(N,)`` vertices that no expression moves.
    """
    out = np.zeros((5, len(mesh)))
    for joint in (ROOT, NECK, JAW):
        candidates = np.flatnonzero(still & (mesh.part == SKIN))
        distance = np.linalg.norm(template[candidates] - joints[joint], axis=1)
        near = candidates[np.argsort(distance, kind="stable")[:count]]
        row = np.zeros(len(mesh))
        row[near] = affine_weights(template[near], joints[joint])
        out[joint] = (row + row[mesh.mirror]) / 2
    for part, joint in ((EYE_LEFT, LEFT), (EYE_RIGHT, RIGHT)):
        out[joint, mesh.part == part] = _ball_row()
    return out


def affine_weights(points: Array, target: Array, damping: float = 1e-3) -> Array:
    """Smallest weights over ``points (n, 3)`` that sum to 1 and give ``target (3,)``."""
    x = points - target
    n = len(x)
    k = np.block(
        [
            [np.eye(n) * damping, x, np.ones((n, 1))],
            [x.T, np.zeros((3, 4))],
            [np.ones((1, n)), np.zeros((1, 4))],
        ]
    )
    return np.linalg.solve(k, np.eye(n + 4)[-1])[:n]
