"""People of a plan: who they are, in which split, and whether they were asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegen.errors import UsageError
from facegen.synthesis.plan import SPLITS, People, Plan, Portraits


@dataclass(frozen=True)
class Identity:
    """One person.

    Attributes:
        name: unique in the set, safe in file names. split: ``train``, ``val`` or ``test``.
        group: the plan's entry. path: the photo, None for made people.
    """

    name: str
    split: str
    group: Portraits | People
    path: Path | None = None

    @property
    def licence(self) -> str:
        return self.group.licence if isinstance(self.group, Portraits) else "CC0-1.0"

    @property
    def consent(self) -> str:
        return self.group.consent if isinstance(self.group, Portraits) else "synthetic"

    @property
    def generator(self) -> str:
        return self.group.generator if isinstance(self.group, Portraits) else "render"


def seed_of(*parts: object) -> int:
    """A seed that depends on names alone: no order, machine or rank changes it."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def identities(plan: Plan, data: Path) -> list[Identity]:
    """Everybody in the plan, portraits and made people by turns.

    Args:
        data: folder that the plan's files are below.

    Raises:
        UsageError: a pattern matches no file, or people were not asked and the plan does not say
            that they may be used.
    """
    lists: list[list[Identity]] = []
    taken: set[str] = set()
    for group in plan.identities.portraits:
        lists.append(_portraits(plan, group, data, taken))
    for made in plan.identities.people:
        names = [f"{made.prefix}{i:04d}" for i in range(made.count)]
        lists.append([_identity(plan, name, made, None, taken) for name in names])
    places = [((i + 0.5) / len(part), one) for part in lists for i, one in enumerate(part)]
    return [one for _, one in sorted(places, key=lambda place: place[0])]


def _portraits(plan: Plan, group: Portraits, data: Path, taken: set[str]) -> list[Identity]:
    paths = sorted(p for p in data.glob(group.files) if p.stem not in group.skip and p.is_file())
    if not paths:
        raise UsageError(
            f"plan: identities.portraits: no file matches {data / group.files}; name the folder "
            "with --data"
        )
    if group.consent == "unknown" and not plan.allow_unknown_consent:
        raise UsageError(
            f"plan: identities.portraits: consent for {group.files} is unknown, and a training set "
            "must not be made of people who were not asked; set consent to own, licensed or "
            "public-domain if that is true, or allow_unknown_consent: true for an experiment"
        )
    return [_identity(plan, p.stem, group, p, taken) for p in paths]


def _identity(
    plan: Plan, stem: str, group: Portraits | People, path: Path | None, taken: set[str]
) -> Identity:
    name = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-") or "face"
    if name in taken:
        raise UsageError(f"plan: identities: two people are called {name}; rename a file or prefix")
    taken.add(name)
    draw = np.random.default_rng(seed_of(plan.seed, "split", name)).random()
    return Identity(name, _split(plan.split, draw), group, path)


def _split(shares: dict[str, float], draw: float) -> str:
    edge = 0.0
    named: Sequence[str] = [name for name in SPLITS if shares.get(name)]
    for name in named:
        edge += shares[name]
        if draw < edge:
            return name
    return named[-1]
