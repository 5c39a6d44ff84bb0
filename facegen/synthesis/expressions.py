"""Faces to be shown: feelings, how people show them, and what the mouth says meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, INDEX, columns
from facegen.emotion.affect import affect_of
from facegen.emotion.labels import EMOTIONS
from facegen.emotion.prototypes import action_strengths, action_table
from facegen.emotion.styling import ARTICULATORS
from facegen.errors import UsageError
from facegen.synthesis.coverage import even_points, farthest_points
from facegen.synthesis.labels import CLASSES, class_index, levels_of, soft_label
from facegen.synthesis.plan import Expressions

Array = NDArray[np.float64]

# What stays of a feeling's own mouth while it speaks, and of its corners.
_MOUTH_KEPT, _CORNERS_KEPT = 0.35, 0.8
_CORNERS = columns("mouthSmile", "mouthFrown", "mouthStretch", "mouthDimple")
_LIDS = columns("eyeBlink")
# Mouth shapes of speech; each is drawn at a random strength.
_SHAPES: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.45, "mouthLowerDown": 0.3},
    {"jawOpen": 0.25, "mouthStretch": 0.4, "mouthLowerDown": 0.3},
    {"jawOpen": 0.2, "mouthFunnel": 0.7, "mouthPucker": 0.3},
    {"mouthPucker": 0.8, "jawOpen": 0.06},
    {"mouthRollLower": 0.6, "mouthUpperUp": 0.25, "jawOpen": 0.05},
    {"mouthClose": 0.05, "mouthPress": 0.4, "mouthRollUpper": 0.2, "mouthRollLower": 0.2},
    {"jawOpen": 0.12, "mouthLowerDown": 0.5, "mouthUpperUp": 0.2},
)
_MINOR = 0.75  # of the strongest unit
# No part in speech or feeling; strays keep off them too.
_NO_STRAY = ("eyeLook", "eyeBlink", "jawOpen", "tongueOut", "mouthClose")


@dataclass(frozen=True, eq=False)
class Face:
    """What one face shows.

    Attributes:
        curves: ``(52,)`` ARKit 0..1. levels: ``(8,)`` felt, columns ``EMOTIONS``.
        soft: ``(8,)`` target label over ``CLASSES``. affect: ``(2,)`` valence, arousal.
        source: what the label follows from: ``emotion``, ``actions`` or ``space``.
    """

    curves: Array
    levels: Array
    soft: Array
    affect: Array
    source: str = "emotion"

    @property
    def label(self) -> str:
        """Class with the largest share."""
        return CLASSES[int(self.soft.argmax())]


def identity_faces(
    plan: Expressions,
    count: int,
    rng: np.random.Generator,
    suits: Mapping[str, float] | None = None,
) -> list[Face | None]:
    """``count`` faces of one person in random order, classes by their shares.

    Of each class more are drawn than needed and those kept that lie farthest apart in the space of
    the 52 actions, so that rare corners are seen as well as the crowded middle. What has no part in
    the feeling (speech, blinks, strays) comes afterwards: it would be all that is chosen.

    Args:
        suits: 0..1 by class, how far the person suits it (1 where not given); what does not suit
            is None.
    """
    order = _classes(plan, count, rng)
    faces: list[Face | None] = [None] * count
    for kind in sorted(set(order)):
        places = [i for i, name in enumerate(order) if name == kind]
        places = places[: round(len(places) * (suits or {}).get(_class_of(plan, kind), 1.0))]
        if not places:
            continue
        pool = _pool(plan, kind, len(places) * plan.coverage, rng)
        picked = farthest_points(np.stack([face.curves for face in pool]), len(places))
        for place, index in zip(places, rng.permutation(picked), strict=True):
            faces[place] = _finished(plan, pool[int(index)], rng)
    return faces


def _class_of(plan: Expressions, kind: str) -> str:
    if kind.startswith("#"):
        return "" if kind == "#free" else plan.actions[int(kind[1:])].label
    return kind


def _classes(plan: Expressions, count: int, rng: np.random.Generator) -> list[str]:
    """A kind for every face: class names, ``#free``, or ``#N`` for the N-th entry of actions."""
    shares = {CLASSES[class_index(n)]: s for n, s in plan.classes.items() if s > 0}
    total = sum(shares.values())
    kinds = {name: share / total for name, share in shares.items()}
    if plan.free:
        kinds["#free"] = plan.free
    kinds |= {f"#{i}": entry.share for i, entry in enumerate(plan.actions)}
    names = list(kinds)
    weights = np.array(list(kinds.values()))
    # Every person shows every kind as often as its share says, to within one.
    bounds = np.cumsum(weights / weights.sum())
    points = (np.arange(count) + rng.random()) / max(count, 1)
    picked = np.minimum(np.searchsorted(bounds, points), len(names) - 1)
    return [names[i] for i in rng.permutation(picked)]


