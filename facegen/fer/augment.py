"""Augmentation of face crops in batches, the same for all sources, and the network's own crop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facegen.fer.crops import MARGIN
from facegen.recognizer.crop import GREY, CropSpec


@dataclass(frozen=True)
class Augmentation:
    """How much crops are varied; standard deviations unless said otherwise.

    Attributes:
        zoom: of the logarithm of the size. turn: radians. shift: of the crop's half side.
        flip, tight, blur, erase, grey: chances. ``tight`` repeats the last row that a tightly
            cropped picture would have; ``erase`` covers a square.
        gamma, contrast, tilt: of light; ``tilt`` is a slope of light over the face.
        noise: largest standard deviation of pixel noise, in 0..1.
    """

    zoom: float = 0.07
    turn: float = 0.1
    shift: float = 0.04
    flip: float = 0.5
    tight: float = 0.4
    blur: float = 0.3
    erase: float = 0.25
    grey: float = 0.3
    gamma: float = 0.25
    contrast: float = 0.15
    tilt: float = 0.15
    noise: float = 0.03


def network_input(crops: Tensor, spec: CropSpec) -> Tensor:
    """Crops ``(B, 3, S, S)`` uint8 as the network sees them without augmentation."""
    share = torch.full((len(crops),), spec.margin / MARGIN)
    return _late(_sampled(_early(crops, spec), _place(share), spec.size), spec)


def augmented(
    crops: Tensor, spec: CropSpec, how: Augmentation, generator: torch.Generator
) -> Tensor:
    """Crops ``(B, 3, S, S)`` uint8, varied, as the network sees them.

    Everything is drawn from ``generator``: the same state gives the same batch.
    """
    count = len(crops)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator)

    def chance(share: float) -> Tensor:
        return torch.rand(count, generator=generator) < share

    x = _early(crops, spec)
    _tighten(x, chance(how.tight), generator)
    sides = torch.where(chance(how.flip), -1.0, 1.0)
    size = spec.margin / MARGIN * torch.exp(how.zoom * normal())
    place = _place(size, how.turn * normal(), how.shift * normal(2), sides)
    x = _sampled(x, place, spec.size)
    _blur(x, chance(how.blur), generator)
    pale = chance(how.grey)
    if x.shape[1] == 3:
        x[pale] = x[pale].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    x = x.clamp(1e-3, 1) ** torch.exp(how.gamma * normal(1, 1, 1))
    line = torch.linspace(-1, 1, spec.size)
    slope = how.tilt * normal(2, 1, 1)
    x = x * (1 + slope[:, :1] * line + slope[:, 1:] * line[:, None])
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * torch.exp(how.contrast * normal(1, 1, 1))
    rough = how.noise * torch.rand(count, 1, 1, 1, generator=generator)
    x = x + rough * torch.randn(x.shape, generator=generator)
    _erase(x, chance(how.erase), generator)
    return _late(x.clamp(0, 1), spec)


def _early(crops: Tensor, spec: CropSpec) -> Tensor:
    """Pictures in 0..1; of a grey network's three equal channels one is enough to work on."""
    x = crops.float() / 255
    if spec.channels != "grey":
        return x
    return (x * x.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)


def _late(x: Tensor, spec: CropSpec) -> Tensor:
    return spec.normalise(x.expand(-1, 3, -1, -1))


def _place(
    size: Tensor,
    turn: Tensor | None = None,
    shift: Tensor | None = None,
    side: Tensor | None = None,
) -> Tensor:
    """Affine maps ``(B, 2, 3)`` for ``grid_sample``."""
    zero = torch.zeros_like(size)
    turn = zero if turn is None else turn
    shift = torch.zeros(len(size), 2) if shift is None else shift
    side = torch.ones_like(size) if side is None else side
    cos, sin = size * torch.cos(turn), size * torch.sin(turn)
    rows = [side * cos, -sin, shift[:, 0], side * sin, cos, shift[:, 1]]
    return torch.stack(rows, 1).view(-1, 2, 3)


def _sampled(x: Tensor, place: Tensor, side: int) -> Tensor:
    grid = F.affine_grid(place, [len(x), 1, side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _tighten(x: Tensor, chosen: Tensor, generator: torch.Generator) -> None:
    """As if the picture ended above the chin and its last row went on."""
    side = x.shape[2]
    for index in chosen.nonzero()[:, 0].tolist():
        row = int(side * (0.8 + 0.2 * float(torch.rand(1, generator=generator))))
        x[index, :, row:] = x[index, :, row - 1 : row]


def _blur(x: Tensor, chosen: Tensor, generator: torch.Generator) -> None:
    """Fewer pixels and back; one size for the batch."""
    share = 0.4 + 0.4 * float(torch.rand(1, generator=generator))
    if chosen.any():
        small = F.interpolate(x[chosen], scale_factor=share, mode="bilinear", antialias=True)
        x[chosen] = F.interpolate(small, size=x.shape[2:], mode="bilinear")


def _erase(x: Tensor, chosen: Tensor, generator: torch.Generator) -> None:
    side = x.shape[2]
    for index in chosen.nonzero()[:, 0].tolist():
        top, left, size, level = torch.rand(4, generator=generator).tolist()
        edge = int(side * (0.15 + 0.25 * size))
        y, z = int(top * side), int(left * side)
        x[index, :, y : y + edge, z : z + edge] = level
