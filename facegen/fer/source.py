"""Training material in memory: crops and everything that is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facegen.fer.crops import FaceCrops, cut_faces
from facegen.fer.dataset import FerDataset
from facegen.recognizer.au_sets import au_set

NO_IDENTITY = -1


@dataclass(frozen=True, eq=False)
class Source:
    """N samples of one source; unknown values are NaN (identity: -1).

    Attributes:
        name: of the source. subjects: N names.
        crops: ``(N, 3, S, S)`` uint8, or ``(N, T, 3, S, S)`` of clips.
        labels: ``(N, 8)`` shares of the canonical classes.
        candidates: ``(N, 8)`` 0 or 1: classes that a sample may have, where only that is known.
        affect: ``(N, 2)``. aus: ``(N, A)`` 0..5. curves: ``(N, 52)``.
        identity: ``(N,)``. weight: ``(N,)`` of the category loss.
        masks: ``(N, h, w)`` 0..1, where the face acts; zeros where unknown.
    """

    name: str
    subjects: tuple[str, ...]
    crops: Tensor
    labels: Tensor
    candidates: Tensor
    affect: Tensor
    aus: Tensor
    curves: Tensor
    identity: Tensor
    weight: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def targets(self) -> Tensor:
        """``(N,)`` likeliest class, -1 without a label."""
        known = ~self.labels.isnan().any(1)
        return torch.where(known, self.labels.nan_to_num().argmax(1), -1)

    def take(self, indices: Sequence[int] | np.ndarray) -> Source:
        """Some samples, in that order."""
        chosen = torch.as_tensor(np.asarray(indices), dtype=torch.long)
        kept = {name: getattr(self, name)[chosen] for name in TENSORS}
        names = tuple(self.subjects[int(i)] for i in chosen)
        return replace(self, subjects=names, **kept)

    def shuffled(self, seed: int) -> Source:
        """Labels dealt to other samples: what remains to be learned is nothing."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        names = ("labels", "candidates", "affect", "aus", "curves")
        return replace(self, **{name: getattr(self, name)[order] for name in names})


TENSORS = tuple(f.name for f in fields(Source) if f.name not in ("name", "subjects"))
_MASK = 6


def make_source(dataset: FerDataset, aus: str, *, cache: Path | None = None) -> Source:
    """Faces of a set, cut and with their labels.

    Args:
        aus: set of action units. cache: folder for crops, see :func:`cut_faces`.
    """
    return source_of(dataset, cut_faces(dataset, cache), aus)


def source_of(dataset: FerDataset, faces: FaceCrops, aus: str) -> Source:
    """Crops and labels of the samples in which a face was found."""
    kept = dataset.take(faces.kept)
    numbers = [int(name.lstrip("AU")) for name in au_set(aus)]

    def tensor(values: np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.float32))

    return Source(
        name=dataset.name,
        subjects=tuple(map(str, kept.subjects)),
        crops=torch.from_numpy(np.ascontiguousarray(faces.images.transpose(0, 3, 1, 2))),
        labels=tensor(kept.labels),
        candidates=torch.full((len(kept), kept.labels.shape[1]), torch.nan),
        affect=tensor(kept.affect),
        aus=tensor(kept.action_units(numbers)),
        curves=tensor(kept.blendshapes),
        identity=_identities(kept),
        weight=torch.ones(len(kept)),
        masks=torch.zeros(len(kept), _MASK, _MASK),
    )


def _identities(dataset: FerDataset) -> Tensor:
    """Numbers of the people that a set names; two samples at least are needed to tell one."""
    names = [s.subject for s in dataset.samples]
    known = sorted({name for name in names if name})
    return torch.tensor([known.index(n) if n else NO_IDENTITY for n in names], dtype=torch.long)
