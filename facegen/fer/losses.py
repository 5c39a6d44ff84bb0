"""Losses of expression recognition; samples without a target count for nothing.

Missing targets are NaN. All losses are means over what is known, 0 where nothing is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _mean(values: Tensor, known: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of ``values (B, ...)`` where ``known``, samples weighted by ``weight (B,)``."""
    share = known.to(values.dtype)
    if weight is not None:
        share = share * weight.reshape(-1, *(1,) * (values.dim() - 1))
    return torch.where(known, values, 0).mul(share).sum() / share.sum().clamp_min(1e-6)


def soft_cross_entropy(
    logits: Tensor, target: Tensor, *, weight: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy with shares of the classes.

    Args:
        logits, target: ``(B, C)``; target rows sum to 1 or are NaN. weight: ``(B,)``.
        smoothing: share of every target spread evenly over the classes.
    """
    known = ~target.isnan().any(1)
    aim = target.nan_to_num() * (1 - smoothing) + smoothing / target.shape[1]
    return _mean(-(aim * logits.float().log_softmax(1)).sum(1), known, weight)


def ccc_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - concordance correlation (Lin 1989) over the batch, mean over the columns.

    Args:
        predicted, target: ``(B, D)``. Columns with fewer than two known values are left out.
    """
    losses = []
    for p, t in zip(predicted.float().T, target.T, strict=True):
        known = ~t.isnan()
        if int(known.sum()) < 2:
            continue
        p, t = p[known], t[known]
        spread = p.var(correction=0) + t.var(correction=0) + (p.mean() - t.mean()).square()
        losses.append(1 - 2 * ((p - p.mean()) * (t - t.mean())).mean() / spread.clamp_min(1e-6))
    return torch.stack(losses).mean() if losses else predicted.sum() * 0


def masked_au_loss(
    logits: Tensor, strength: Tensor, *, present: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Presence of action units: binary cross-entropy over the coded ones.

    Args:
        logits: ``(B, A)``. strength: ``(B, A)`` 0..5, NaN where not coded.
        present: least strength that counts as shown.
    """
    known = ~strength.isnan()
    shown = (strength.nan_to_num() >= present).to(torch.float32)
    loss = F.binary_cross_entropy_with_logits(logits.float(), shown, reduction="none")
    return _mean(loss, known, weight)


def masked_distance(predicted: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Smooth absolute difference over what is known: intensities, curves, ``(B, D)``."""
    known = ~target.isnan()
    loss = F.smooth_l1_loss(predicted.float(), target.nan_to_num(), beta=0.1, reduction="none")
    return _mean(loss, known, weight)


def attention_loss(features: Tensor, masks: Tensor) -> Tensor:
    """How little a layer looks where the face acts: 1 - cosine of mean activation and mask.

    After Belharbi et al. 2024, "Guided interpretable facial expression recognition via spatial
    action unit cues", with masks rendered from the head instead of built from a codebook.

    Args:
        features: ``(B, C, h, w)``. masks: ``(B, H, W)`` 0 or more; empty masks are left out.
    """
    seen = features.float().abs().mean(1)
    masks = F.adaptive_avg_pool2d(masks[:, None].float(), (seen.shape[1], seen.shape[2]))[:, 0]
    known = masks.flatten(1).sum(1) > 0
    return _mean(1 - F.cosine_similarity(seen.flatten(1), masks.flatten(1), eps=1e-6), known)


def partial_label_loss(logits: Tensor, candidates: Tensor, *, trust: float = 0.9) -> Tensor:
    """Cross-entropy where only a set of candidates is known, and even that may be wrong.

    The target is the network's own belief within the candidates (after Lv et al. 2020,
    "Progressive identification of true labels"); the rest, ``1 - trust``, is its belief over all
    classes, so that a truth outside the set is not shut out (the noisy case).

    Args:
        logits, candidates: ``(B, C)``; candidates 0..1, rows of zeros or NaN have no label.
        trust: share of the belief that must lie within the candidates.
    """
    candidates = candidates.nan_to_num()
    known = candidates.sum(1) > 0
    belief = logits.detach().float().softmax(1)
    within = belief * candidates
    within = within / within.sum(1, keepdim=True).clamp_min(1e-6)
    target = trust * within + (1 - trust) * belief
    return _mean(-(target * logits.float().log_softmax(1)).sum(1), known)


def identity_terms(head: nn.Linear, features: Tensor, identity: Tensor) -> dict[str, Tensor]:
    """Features that do not tell who is seen (the aim of Ning et al. 2024, FMAE-IAT).

    ``probe``: the head learns to tell people from features that it cannot change. ``identity``:
    the features learn to leave the head undecided, which it cannot change (Tzeng et al. 2015,
    "Simultaneous deep transfer across domains and tasks", equation 3). Reversed gradients instead
    reward features that mislead the head, and such features tell people to any other reader.

    Args:
        features: ``(B, F)``. identity: ``(B,)``, negative where unknown.
    """
    known = identity >= 0
    who = head(features.detach().float())
    probe = F.cross_entropy(who, identity.clamp_min(0), reduction="none")
    seen = F.linear(features.float(), head.weight.detach(), head.bias.detach())
    undecided = -seen.log_softmax(1).mean(1) - math.log(head.out_features)
    return {"probe": _mean(probe, known), "identity": _mean(undecided, known)}
