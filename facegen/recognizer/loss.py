"""A frozen recognizer as a loss: what a face should show, told by features, affect and units.

The idea is EMOTE's (Danecek et al. 2023) for clips and EMOCA's (2022) for frames: distance of the
features of a network that reads emotion, plus its valence and arousal, categories and units. The
recognizer's weights get no gradient and its batch normalisation stands still; gradients go through
the crop to the pixels and, where the crop follows projected landmarks, to them.

The recognizer becomes a GUIDE of whatever is trained: record :attr:`EmotionLoss.use`, and judge
with another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from facegen.errors import UsageError
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.clip import pooled
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.registry import Use
from facegen.recognizer.spec import Role

TERMS = ("features", "va", "categorical", "au")


class EmotionLoss(nn.Module):
    """Distance of what faces show from what they should.

    The target is either pictures of the same faces (their features, affect and units are aimed at)
    or values: ``probs (B, C)`` in the recognizer's label space, ``valence_arousal (B, 2)``,
    ``au (B, A)`` presence 0..1 with NaN for "any".

    Args:
        recognizer: differentiable.
        weights: of the terms ``features, va, categorical, au``; those left out are not computed.
        level: ``frame``; or ``clip``, where inputs are ``(B, T, ...)``: the recognizer's clip
            feature is compared, or mean and deviation over time of its frame feature, and affect
            and categories are averaged over time first, so that a clip must feel right as a whole.
        distance: of features: ``cosine``, ``l1`` or ``l2``.

    Raises:
        UsageError: the recognizer has no gradients or may not guide, or a term is unknown.
    """

    def __init__(
        self,
        recognizer: FaceRecognizer,
        weights: Mapping[str, float] | None = None,
        *,
        level: Literal["frame", "clip"] = "frame",
        distance: Literal["cosine", "l1", "l2"] = "cosine",
    ) -> None:
        super().__init__()
        spec = recognizer.spec
        if not spec.differentiable:
            raise UsageError(f"{spec.name} has no gradients; choose fer, faceapi or open")
        self.weights = dict({"features": 1.0} if weights is None else weights)
        unknown = set(self.weights) - set(TERMS)
        if unknown or not self.weights:
            raise UsageError(f"emotion loss: terms are {', '.join(TERMS)}, not {sorted(unknown)}")
        if level not in ("frame", "clip") or distance not in ("cosine", "l1", "l2"):
            raise UsageError(f"emotion loss: no level {level!r} or distance {distance!r}")
        self.use = Use.of(spec, Role.GUIDE)
        self.level, self.distance = level, distance
        self.recognizer = recognizer.train(False).requires_grad_(False)

    def train(self, mode: bool = True) -> EmotionLoss:
        """As for any module, but the recognizer never leaves evaluation mode."""
        super().train(mode)
        self.recognizer.train(False)
        return self

    def forward(
        self,
        images: Tensor,
        matrices: Tensor,
        target: RecognizerOutput | Mapping[str, Tensor],
        *,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """``loss``, the weighted sum, and each term, scalars.

        Args:
            images: ``(B, 3, H, W)`` RGB 0..1; ``(B, T, 3, H, W)`` where the level is ``clip``.
            matrices: ``(B, 2, 3)`` or ``(B, T, 2, 3)`` of the recognizer's ``spec.crop.matrix``.
            target: of :meth:`aim`, or values by name.
            mask: ``(B,)`` weight of each sample.

        Raises:
            UsageError: the recognizer or the target does not tell what a term needs.
        """
        told = self.told(images, matrices)
        wanted = target if isinstance(target, RecognizerOutput) else _values(target)
        weight = images.new_ones(len(images)) if mask is None else mask.to(images)
        terms: dict[str, Tensor] = {}
        for name in self.weights:
            each = self._term(name, told, wanted)
            terms[name] = (each * weight).sum() / weight.sum().clamp(min=1e-12)
        total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        return {"loss": total, **terms}

    def aim(self, images: Tensor, matrices: Tensor) -> RecognizerOutput:
        """What other pictures of the faces show, as a target; no gradients."""
        with torch.no_grad():
            return self.told(images, matrices)

    def told(self, images: Tensor, matrices: Tensor) -> RecognizerOutput:
        """What the recognizer tells at this level, one row per sample."""
        if self.level == "frame":
            return self.recognizer.read(images, matrices)
        batch, time = images.shape[:2]
        crops = self.recognizer.spec.crop.apply(images.flatten(0, 1), matrices.flatten(0, 1))
        if self.recognizer.spec.clip_len:
            return self.recognizer(crops.unflatten(0, (batch, time)))
        return _over_time(self.recognizer(crops), batch, time)

    def _term(self, name: str, told: RecognizerOutput, wanted: RecognizerOutput) -> Tensor:
        """One term, ``(B,)``."""
        if name == "features":
            level = "clip" if self.level == "clip" else "frame"
            a, b = told.features.get(level), wanted.features.get(level)
            return self._apart(*self._both(name, a, b))
        if name == "va":
            a, b = self._both(name, told.valence_arousal, wanted.valence_arousal)
            return (a - b).square().mean(-1)
        if name == "categorical":
            a, b = self._both(name, told.probs, wanted.probs)
            return -(b * a.clamp(min=1e-8).log()).sum(-1)
        a, b = self._both(name, told.au_probs, wanted.au_probs)
        known = ~b.isnan()
        each = nnf.binary_cross_entropy(a, b.nan_to_num(), reduction="none") * known
        return each.sum(-1) / known.sum(-1).clamp(min=1)

    def _both(self, name: str, a: Tensor | None, b: Tensor | None) -> tuple[Tensor, Tensor]:
        if a is None:
            raise UsageError(f"emotion loss: {self.recognizer.spec.name} does not tell {name}")
        if b is None:
            raise UsageError(f"emotion loss: the target says nothing about {name}")
        return a, b.detach().to(a)

    def _apart(self, a: Tensor, b: Tensor) -> Tensor:
        if self.distance == "cosine":
            return 1 - nnf.cosine_similarity(a, b, dim=-1)
        difference = a - b
        return (difference.abs() if self.distance == "l1" else difference.square()).mean(-1)


def _values(target: Mapping[str, Tensor]) -> RecognizerOutput:
    """Target values by name: ``probs, valence_arousal, au, features``."""
    unknown = set(target) - {"probs", "valence_arousal", "au", "features"}
    if unknown:
        raise UsageError(f"emotion loss: no target {sorted(unknown)[0]!r}")
    au = target.get("au")
    features = target.get("features")
    return RecognizerOutput(
        probs=target.get("probs"),
        valence_arousal=target.get("valence_arousal"),
        au_logits=None if au is None else torch.special.logit(au, eps=1e-6),
        features={} if features is None else {"frame": features, "clip": features},
    )


def _over_time(told: RecognizerOutput, batch: int, time: int) -> RecognizerOutput:
    """Frames' outputs ``(B T, ...)`` as one of each clip."""

    def mean(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.unflatten(0, (batch, time)).mean(1)

    frames = told.features.get("frame")
    clip = {} if frames is None else {"clip": pooled(frames.unflatten(0, (batch, time)))}
    return RecognizerOutput(
        probs=mean(told.probs),
        valence_arousal=mean(told.valence_arousal),
        au_logits=mean(told.au_logits),
        features=clip,
    )


def open_emotion_loss(
    name: str,
    weights: Mapping[str, float] | None = None,
    *,
    level: Literal["frame", "clip"] = "frame",
    distance: Literal["cosine", "l1", "l2"] = "cosine",
) -> EmotionLoss:
    """The loss of a recognizer by name or folder, as a trainer's configuration gives it.

    Raises:
        UsageError, ModelFileError, MissingExtraError: as :func:`open_recognizer` and
            :class:`EmotionLoss`.
    """
    from facegen.recognizer.opening import open_recognizer

    return EmotionLoss(open_recognizer(name), weights, level=level, distance=distance)
