"""Samples of one person: what the face shows, where the head turns, and how it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.synthesis.coverage import even_points
from facegen.synthesis.expressions import Face, identity_faces
from facegen.synthesis.identities import Identity, seed_of
from facegen.synthesis.plan import Plan

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class View:
    """How a head stands before the camera.

    Attributes:
        turn: ``(3,)`` pitch, yaw, roll, radians; added to a photo's own pose.
        gaze: ``(2,)`` down, left, radians. frame: side in inter-ocular distances.
        shift: ``(2,)`` of the face from the middle, share of the side. fov: degrees.
    """

    turn: Array
    gaze: Array
    frame: float
    shift: Array
    fov: float


@dataclass(frozen=True, eq=False)
class Sample:
    """One still to be made.

    Attributes:
        name: ``IDENTITY-NNNNN``. seed: of everything about it that chance decides.
    """

    name: str
    identity: Identity
    face: Face
    view: View
    seed: int


def identity_samples(
    plan: Plan, identity: Identity, suits: Mapping[str, float] | None = None
) -> list[Sample | None]:
    """All stills of one person: a function of the plan, the person's name and ``suits`` alone.

    Args:
        suits: how far the person's photo suits each class (see :func:`identity_faces`).
    """
    rng = np.random.default_rng(seed_of(plan.seed, "samples", identity.name))
    count = identity.group.samples
    faces = identity_faces(plan.expressions, count, rng, suits)
    views = views_of(plan, identity, count, rng)
    names = [f"{identity.name}-{i:05d}" for i in range(count)]
    return [
        Sample(name, identity, face, view, seed_of(plan.seed, "sample", name)) if face else None
        for name, face, view in zip(names, faces, views, strict=True)
    ]


def views_of(plan: Plan, identity: Identity, count: int, rng: np.random.Generator) -> list[View]:
    """Poses that fill their range evenly; normal about the front, cut off at the limit."""
    from scipy.special import ndtri

    scene = plan.scene
    points = np.clip(even_points(count, 9, rng), 1e-3, 1 - 1e-3)
    normal = ndtri(points)
    photo = identity.path is not None
    limit = min(scene.turn_limit, scene.yaw_limit) if photo else scene.yaw_limit
    spread = np.array([scene.pitch, scene.yaw, scene.roll])
    turns = np.clip(normal[:, :3] * spread, -limit, limit)
    low, high = scene.frame
    near, far = scene.fov
    return [
        View(
            turn=np.radians(turns[i]),
            gaze=np.radians(normal[i, 3:5] * scene.gaze * (0.6, 1.0)),
            frame=float(low + (high - low) * points[i, 5]),
            shift=normal[i, 6:8] * scene.shift,
            fov=float(near + (far - near) * points[i, 8]),
        )
        for i in range(count)
    ]
