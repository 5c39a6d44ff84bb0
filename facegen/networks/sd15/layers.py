"""Attention over pixels, prompts and time, under the published names of their weights.

Frames stand on the batch axis throughout: one clip window at a time, ``(F, C, h, w)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from diffusers.models.attention import FeedForward
from torch import Tensor, nn

from facegen.networks.attention import Attention as Backend
from facegen.networks.sd15.config import MotionConfig

_NORM_EPS = 1e-6
# CUDA's fused kernels launch at most 65,535 rows times heads.
_ROWS = 4096


class Memory:
    """What the reference network saw: features of every spatial transformer, in order.

    A network writes one with :meth:`keep` and another reads it, block by block, with
    :meth:`reader`.
    """

    def __init__(self, features: list[Tensor] | None = None) -> None:
        self.features: list[Tensor] = features or []

    def keep(self, feature: Tensor) -> None:
        """Append the next block's ``(1, N, C)``."""
        self.features.append(feature)

    def reader(self) -> Iterator[Tensor]:
        """The features, one a block."""
        return iter(self.features)

    def to(self, dtype: torch.dtype) -> Memory:
        """The same in another number format."""
        return Memory([feature.to(dtype) for feature in self.features])


class Attention(nn.Module):
    """Multi-head attention without biases on its inputs; weights as diffusers names them.

    Args:
        width: channels of queries and result. context: channels of what is attended.
    """

    def __init__(self, width: int, heads: int, context: int, backend: Backend) -> None:
        super().__init__()
        self.heads, self.backend = heads, backend
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """``(B, N, width)`` attends ``(B, M, context)``."""
        split = [
            layer(rows).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, rows in ((self.to_q, x), (self.to_k, context), (self.to_v, context))
        ]
        return self.to_out[0](self.backend(*split).transpose(1, 2).flatten(2))


class SpatialBlock(nn.Module):
    """Self-attention, attention to the prompt where there is one, and a gated layer."""

    def __init__(self, width: int, heads: int, tokens: int | None, backend: Backend) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, heads, width, backend)
        if tokens is not None:
            self.norm2 = nn.LayerNorm(width)
            self.attn2 = Attention(width, heads, tokens, backend)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width, activation_fn="geglu")

    def forward(
        self,
        x: Tensor,
        tokens: Tensor | None,
        write: Memory | None = None,
        read: Iterator[Tensor] | None = None,
    ) -> Tensor:
        """``(F, N, C)``; what is read stands beside the frame's own pixels as keys and values."""
        own = self.norm1(x)
        if write is not None:
            write.keep(own)
        seen = own
        if read is not None:
            seen = torch.cat([own, next(read).to(own.dtype).expand(len(own), -1, -1)], 1)
        x = x + self.attn1(own, seen)
        if tokens is not None:
            x = x + self.attn2(self.norm2(x), tokens.expand(len(x), -1, -1))
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """Attention among the pixels of each frame.

    Args:
        tokens: width of the prompt's tokens, None for no prompt.
    """

    def __init__(
        self, width: int, heads: int, groups: int, tokens: int | None, backend: Backend
    ) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=_NORM_EPS)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([SpatialBlock(width, heads, tokens, backend)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(
        self,
        x: Tensor,
        tokens: Tensor | None = None,
        write: Memory | None = None,
        read: Iterator[Tensor] | None = None,
    ) -> Tensor:
        """``(F, C, h, w)``; tokens ``(1, T, tokens)``."""
        rows = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        rows = self.transformer_blocks[0](rows, tokens, write, read)
        return x + self.proj_out(rows.transpose(1, 2).unflatten(2, x.shape[2:]))


class PositionCode(nn.Module):
    """Sinusoids by the frame's place in its window (Vaswani et al. 2017), kept in the weights."""

    pe: Tensor

    pe: Tensor

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        angles = torch.arange(frames)[:, None] * rates
        code = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        self.register_buffer("pe", code[None])

    def forward(self, x: Tensor) -> Tensor:
        """``(B, F, C)``, F at most the number of known positions."""
        return x + self.pe[:, : x.shape[1]]


class TemporalAttention(Attention):
    """Each pixel attends its own past and future in the window."""

    def __init__(self, width: int, motion: MotionConfig, backend: Backend) -> None:
        super().__init__(width, motion.heads, width, backend)
        self.pos_encoder = PositionCode(width, motion.frames)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        x = self.pos_encoder(x)
        return super().forward(x, x)


class TemporalBlock(nn.Module):
    """Attention over time, twice, and a gated layer."""

    def __init__(self, width: int, motion: MotionConfig, backend: Backend) -> None:
        super().__init__()
        count = range(motion.attentions)
        blocks = [TemporalAttention(width, motion, backend) for _ in count]
        self.attention_blocks = nn.ModuleList(blocks)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in count])
        self.ff_norm = nn.LayerNorm(width)
        self.ff = FeedForward(width, activation_fn="geglu")

    def forward(self, x: Tensor) -> Tensor:
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class _TemporalTransformer(nn.Module):
    def __init__(self, width: int, groups: int, motion: MotionConfig, backend: Backend) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=_NORM_EPS)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, motion, backend)])
        self.proj_out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        frames, width, height, across = x.shape
        rows = self.norm(x).permute(2, 3, 0, 1).reshape(height * across, frames, width)
        parts = [
            self.proj_out(self.transformer_blocks[0](self.proj_in(part)))
            for part in rows.split(_ROWS)
        ]
        change = torch.cat(parts).view(height, across, frames, width)
        return x + change.permute(2, 3, 0, 1)


class MotionModule(nn.Module):
    """AnimateDiff's module: what makes frames of a window agree."""

    def __init__(self, width: int, groups: int, motion: MotionConfig, backend: Backend) -> None:
        super().__init__()
        self.temporal_transformer = _TemporalTransformer(width, groups, motion, backend)

    def forward(self, x: Tensor) -> Tensor:
        """``(F, C, h, w)``, frames of one window in order."""
        return self.temporal_transformer(x)
