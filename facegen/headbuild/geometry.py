"""First stage: mesh, joints, expressions and identity from the wheel's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild import identity, joints
from facegen.headbuild.expressions import expression_basis, expression_targets
from facegen.headbuild.mesh import (
    TEETH_LOWER,
    TEETH_UPPER,
    TONGUE,
    HeadMesh,
    cut_head,
)
from facegen.headbuild.package import Geometry
from facegen.headbuild.people import People
from facegen.headbuild.sources import BaseMesh, load_base_mesh, read_bone_weights

Array = NDArray[np.float64]
STILL = 1e-4
# Decimetres. The base mesh hides the incisors' edges behind closed lips and fills the mouth with
# tongue; in people the upper teeth show when lips part, and the tongue lies lower.
INNER_DROP = {TEETH_UPPER: 0.035, TEETH_LOWER: 0.035, TONGUE: 0.065}
# The base mesh's lips stand half a millimetre apart and show teeth through the gap.
LIP_SEAL = {
    "mouthUpperUpLeft": -0.12,
    "mouthUpperUpRight": -0.12,
    "mouthLowerDownLeft": -0.12,
    "mouthLowerDownRight": -0.12,
}


@dataclass(frozen=True)
class Head:
    """The open head while it is being built.

    Attributes:
        mesh: topology. adult: ``(N, 3)`` mean adult, the shape that random people are aligned to.
        neck: ``(N,)`` share of each vertex that turns with the head.
        neck_cube: ``(3,)`` where the rig places the base of the neck.
        expression: ``(N, 3, E)`` sculpted displacements. names: E.
        importance: ``(N,)`` weights in the identity basis. face: ``(N,)`` alignment vertices.
    """

    mesh: HeadMesh
    adult: Array
    neck: Array
    neck_cube: Array
    expression: Array
    names: tuple[str, ...]
    importance: Array
    face: NDArray[np.bool_]


def build_head(root: Path) -> tuple[Head, People, BaseMesh]:
    """Mesh, expressions and rig weights from the wheel's files, and the people to learn from."""
    base = load_base_mesh(root)
    people = People(root, base, np.arange(len(base.vertices)))
    adult = people.mean_adult()
    adult = (adult + adult[base.mirror] * [-1, 1, 1]) / 2
    mesh = cut_head(base, adult)
    template = mesh.assemble(adult)
    targets = expression_targets(root)
    neck = joints.neck_share(mesh, read_bone_weights(root))
    head = Head(
        mesh=mesh,
        adult=template,
        neck=neck,
        neck_cube=adult[base.groups["joint-neck"]].mean(0),
        expression=expression_basis(mesh, targets),
        names=tuple(targets),
        importance=identity.vertex_importance(mesh, neck),
        face=identity.face_points(mesh, template, neck),
    )
    return head, people, base


def sample_heads(head: Head, people: People, count: int, seed: int) -> NDArray[np.float32]:
    """``(count, N, 3)`` random people, aligned to the template."""
    rng = np.random.default_rng(seed)
    out = np.empty((count, *head.adult.shape), np.float32)
    for row in out:
        v = head.mesh.assemble(people.sample(rng))
        row[:] = identity.align(v, head.adult, head.face)
    return out


def inner_drop(mesh: HeadMesh) -> Array:
    """``(N, 3)`` shift of teeth and tongue."""
    out = np.zeros((len(mesh), 3))
    for part, drop in INNER_DROP.items():
        out[mesh.part == part, 1] = -drop
    return out


def articulate(head: Head, space: identity.IdentitySpace) -> Geometry:
    """Joints, weights and pose-correctives for the mean of an identity space."""
    mesh, basis = head.mesh, head.expression.copy()
    shapes = {name: basis[..., i] for i, name in enumerate(head.names)}
    rest = space.mean + sum(share * shapes[name] for name, share in LIP_SEAL.items())
    jaw = joints.find_jaw(mesh, rest, shapes["jawOpen"])
    template = rest + inner_drop(mesh)
    teeth = mesh.part == TEETH_LOWER
    shapes["jawOpen"][teeth] = jaw.swing(template)[teeth]
    # A tongue that is put out leaves the mouth where it was sculpted to.
    shapes["tongueOut"][mesh.part == TONGUE] -= inner_drop(mesh)[mesh.part == TONGUE]
    share = joints.jaw_share(mesh, template, shapes["jawOpen"], jaw)
    weights = joints.skinning_weights(mesh, head.neck, share)
    turned = weights[:, joints.JAW]
    correctives = joints.pose_correctives(mesh, template, shapes, jaw, turned)
    shapes["mouthClose"][:] = joints.unturn(shapes["mouthClose"], turned, jaw)
    wanted = joints.joint_positions(mesh, template, head.neck_cube, jaw)
    still = np.abs(basis).max((1, 2)) < STILL
    return Geometry(
        template=template,
        identity=space.basis,
        expression=basis,
        expression_names=head.names,
        correctives=correctives,
        regressor=joints.joint_regressor(mesh, template, wanted, still),
        weights=weights,
        neck=head.neck,
    )
