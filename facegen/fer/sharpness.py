"""Sharpness-aware minimisation (Foret et al. 2021) as a loss, for any optimiser and loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

Losses = dict[str, Tensor]


class _Call(nn.Module):
    """A loss of a model as a module, so that its weights can be exchanged for one call."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module], Losses]) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self) -> Losses:
        return self._loss(self.model)


def sharp_loss(
    model: nn.Module, loss: Callable[[nn.Module], Losses], radius: float = 0.05
) -> Losses:
    """The losses at the worst nearby weights; their gradient is SAM's.

    The step to the worst weights (``radius`` along the gradient, equation 2 of the paper) carries
    no gradient. Costs two passes forwards and backwards; running statistics see the second only.

    Args:
        loss: gives ``loss`` and others of a model; the same noise twice.
        radius: rho of the paper.
    """
    call = _Call(model, loss)
    named = {name: p for name, p in call.named_parameters() if p.requires_grad}
    spare = {name: b.detach().clone() for name, b in call.named_buffers()}
    here = functional_call(call, {**dict(call.named_parameters()), **spare}, ())["loss"]
    slopes = torch.autograd.grad(here, list(named.values()), allow_unused=True)
    known = [s for s in slopes if s is not None]
    size = torch.stack([s.norm() for s in known]).norm().clamp_min(1e-12)
    moved = {
        name: p if s is None else p + (radius / size * s).detach()
        for (name, p), s in zip(named.items(), slopes, strict=True)
    }
    return functional_call(call, moved, ())
