"""From speech features to mouth curves: a causal gated convolution network that sees 100 ms ahead.

The gated dilated blocks are those of WaveNet (van den Oord et al. 2016); every layer looks back
only, so sound may come in pieces of any size and the result is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class LipNetConfig:
    """What a ``LipNet`` reads and says.

    Attributes:
        encoder: name of the audio encoder whose features it reads.
        features: their number F per frame.
        curves: K names of mouth curves, one for both sides where ARKit has two.
        geometry: G names of measured distances.
        phones: names of phone classes.
        channels, kernel, dilations: of the blocks.
        look_ahead: frames of 20 ms that the output waits for.
        dropout: while training.
    """

    encoder: str
    features: int
    curves: tuple[str, ...]
    geometry: tuple[str, ...]
    phones: tuple[str, ...]
    channels: int = 128
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    look_ahead: int = 5
    dropout: float = 0.1


class LipOutput(NamedTuple):
    """Per frame: ``curves (B, T, K)`` in 0..1, ``geometry (B, T, G)`` in outer eye distances,
    ``phones (B, T, P)`` logits."""

    curves: Tensor
    geometry: Tensor
    phones: Tensor


class CausalConv(nn.Conv1d):
    """A convolution that looks back only. ``past`` is the input that came before, or None."""

    @property
    def reach(self) -> int:
        """Earlier frames that the output depends on."""
        return (self.kernel_size[0] - 1) * self.dilation[0]

    def after(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Output for ``x (B, C, T)`` and the past of the next piece."""
        if past is None:
            past = x.new_zeros(x.shape[0], x.shape[1], self.reach)
        whole = torch.cat([past, x], 2)
        return self(whole), whole[:, :, whole.shape[2] - self.reach :]


class FrameNorm(nn.Module):
    """Root-mean-square normalisation over the channels of each frame (Zhang & Sennrich 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6) * self.scale


class GatedBlock(nn.Module):
    """Normalise, convolve, gate, add."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = FrameNorm(channels)
        self.conv = CausalConv(channels, 2 * channels, kernel, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        self.drop = nn.Dropout(dropout)

    def after(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        mixed, past = self.conv.after(self.norm(x), past)
        signal, gate = mixed.chunk(2, 1)
        return x + self.drop(self.out(torch.tanh(signal) * torch.sigmoid(gate))), past


class LipNet(nn.Module):
    """Causal TCN with three heads; see ``LipNetConfig``."""

    geometry_mean: Tensor
    geometry_scale: Tensor

    def __init__(self, config: LipNetConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        self.inlet = CausalConv(config.features, c, 3)
        self.blocks = nn.ModuleList(
            GatedBlock(c, config.kernel, dilation, config.dropout) for dilation in config.dilations
        )
        self.norm = FrameNorm(c)
        self.curves = _head(c, len(config.curves))
        self.geometry = _head(c, len(config.geometry))
        self.phones = nn.Conv1d(c, len(config.phones), 1)
        # Mean and spread of each distance in the training data: the head itself stays near 1.
        self.register_buffer("geometry_mean", torch.zeros(len(config.geometry)))
        self.register_buffer("geometry_scale", torch.ones(len(config.geometry)))

    def forward(self, features: Tensor) -> LipOutput:
        """A whole sound at once: ``(B, T, F)`` features at 50 Hz to T frames of output."""
        stream = LipStream(self)
        pieces = [stream.push(features), stream.flush()]
        return _joined(pieces)

    def _run(self, features: Tensor, past: list[Tensor] | None) -> tuple[LipOutput, list[Tensor]]:
        """T frames in, T frames out; output t belongs to input t - look_ahead."""
        before: list[Tensor | None] = list(past) if past else [None] * (len(self.blocks) + 1)
        x, first = self.inlet.after(features.transpose(1, 2), before[0])
        after = [first]
        for block, state in zip(self.blocks, before[1:], strict=True):
            assert isinstance(block, GatedBlock)
            x, state = block.after(x, state)
            after.append(state)
        x = self.norm(x)
        curves, geometry, phones = (
            head(x).transpose(1, 2) for head in (self.curves, self.geometry, self.phones)
        )
        geometry = geometry * self.geometry_scale + self.geometry_mean
        return LipOutput(torch.sigmoid(curves), geometry, phones), after


class LipStream:
    """One sound in pieces: ``push`` features as they come, ``flush`` at the end.

    All outputs together are those of the whole sound. Memory does not grow.
    """

    def __init__(self, net: LipNet) -> None:
        self._net = net
        self._past: list[Tensor] | None = None
        self._waiting = net.config.look_ahead
        self._empty: Tensor | None = None

    def push(self, features: Tensor) -> LipOutput:
        """Outputs that the next ``(B, T, F)`` features complete: 100 ms fewer at the start."""
        if not features.shape[1]:
            return _nothing(self._net.config, features)
        output, self._past = self._net._run(features, self._past)
        self._empty = torch.zeros_like(features[:, :1])
        skip = min(self._waiting, features.shape[1])
        self._waiting -= skip
        return LipOutput(*(part[:, skip:] for part in output))

    def flush(self) -> LipOutput:
        """The last outputs: what follows the end is taken as featureless."""
        if self._empty is None:
            return _nothing(self._net.config, torch.zeros(1, 0, self._net.config.features))
        return self.push(self._empty.expand(-1, self._net.config.look_ahead, -1))


def _head(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(channels, channels, 1), nn.GELU(), nn.Conv1d(channels, count, 1))


def _nothing(config: LipNetConfig, like: Tensor) -> LipOutput:
    widths = (len(config.curves), len(config.geometry), len(config.phones))
    return LipOutput(*(like.new_zeros(like.shape[0], 0, width) for width in widths))


def _joined(pieces: list[LipOutput]) -> LipOutput:
    return LipOutput(*(torch.cat(parts, 1) for parts in zip(*pieces, strict=True)))
