"""Guidance encoders of the family: a map of the driven head, at the size of the latents."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from facegen.networks.attention import Attention as Backend
from facegen.networks.blocks import conv3
from facegen.networks.sd15.layers import SpatialTransformer

WIDTHS = (16, 32, 96, 256)
_HEADS = 8


class GuidanceEncoder(nn.Module):
    """Convolutions that halve three times, one self-attention, and a layer to the UNet's width.

    Args:
        outputs: the UNet's first width. widths: channels at each size.
        groups: of the attention's norm.

    Attributes:
        widths: as given.
    """

    def __init__(
        self,
        outputs: int = 320,
        widths: tuple[int, ...] = WIDTHS,
        *,
        groups: int = 32,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.widths = widths
        self.conv_in = conv3(3, widths[0])
        self.blocks = nn.ModuleList()
        for inner, outer in pairwise(widths):
            self.blocks += [conv3(inner, inner), conv3(inner, outer, stride=2)]
        # The published files number this one behind others that no result depends on.
        last = str(len(self.blocks) - 1)
        attention = SpatialTransformer(widths[-1], _HEADS, groups, None, backend or Backend())
        self.attentions = nn.ModuleDict({last: attention})
        self.conv_out = conv3(widths[-1], outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """``(F, 3, S, S)`` in 0..1 to ``(F, outputs, S/8, S/8)``."""
        x = F.silu(self.conv_in(maps))
        for block in self.blocks:
            x = F.silu(block(x))
        for attention in self.attentions.values():
            x = attention(x)
        return self.conv_out(x)
