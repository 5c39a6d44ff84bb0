"""Emotions as facial actions: the tables of ``actions.yaml`` and ``prototypes.yaml`` as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from facegen.arkit import ARKIT, columns
from facegen.emotion.labels import EMOTIONS

Array = NDArray[np.float64]

FACTORS = ("articulation", "blink", "head")


@dataclass(frozen=True, eq=False)
class ActionTable:
    """Action units as curves: ``names`` of A units, ``curves (A, 52)`` at strength 1."""

    names: tuple[str, ...]
    curves: Array


@dataclass(frozen=True, eq=False)
class PrototypeTable:
    """What each emotion does, by the order of ``EMOTIONS``.

    Attributes:
        actions: ``(8, A)`` strength of each unit at intensity 1.
        onset: ``(8, A)`` intensity at which a unit begins.
        factors: ``(8, 3)`` at intensity 1, columns ``FACTORS``.
    """

    actions: Array
    onset: Array
    factors: Array


def read_table(name: str) -> dict[str, Any]:
    """A YAML file of this package."""
    return yaml.safe_load((resources.files(__package__) / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def action_table() -> ActionTable:
    """``actions.yaml``."""
    given = read_table("actions.yaml")["actions"]
    curves = np.zeros((len(given), len(ARKIT)))
    for row, shares in enumerate(given.values()):
        for name, share in shares.items():
            curves[row, columns(name)] = share
    return ActionTable(tuple(given), curves)


@lru_cache(maxsize=1)
def prototype_table() -> PrototypeTable:
    """``prototypes.yaml``."""
    names = action_table().names
    given = read_table("prototypes.yaml")["emotions"]
    actions, onset = np.zeros((2, len(EMOTIONS), len(names)))
    factors = np.ones((len(EMOTIONS), len(FACTORS)))
    for row, emotion in enumerate(EMOTIONS):
        entry = given[emotion]
        for unit, strength in entry["actions"].items():
            actions[row, names.index(unit)] = strength
        for unit, begin in entry.get("onset", {}).items():
            onset[row, names.index(unit)] = begin
        factors[row] = [entry.get(factor, 1.0) for factor in FACTORS]
    return PrototypeTable(actions, onset, factors)


def action_strengths(emotion: NDArray[np.floating]) -> Array:
    """Strength of every action unit, ``(T, A)``, for intensities ``(T, 8)``.

    A unit grows linearly from its onset to its full strength at intensity 1. In a blend the
    strongest emotion decides each unit and others add a part: two smiles are not one twice as
    wide.
    """
    table = prototype_table()
    level = np.clip(np.asarray(emotion, np.float64), 0, 1)[:, :, None]
    grown = np.clip((level - table.onset) / (1 - table.onset), 0, 1) * table.actions
    strongest = grown.max(1)
    return strongest + 0.3 * (grown.sum(1) - strongest)


def expression_of(emotion: NDArray[np.floating]) -> Array:
    """ARKit curves ``(T, 52)``, 0..1, of a silent face that feels ``emotion (T, 8)``."""
    return np.clip(action_strengths(emotion) @ action_table().curves, 0, 1)


def factor(name: str, emotion: NDArray[np.floating]) -> Array:
    """Factor ``(T,)`` on articulation, blink rate or head motion (one of ``FACTORS``)."""
    change = prototype_table().factors[:, FACTORS.index(name)] - 1
    return np.asarray(1 + np.asarray(emotion, np.float64) @ change)
