"""Adapters that let one trunk read pictures and clips (the idea of Chen et al., S4D, small)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

TASKS = ("image", "clip")


class AdapterExperts(nn.Module):
    """Bottlenecks beside the features, mixed for each task by its own learned shares.

    What pictures and clips need alike, both use; what only one needs does not disturb the other.

    Args:
        size: of the features. hidden: of each bottleneck. experts: number of bottlenecks.
    """

    def __init__(self, size: int, hidden: int = 16, experts: int = 4) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(experts, size, hidden) * size**-0.5)
        # Begins as the identity: the trunk's features pass as they are.
        self.up = nn.Parameter(torch.zeros(experts, hidden, size))
        self.gate = nn.Parameter(torch.randn(len(TASKS), experts) * 0.1)

    def forward(self, x: Tensor, task: str) -> Tensor:
        """Features ``(..., F)`` for one of ``TASKS``."""
        share = self.gate[TASKS.index(task)].softmax(0)
        told = torch.einsum("...f,efh->...eh", x, self.down).relu()
        return x + torch.einsum("...eh,ehf,e->...f", told, self.up, share)


class TimePool(nn.Module):
    """A clip's features from its frames': weighted by what is telling, and how they change."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.attend = nn.Linear(size, 1)
        self.change = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, F)`` of frames ``(B, T, F)``."""
        pooled = (self.attend(x).softmax(1) * x).sum(1)
        if x.shape[1] > 1:
            pooled = pooled + self.change(x.diff(dim=1).abs().mean(1))
        return pooled
