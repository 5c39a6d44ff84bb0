"""Heads on a trunk's features ``(B, F)``: what each tells, and how it is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from facegen.arkit import ARKIT
from facegen.errors import UsageError
from facegen.recognizer.au_sets import INTENSITY_MAX


class CategoricalHead(nn.Module):
    """Logits ``(B, C)`` of categories."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)


class VAHead(nn.Module):
    """Valence and arousal ``(B, 2)`` in -1..1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features).tanh()


class AUHead(nn.Module):
    """Action units: logits of presence, or intensities 0..5.

    Args:
        intensity: of 0..5 rather than presence.
    """

    def __init__(self, width: int, units: int, *, intensity: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(width, units)
        self.intensity = intensity

    def forward(self, features: Tensor) -> Tensor:
        raw = self.linear(features)
        return INTENSITY_MAX * raw.sigmoid() if self.intensity else raw

    def loss(self, told: Tensor, target: Tensor) -> Tensor:
        """Mean over what is labelled: NaN is "not labelled" and has no gradient.

        Args:
            told: what the head gave, ``(B, A)``. target: ``(B, A)``: presence 0..1 or intensity
                0..5, NaN where not labelled.
        """
        known = ~target.isnan()
        filled = torch.where(known, target, torch.zeros_like(target))
        if self.intensity:
            each = nnf.mse_loss(told, filled, reduction="none")
        else:
            each = nnf.binary_cross_entropy_with_logits(told, filled, reduction="none")
        return (each * known).sum() / known.sum().clamp(min=1)


class BlendshapeHead(nn.Module):
    """ARKit's curves ``(B, 52)`` 0..1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(ARKIT))

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features).sigmoid()


class _Reversed(torch.autograd.Function):
    """The identity, whose gradient is turned round (Ganin and Lempitsky 2015)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grads[0], None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """``x``; its gradient comes back times ``-strength``."""
    reversed_x: Tensor = _Reversed.apply(x, strength)
    return reversed_x


class IdentityAdversarialHead(nn.Module):
    """Logits ``(B, people)``; what it learns the trunk unlearns (FMAE-IAT, Ning et al. 2024).

    Args:
        strength: of the reversed gradient; may be raised while training.
    """

    def __init__(self, width: int, people: int, strength: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(width, people)
        self.strength = strength

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(reverse_gradient(features, self.strength))


class OpenSetHead(nn.Module):
    """How little a face is like those learned, ``(B,)`` 0..1: distance to the class means.

    Squared Mahalanobis distance to the nearest mean with one covariance for all classes (Lee et
    al. 2018), as the share of the learned faces that were nearer.
    """

    means: Tensor
    whitening: Tensor
    ranks: Tensor

    def __init__(self, width: int, classes: int, *, ranks: int = 101) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(classes, width))
        self.register_buffer("whitening", torch.eye(width))
        self.register_buffer("ranks", torch.zeros(ranks))

    @torch.no_grad()
    def learn(self, features: Tensor, labels: Tensor, *, shrink: float = 0.1) -> None:
        """Measure means and covariance.

        Args:
            features: ``(N, F)``. labels: ``(N,)`` class numbers.
            shrink: share of the diagonal in the covariance, 0..1.

        Raises:
            UsageError: a class without a face.
        """
        groups = [features[labels == c] for c in range(len(self.means))]
        if min(map(len, groups)) == 0:
            raise UsageError("an open-set head needs faces of every class to learn from")
        self.means.copy_(torch.stack([group.mean(0) for group in groups]))
        apart = torch.cat([group - group.mean(0) for group in groups])
        spread = apart.T @ apart / len(apart)
        level = spread.diagonal().mean().clamp(min=1e-12)
        eye = torch.eye(len(spread), dtype=spread.dtype, device=spread.device)
        spread = (1 - shrink) * spread + shrink * level * eye
        self.whitening.copy_(torch.linalg.inv(torch.linalg.cholesky(spread)).T)
        steps = torch.linspace(0, 1, len(self.ranks), device=features.device)
        self.ranks.copy_(self.distance(features).quantile(steps))

    def distance(self, features: Tensor) -> Tensor:
        """Squared Mahalanobis distance to the nearest mean, ``(B,)``."""
        apart = (features[:, None] - self.means) @ self.whitening
        return apart.square().sum(-1).min(1).values

    def forward(self, features: Tensor) -> Tensor:
        distance = self.distance(features)
        upper = torch.searchsorted(self.ranks, distance.contiguous()).clamp(1, len(self.ranks) - 1)
        low, high = self.ranks[upper - 1], self.ranks[upper]
        part = ((distance - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        return (upper - 1 + part) / (len(self.ranks) - 1)


class PrototypeHead(nn.Module):
    """Logits ``(B, C)``: cosine to one learned direction per class over a temperature.

    Args:
        prototypes: ``(C, F)`` fixed directions, or None to learn them.
        temperature: of the softmax.
    """

    prototypes: Tensor

    def __init__(
        self, width: int, classes: int, *, prototypes: Tensor | None = None,
        temperature: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.temperature = temperature
        if prototypes is None:
            self.prototypes = nn.Parameter(torch.randn(classes, width))
        elif prototypes.shape != (classes, width):
            raise UsageError(f"prototypes must be {(classes, width)}, not {prototypes.shape}")
        else:
            self.register_buffer("prototypes", prototypes.clone())

    def forward(self, features: Tensor) -> Tensor:
        unit = nnf.normalize(features, dim=-1) @ nnf.normalize(self.prototypes, dim=-1).T
        return unit / self.temperature
