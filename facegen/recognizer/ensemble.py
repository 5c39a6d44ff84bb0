"""Several recognizers as one: their mean, their votes, and how far they disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from facegen.errors import UsageError
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.labels import CANONICAL
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.sights import Picture, SeenFace
from facegen.recognizer.spec import RecognizerSpec, Role

# Every member crops anew from this one: as wide as any of them needs.
CROP = CropSpec(224, "upright", 1.4)


class Ensemble(FaceRecognizer):
    """Weighted mean of probabilities in canonical order, of members that tell categories.

    A class that a member cannot tell (``fer`` knows no contempt) is averaged over those that can.
    Each member's own crop is used in :meth:`observe`, hence in ``predict``; :meth:`forward` takes
    one wide crop for all, and cuts each member's margin out of it.

    Args:
        members: recognizers with label spaces. weights: one per member, equal by default.

    Raises:
        UsageError: no members, one without categories, or another number of weights.
    """

    def __init__(
        self, members: Sequence[FaceRecognizer], weights: Sequence[float] | None = None
    ) -> None:
        if not members or any(member.spec.labels is None for member in members):
            raise UsageError("an ensemble needs members that tell categories of emotion")
        given = [1.0] * len(members) if weights is None else list(weights)
        if len(given) != len(members) or min(given) < 0 or sum(given) <= 0:
            raise UsageError(f"{len(given)} weights for {len(members)} members; none below 0")
        super().__init__(joint_spec(members))
        self.members = torch.nn.ModuleList(members)
        self._weights = given

    def observe(self, picture: Picture, face: SeenFace) -> Tensor:
        """The members' own crops, flat and one after the other."""
        return torch.cat([m.observe(picture, face).flatten() for m in self._members()])

    def tell(self, observed: Tensor) -> RecognizerOutput:
        sizes = [m.spec.crop.shape for m in self._members()]
        parts = observed.split([int(torch.tensor(s).prod()) for s in sizes], dim=1)
        members = zip(self._members(), parts, sizes, strict=True)
        return self._joined([m.tell(p.reshape(-1, *s)) for m, p, s in members])

    def forward(self, x: Tensor) -> RecognizerOutput:
        outputs = []
        for member in self._members():
            crop = member.spec.crop
            share = crop.margin / CROP.margin if crop.rule != "whole" else 1.0
            inner = CropSpec(
                crop.size, "whole", min(share, 1.0), crop.channels, crop.mean, crop.std
            )
            matrix = torch.as_tensor(inner.matrix(None, CROP.size, CROP.size), dtype=x.dtype)
            outputs.append(member(inner.apply(x, matrix.expand(len(x), 2, 3))))
        return self._joined(outputs)

    def _members(self) -> list[FaceRecognizer]:
        return [m for m in self.members if isinstance(m, FaceRecognizer)]

    def _joined(self, outputs: list[RecognizerOutput]) -> RecognizerOutput:
        each = torch.stack(
            [canonical(m, output) for m, output in zip(self._members(), outputs, strict=True)]
        )
        mean = weighted_mean(each, self._weights)
        return RecognizerOutput(probs=mean, unknown=disagreement(each), features={"members": each})


def canonical(member: FaceRecognizer, output: RecognizerOutput) -> Tensor:
    """Probabilities ``(B, 8)`` in canonical order, NaN where the member cannot tell; gradients
    flow."""
    space = member.spec.label_space
    assert space is not None
    assert output.probs is not None
    matrix = torch.as_tensor(space.matrix_to(CANONICAL), dtype=output.probs.dtype)
    matrix = matrix.to(output.probs.device)
    kept = output.probs @ matrix
    kept = kept / kept.sum(-1, keepdim=True).clamp(min=1e-12)
    return kept.masked_fill(~matrix.any(0), torch.nan)


def weighted_mean(each: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Mean ``(B, C)`` of members' probabilities ``(M, B, C)``, rows of sum 1.

    A NaN column is left out of the mean of its class.
    """
    share = each.new_tensor([1.0] * len(each) if weights is None else list(weights))[:, None, None]
    share = share * ~each.isnan()
    mean = (each.nan_to_num() * share).sum(0) / share.sum(0).clamp(min=1e-12)
    return mean / mean.sum(-1, keepdim=True).clamp(min=1e-12)


def votes(each: Tensor) -> Tensor:
    """How many of the members ``(M, B, C)`` put each class first: ``(B, C)``."""
    best = each.nan_to_num(-1.0).argmax(-1)
    return torch.nn.functional.one_hot(best, each.shape[-1]).sum(0)


def disagreement(each: Tensor) -> Tensor:
    """Jensen-Shannon divergence of members ``(M, B, C)`` over its bound: ``(B,)`` 0..1.

    0 where all say the same, 1 where each is sure of another class.
    """
    if len(each) == 1:
        return each.new_zeros(each.shape[1])
    p = each.nan_to_num()

    def entropy(q: Tensor) -> Tensor:
        return -(q * q.clamp(min=1e-12).log()).sum(-1)

    bound = torch.tensor(float(min(len(each), each.shape[-1]))).log()
    return ((entropy(p.mean(0)) - entropy(p).mean(0)) / bound).clamp(0, 1)


def partial_labels(each: Tensor, target: Tensor | None = None, k: int = 1) -> Tensor:
    """Candidate sets ``(B, C)`` of bool: the first ``k`` classes of every member, and the target.

    Args:
        each: ``(M, B, C)``. target: ``(B,)`` class numbers, negative for none.
    """
    top = each.nan_to_num(-1.0).topk(k, dim=-1).indices
    out = torch.zeros(each.shape[1:], dtype=torch.bool, device=each.device)
    for member in top:
        out.scatter_(1, member, True)
    if target is not None:
        rows = (target >= 0).nonzero()[:, 0]
        out[rows, target[rows]] = True
    return out


def joint_spec(members: Sequence[FaceRecognizer]) -> RecognizerSpec:
    """The card of several: all their training data, the strictest licence named, a joint hash."""
    specs = [member.spec for member in members]
    digest = hashlib.sha256("".join(s.weights_sha256 for s in specs).encode()).hexdigest()
    return RecognizerSpec(
        name="+".join(s.name for s in specs),
        crop=CROP,
        weights_sha256=digest,
        weights_licence=" and ".join(sorted({s.weights_licence for s in specs})),
        trained_on=tuple(sorted({name for s in specs for name in s.trained_on})),
        teachers=tuple(s.weights_sha256 for s in specs),
        labels=CANONICAL.name,
        differentiable=all(s.differentiable for s in specs),
        roles=frozenset(set(Role).intersection(*(s.roles for s in specs))),
    )
