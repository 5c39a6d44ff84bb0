"""Training material in memory: crops and everything that is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facegen.fer.crops import SIDE, FaceCrops, FaceCutter, cut_faces
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


def make_source(
    dataset: FerDataset, aus: str, *, cache: Path | None = None, masks: bool = False
) -> Source:
    """Faces of a set, cut and with their labels.

    Args:
        aus: set of action units. cache: folder for crops, see :func:`cut_faces`.
        masks: also render where made faces act; sets without exact heads have none.
    """
    faces = cut_faces(dataset, cache)
    source = source_of(dataset, faces, aus)
    return with_masks(source, dataset, faces) if masks else source


def with_masks(source: Source, dataset: FerDataset, faces: FaceCrops) -> Source:
    """The source with masks of the samples whose exact head is known."""
    from facegen.assets import load_head
    from facegen.fer.masks import small_masks

    heads = [dataset.params(int(i)) for i in faces.kept]
    places = [k for k, found in enumerate(heads) if found is not None]
    if not places:
        return source
    found = [found for found in heads if found is not None]
    masks = source.masks.clone()
    masks[places] = small_masks(found, load_head(), faces.matrices[places], SIDE, _MASK)
    return replace(source, masks=masks)


def make_clips(dataset: FerDataset, aus: str, frames: int) -> Source:
    """Clips of a set, ``frames`` crops each; a frame without a face repeats its neighbour.

    Clips without any face are left out.
    """
    kept, stacks = [], []
    with FaceCutter() as cutter:
        for index in range(len(dataset)):
            found = [cutter(picture) for picture in dataset.clip(index, frames)]
            seen = [k for k, face in enumerate(found) if face is not None]
            if seen:
                nearest = [min(seen, key=lambda k: abs(k - place)) for place in range(frames)]
                faces = [found[k] for k in nearest]
                stacks.append([face[0].transpose(2, 0, 1) for face in faces if face is not None])
                kept.append(index)
    middle = FaceCrops(
        np.zeros((len(kept), 1, 1, 3), np.uint8),
        np.array(kept, np.int64),
        np.zeros((len(kept), 2, 3)),
    )
    clips = np.array(stacks, np.uint8).reshape(len(kept), frames, 3, SIDE, SIDE)
    return replace(source_of(dataset, middle, aus), crops=torch.from_numpy(clips))


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