def _pool(plan: Expressions, kind: str, count: int, rng: np.random.Generator) -> list[Face]:
    if kind == "#free":
        return [_free_face(rng) for _ in range(count)]
    strengths = even_points(count, 2, rng)
    if kind.startswith("#"):
        entry = plan.actions[int(kind[1:])]
        return [_asked(plan, entry.units, entry.label, rng) for _ in range(count)]
    return [_felt(plan, kind, point, rng) for point in strengths]


def _felt(plan: Expressions, kind: str, point: Array, rng: np.random.Generator) -> Face:
    low, high = plan.intensity
    level = low + (high - low) * float(point[0])
    shares = {kind: level}
    if kind == "neutral":
        # A calm face is never a mask: some other feeling may shine through, too weak to be named.
        other = CLASSES[int(rng.integers(1, len(CLASSES)))]
        shares = {other: float(rng.uniform(0, 0.12)) if rng.random() < 0.5 else 0.0}
    elif rng.random() < plan.blend:
        others = [name for name in CLASSES[1:] if name != kind]
        shares[others[int(rng.integers(len(others)))]] = level * float(rng.uniform(0.2, 0.6))
    levels = levels_of(shares)
    return _bare(_shown(plan, levels, rng) @ action_table().curves, levels)


def _bare(curves: Array, levels: Array, source: str = "emotion") -> Face:
    curves = np.clip(curves, 0, 1)
    return Face(curves, levels, soft_label(levels), affect_of(levels[None])[0], source)


def _shown(plan: Expressions, levels: Array, rng: np.random.Generator) -> Array:
    """Strength of every unit ``(A,)``: one way of showing it, at this person's strengths."""
    units = action_strengths(levels[None])[0]
    main = int(levels.argmax())
    ways = _variants().get(EMOTIONS[main], ())
    if ways and rng.random() < plan.variants:
        rest = levels * (np.arange(len(levels)) != main)
        shares = np.array([share for share, _ in ways])
        way = ways[int(rng.choice(len(ways), p=shares / shares.sum()))][1]
        strength = levels[main] if levels[main] > 0 else 1.0
        units = np.maximum(strength * way, action_strengths(rest[None])[0])
    units = units * np.exp(rng.normal(0, plan.spread, len(units)))
    # What makes the feeling is never the unit that is left out.
    minor = units < _MINOR * units.max()
    return np.where(minor & (rng.random(len(units)) < plan.missing), 0, units)


def _finished(plan: Expressions, face: Face, rng: np.random.Generator) -> Face:
    """Sides that differ, a mouth that may speak, strays and blinks."""
    curves = _uneven(face.curves, plan.asymmetry, rng)
    if rng.random() < 0.5:
        curves = mirrored(curves)
    if face.source == "emotion":
        # A calm face that speaks is what an open mouth is mistaken for.
        often = 1.5 if face.label == "neutral" else 1.0
        if rng.random() < often * plan.speech:
            curves = speaking(curves, rng)
        if rng.random() < plan.stray:
            free = [i for i, name in enumerate(ARKIT) if not name.startswith(_NO_STRAY)]
            for index in rng.choice(free, int(rng.integers(1, 4)), replace=False):
                curves[index] += rng.uniform(0.03, 0.18)
        if rng.random() < plan.blink:
            curves[_LIDS] = np.maximum(curves[_LIDS], rng.uniform(0.4, 1))
    return replace(face, curves=np.clip(curves, 0, 1))


