"""Who may judge whom: a network that taught a generator must not also mark its work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Component:
    """A network or estimator with a part in a result.

    Attributes:
        name: as published. sha256: of its weights, or "" where it has none.
        trained_on: names of data sets; ``("unknown",)`` never counts as independent.
        teachers: SHA-256 of the networks whose outputs it learned from.
    """

    name: str
    sha256: str = ""
    trained_on: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()

    @property
    def hashes(self) -> set[str]:
        """Its own weights and those it learned from."""
        return {self.sha256, *self.teachers} - {""}


@dataclass(frozen=True)
class Origin:
    """What made the frames.

    Attributes:
        name: of the method.
        estimators: components that made its condition maps or motion.
        losses: components that guided or filtered its training.
        trained_on: data sets it learned from.
    """

    name: str
    estimators: tuple[Component, ...] = ()
    losses: tuple[Component, ...] = ()
    trained_on: tuple[str, ...] = ()


def conflicts(judges: Iterable[Component], origin: Origin) -> list[str]:
    """Reasons why a judge is not independent of a method; empty where all are."""
    found = []
    for judge in judges:
        for part in (*origin.losses, *origin.estimators):
            if judge.name == part.name or (judge.sha256 and judge.sha256 == part.sha256):
                found.append(f"{judge.name} also made or taught {origin.name}")
            elif judge.hashes & part.hashes:
                found.append(f"{judge.name} and {part.name} of {origin.name} share a teacher")
        if origin.name in judge.trained_on:
            found.append(f"{judge.name} learned from {origin.name} itself")
        taught = {name for part in origin.losses for name in part.trained_on}
        taught |= set(origin.trained_on)
        shared = (set(judge.trained_on) & taught) - {UNKNOWN}
        if shared:
            found.append(f"{judge.name} and {origin.name} both learned from {sorted(shared)[0]}")
        elif taught and UNKNOWN in {*judge.trained_on, *taught}:
            found.append(f"the training data of {judge.name} or {origin.name} is unknown")
    return sorted(set(found))
