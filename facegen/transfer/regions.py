"""Which part of the face each expression coefficient moves."""

from __future__ import annotations

import numpy as np

from facegen.errors import UsageError
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.landmark_sets import BROWS, EYES, LIPS
from facegen.flame.model import HeadModel

REGIONS = ("lips", "jaw", "eyes", "gaze", "brows", "head")

# Longest prefixes first; a name that matches none belongs to the lips, whose motion it follows.
_PREFIXES = (
    ("eyeLook", "gaze"),
    ("eye", "eyes"),
    ("cheekSquint", "eyes"),
    ("mh:eyebrows", "brows"),
    ("mh:eye", "eyes"),
    ("brow", "brows"),
    ("jaw", "jaw"),
)


def expression_regions(head: HeadModel) -> tuple[str, ...]:
    """Region of each expression: by its ARKit name, else by the landmarks that it moves most."""
    if "jawOpen" in head.expression_names:
        return tuple(
            next((region for start, region in _PREFIXES if name.startswith(start)), "lips")
            for name in head.expression_names
        )
    regions = ["lips"] * head.n_expression
    model = LandmarkModel.from_head(head, n_shape=1)
    energy = (model.expression_basis**2).sum(1)
    groups = {"lips": LIPS, "eyes": EYES, "brows": BROWS}
    mean = np.stack([energy[list(rows)].mean(0) for rows in groups.values()])
    for column, best in zip(model.free, mean.argmax(0), strict=True):
        regions[column] = tuple(groups)[best]
    return tuple(regions)


def selected_regions(only: tuple[str, ...] | None, *, keep_head: bool = False) -> frozenset[str]:
    """Regions that move.

    Raises:
        UsageError: not a region.
    """
    unknown = [name for name in only or () if name not in REGIONS]
    if unknown:
        raise UsageError(f"{', '.join(unknown)} is no region: choose from {', '.join(REGIONS)}")
    return frozenset(only or REGIONS) - ({"head"} if keep_head else set())