def _uneven(curves: Array, spread: float, rng: np.random.Generator) -> Array:
    """One side stronger than the other, upper and lower face each on their own."""
    out = curves.copy()
    for prefix in ("brow", "eye", "cheek", "nose", "mouth"):
        tilt = float(np.clip(rng.normal(0, spread), -0.6, 0.6))
        for name, column in INDEX.items():
            if name.startswith(prefix) and name.endswith(("Left", "Right")):
                out[column] *= 1 + (tilt if name.endswith("Left") else -tilt)
    return out


def mirrored(curves: Array) -> Array:
    """The same face in a mirror."""
    swap = {"Left": "Right", "Right": "Left"}
    out = curves.copy()
    for name, column in INDEX.items():
        for side, other in swap.items():
            if name.endswith(side):
                out[column] = curves[INDEX[name.removesuffix(side) + other]]
    return out


def yielded(curves: Array) -> Array:
    """Curves ``(..., 52)`` with what a feeling leaves of the mouth to speech."""
    out = curves.copy()
    out[..., ARTICULATORS] *= _MOUTH_KEPT
    out[..., _CORNERS] *= _CORNERS_KEPT
    return out


def speaking(curves: Array, rng: np.random.Generator) -> Array:
    """The same feeling while the mouth forms a sound."""
    out = yielded(curves)
    strength = rng.uniform(0.4, 1.2)
    for name, value in _SHAPES[int(rng.integers(len(_SHAPES)))].items():
        out[columns(name)] += strength * value
    return np.clip(out, 0, 1)


def _asked(
    plan: Expressions, units: dict[str, float], label: str, rng: np.random.Generator
) -> Face:
    table = action_table()
    strengths = np.zeros(len(table.names))
    for name, value in units.items():
        if name not in table.names:
            raise UsageError(
                f"plan: expressions.actions: no unit {name!r}; there are {', '.join(table.names)}"
            )
        strengths[table.names.index(name)] = value
    levels = levels_of({label: 1.0 if label != "neutral" else 0.0})
    strengths *= np.exp(rng.normal(0, plan.spread, len(strengths)))
    return _bare(strengths @ table.curves, levels, "actions")


def _free_face(rng: np.random.Generator) -> Face:
    """A few actions at once; the label is what the nearest feelings would be."""
    curves = np.zeros(len(ARKIT))
    names = [n for n in ARKIT if not n.startswith(("eyeLook", "tongueOut"))]
    for name in rng.choice(names, int(rng.integers(2, 8)), replace=False):
        value = rng.beta(1.3, 1.6)
        curves[INDEX[name]] = value
        stem = name.removesuffix("Left").removesuffix("Right")
        if rng.random() < 0.85:
            curves[columns(stem)] = value
    curves[_LIDS] *= rng.random() < 0.3
    basis = np.stack([action_strengths(row[None])[0] for row in np.eye(len(EMOTIONS))[1:]])
    basis = basis @ action_table().curves
    from scipy.optimize import nnls

    levels = np.concatenate([[0.0], np.clip(nnls(basis.T, curves)[0], 0, 1)])
    return _bare(curves, levels, "space")


@lru_cache(maxsize=1)
def _variants() -> dict[str, tuple[tuple[float, Array], ...]]:
    """``variants.yaml`` by the names of ``EMOTIONS``: share and units ``(A,)``."""
    import yaml

    text = (resources.files(__package__) / "variants.yaml").read_text(encoding="utf-8")
    given: dict[str, list[dict[str, Any]]] = yaml.safe_load(text)
    names = action_table().names
    out = {}
    for name, ways in given.items():
        rows = []
        for way in ways:
            units = np.zeros(len(names))
            for unit, strength in way["units"].items():
                units[names.index(unit)] = strength
            rows.append((float(way["share"]), units))
        felt = int(levels_of({name: 1.0}).argmax())
        out[EMOTIONS[felt]] = tuple(rows)
    return out
