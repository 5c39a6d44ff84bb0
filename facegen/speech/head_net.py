"""A flow-matching network that draws head and face motion to a voice and a feeling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facegen.emotion.labels import EMOTIONS

# Valence and arousal of each emotion (Russell 1980, "A circumplex model of affect"), in order.
_AFFECT = {
    "neutral": (0.0, 0.0), "happy": (0.8, 0.5), "sad": (-0.7, -0.4), "angry": (-0.6, 0.8),
    "fearful": (-0.6, 0.7), "disgusted": (-0.7, 0.3), "surprised": (0.2, 0.8),
    "contempt": (-0.5, 0.1),
}  # fmt: skip
FEELING = len(EMOTIONS) + 2


@dataclass(frozen=True)
class HeadNetConfig:
    """Shape of a :class:`HeadMotionNet`.

    Attributes:
        channels: names of what moves. features: width of the 50 Hz audio features.
        width: of the network. dilations: of its blocks. kernel: of their convolutions.
        window, context: frames drawn at once, and how many of them are known from before.
    """

    channels: tuple[str, ...]
    features: int = 320
    width: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4)
    kernel: int = 5
    window: int = 125
    context: int = 25


class HeadMotionNet(nn.Module):
    """Velocity of the flow from noise to motion (Lipman et al. 2023, "Flow matching").

    Dilated gated convolutions over a window, modulated by flow time. The first frames may be
    given: previous motion goes in next to the noise, so windows continue each other.
    ``scale`` ``(C,)`` holds the spread of each channel in its own unit.
    """

    scale: Tensor

    def __init__(self, config: HeadNetConfig) -> None:
        super().__init__()
        self.config = config
        count, width = len(config.channels), config.width
        self.register_buffer("scale", torch.ones(count))
        # Two audio frames make one of motion; each sees its neighbours.
        self.audio = nn.Conv1d(config.features, width, 4, stride=2, padding=1)
        self.enter = nn.Conv1d(2 * count + 1 + FEELING, width, 1)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(
            _Block(width, config.kernel, dilation) for dilation in config.dilations
        )
        self.leave = nn.Conv1d(width, count, 1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(
        self, noisy: Tensor, time: Tensor, audio: Tensor, feeling: Tensor, known: Tensor,
        given: Tensor,
    ) -> Tensor:  # fmt: skip
        """Velocity ``(B, T, C)``.

        Args:
            noisy: ``(B, T, C)`` between noise (time 0) and motion (time 1), in units of ``scale``.
            time: ``(B,)`` 0..1. audio: ``(B, 2 T, F)``. feeling: ``(B, T, 10)``, see ``feelings``.
            known: ``(B, T, C)`` motion so far, zeros where ``given`` ``(B, T, 1)`` is 0.
        """
        joined = torch.cat([noisy, known * given, given, feeling], 2).transpose(1, 2)
        h = self.enter(joined) + self.audio(audio.transpose(1, 2))
        moment = self.time(_waves(time))
        for block in self.blocks:
            h = block(h, moment)
        return self.leave(F.silu(h)).transpose(1, 2)


class _Block(nn.Module):
    """Gated dilated convolution with a residual, scaled and shifted by the flow time."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width, affine=False)
        self.moment = nn.Linear(width, 2 * width)
        pad = (kernel - 1) // 2 * dilation
        self.gated = nn.Conv1d(width, 2 * width, kernel, dilation=dilation, padding=pad)
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor, moment: Tensor) -> Tensor:
        scale, shift = self.moment(F.silu(moment))[:, :, None].chunk(2, 1)
        value, gate = self.gated(self.norm(x) * (1 + scale) + shift).chunk(2, 1)
        return x + self.out(torch.tanh(value) * torch.sigmoid(gate))


def feelings(emotion: Tensor) -> Tensor:
    """Emotion intensities ``(..., 8)`` with the valence and arousal they have: ``(..., 10)``."""
    affect = torch.tensor([_AFFECT[name] for name in EMOTIONS], device=emotion.device)
    return torch.cat([emotion, emotion @ affect.to(emotion.dtype)], -1)


def _waves(time: Tensor) -> Tensor:
    """Sinusoids of the flow time: ``(B, 64)``."""
    rates = torch.exp(torch.linspace(0, math.log(1000), 32, device=time.device))
    angles = time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
