"""Building blocks shared by the networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv3(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """3 by 3 convolution that keeps the size (or halves it with ``stride`` 2)."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights and bias 0: what it feeds starts as if it were absent."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class PlainBlock(nn.Module):
    """Residual pair of convolutions without norms: no statistics, so tiles equal the whole."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv3(width, width)
        self.second = zeroed(conv3(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


def zigzag(side: int) -> list[tuple[int, int]]:
    """(row, column) frequencies of a ``side`` by ``side`` block, low ones first."""
    cells = [(u, v) for u in range(side) for v in range(side)]
    return sorted(cells, key=lambda uv: (uv[0] + uv[1], max(uv)))


def cosine_patches(side: int, luma: int, chroma: int) -> Tensor:
    """The lowest two-dimensional cosines of a colour patch, as in JPEG.

    Returns:
        ``(luma + 2 * chroma, 3, side, side)`` with orthonormal rows: ``luma`` cosines of
        brightness, then ``chroma`` cosines of each of two colour axes.
    """
    position = (torch.arange(side) + 0.5) * torch.pi / side
    waves = torch.stack([torch.cos(k * position) for k in range(side)])
    waves = waves / waves.norm(dim=1, keepdim=True)
    axes = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]])
    axes = axes / axes.norm(dim=1, keepdim=True)
    rows = [
        axis[:, None, None] * torch.outer(waves[u], waves[v])
        for axis, count in zip(axes, (luma, chroma, chroma), strict=True)
        for u, v in zigzag(side)[:count]
    ]
    return torch.stack(rows)
