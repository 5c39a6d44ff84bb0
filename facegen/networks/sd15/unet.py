"""The UNet of Stable Diffusion 1.5 (Rombach et al. 2022), for single pictures and for windows.

One class serves as the reference network, which only remembers, and as the denoising network,
which reads the memory and has motion modules. Its weights carry the published names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from facegen.networks.attention import Attention as Backend
from facegen.networks.sd15.config import MotionConfig, UNetConfig
from facegen.networks.sd15.layers import Memory, MotionModule, SpatialTransformer

_Skips = list[Tensor]


class _Parts:
    """Makes the parts that all stages are built of."""

    def __init__(self, config: UNetConfig, motion: MotionConfig | None, backend: Backend) -> None:
        self.config, self._motion, self._backend = config, motion, backend
        self.time_width = 4 * config.widths[0]

    def resnet(self, inputs: int, outputs: int) -> nn.Module:
        config = self.config
        return ResnetBlock2D(
            in_channels=inputs,
            out_channels=outputs,
            temb_channels=self.time_width,
            groups=config.groups,
            eps=config.eps,
        )

    def attentions(self, width: int, count: int) -> nn.ModuleList:
        c = self.config
        made = (
            SpatialTransformer(width, c.heads, c.groups, c.tokens, self._backend)
            for _ in range(count)
        )
        return nn.ModuleList(made)

    def motions(self, width: int, count: int) -> nn.ModuleList:
        if self._motion is None:
            return nn.ModuleList()
        groups, motion = self.config.groups, self._motion
        made = (MotionModule(width, groups, motion, self._backend) for _ in range(count))
        return nn.ModuleList(made)


class _Stage(nn.Module):
    """One resolution: residual blocks, each followed by attention and motion where it has them."""

    def __init__(self, parts: _Parts, inputs: list[int], width: int, attends: bool) -> None:
        super().__init__()
        count = len(inputs)
        self.resnets = nn.ModuleList([parts.resnet(i, width) for i in inputs])
        self.attentions = parts.attentions(width, count if attends else 0)
        self.motion_modules = parts.motions(width, count)
        self.downsamplers, self.upsamplers = nn.ModuleList(), nn.ModuleList()

    def layer(self, index: int, x: Tensor, signals: _Signals) -> Tensor:
        x = self.resnets[index](x, signals.time)
        return self.attend(index, x, signals)

    def attend(self, index: int, x: Tensor, signals: _Signals) -> Tensor:
        if len(self.attentions):
            x = self.attentions[index](x, signals.tokens, signals.write, signals.read)
        return self.motion_modules[index](x) if len(self.motion_modules) else x

    def down(self, x: Tensor, skips: _Skips, signals: _Signals) -> Tensor:
        for index in range(len(self.resnets)):
            x = self.layer(index, x, signals)
            skips.append(x)
        for layer in self.downsamplers:
            x = layer(x)
            skips.append(x)
        return x

    def up(self, x: Tensor, skips: _Skips, signals: _Signals) -> Tensor:
        for index in range(len(self.resnets)):
            x = self.layer(index, torch.cat([x, skips.pop()], 1), signals)
        for layer in self.upsamplers:
            x = layer(x)
        return x

    def middle(self, x: Tensor, signals: _Signals) -> Tensor:
        """The second residual block stands behind the attention."""
        x = self.attend(0, self.resnets[0](x, signals.time), signals)
        return self.resnets[1](x, signals.time)


class _Signals:
    """What every block is told besides its input."""

    def __init__(
        self, time: Tensor, tokens: Tensor, write: Memory | None, read: Memory | None
    ) -> None:
        self.time, self.tokens, self.write = time, tokens, write
        self.read: Iterator[Tensor] | None = None if read is None else read.reader()


class UNet(nn.Module):
    """Denoises windows of latents, or remembers a picture.

    Args:
        config: sizes. motion: of the temporal modules, None for a network of single pictures.
        output: whether it has the last layers; the reference network has none.
        backend: how attention is computed.
    """

    def __init__(
        self,
        config: UNetConfig,
        motion: MotionConfig | None = None,
        *,
        output: bool = True,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.config, self.motion = config, motion
        widths, layers = config.widths, config.layers
        parts = _Parts(config, motion, backend or Backend())
        self.conv_in = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.time_proj = Timesteps(widths[0], True, 0)
        self.time_embedding = TimestepEmbedding(widths[0], parts.time_width)
        self.down_blocks = nn.ModuleList()
        skips, last = [widths[0]], len(widths) - 1
        for level, width in enumerate(widths):
            stage = _Stage(parts, [skips[-1]] + [width] * (layers - 1), width, level < last)
            skips += [width] * layers
            if level < last:
                stage.downsamplers.append(Downsample2D(width, use_conv=True, name="op"))
                skips.append(width)
            self.down_blocks.append(stage)
        self.mid_block = self._middle(parts, widths[-1])
        self.up_blocks = nn.ModuleList()
        below = widths[-1]
        for level, width in reversed(list(enumerate(widths))):
            inputs = [i + skips.pop() for i in [below] + [width] * layers]
            stage = _Stage(parts, inputs, width, level < last)
            if level > 0:
                stage.upsamplers.append(Upsample2D(width, use_conv=True))
            self.up_blocks.append(stage)
            below = width
        if output:
            self.conv_norm_out = nn.GroupNorm(config.groups, widths[0], eps=config.eps)
            self.conv_out = nn.Conv2d(widths[0], config.channels, 3, padding=1)
        self.output = output

    @staticmethod
    def _middle(parts: _Parts, width: int) -> _Stage:
        stage = _Stage(parts, [width, width], width, False)
        stage.attentions, stage.motion_modules = parts.attentions(width, 1), parts.motions(width, 1)
        return stage

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self.conv_in.weight.dtype

    def remember(self, latent: Tensor, tokens: Tensor) -> Memory:
        """What a picture looks like to every block, at time 0.

        Args:
            latent: ``(1, channels, h, w)``. tokens: ``(1, T, tokens)``.
        """
        memory = Memory()
        self._run(latent, torch.zeros((), device=latent.device), tokens, write=memory)
        return memory

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        tokens: Tensor,
        *,
        guidance: Tensor | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """What is predicted of a window's frames.

        Args:
            x: ``(F, channels, h, w)``, sides divisible by 8. time: of the schedule, ``()``.
            tokens: ``(1, T, tokens)``, the prompt.
            guidance: ``(F, widths[0], h, w)``, added behind the first layer.
            memory: of the reference network with the same configuration.

        Returns:
            ``(F, channels, h, w)``.
        """
        x = self._run(x, time, tokens, guidance=guidance, read=memory)
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    def _run(
        self,
        x: Tensor,
        time: Tensor,
        tokens: Tensor,
        *,
        guidance: Tensor | None = None,
        read: Memory | None = None,
        write: Memory | None = None,
    ) -> Tensor:
        code = self.time_proj(time[None]).to(self.dtype)
        signals = _Signals(self.time_embedding(code), tokens, write, read)
        x = self.conv_in(x)
        if guidance is not None:
            x = x + guidance
        skips = [x]
        for stage in self.down_blocks:
            x = cast(_Stage, stage).down(x, skips, signals)
        x = self.mid_block.middle(x, signals)
        for stage in self.up_blocks:
            x = cast(_Stage, stage).up(x, skips, signals)
        return x
