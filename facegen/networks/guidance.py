"""Guidance encoders: what the geometry says about a window, at the size of the latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facegen.networks.blocks import conv3

# Channels of each map group of facegen.data's windows; labels are embedded first.
_LABEL_WIDTH = 4
CHANNELS = {"depth": 1, "normal": 3, "render": 3, "region": _LABEL_WIDTH, "warp": 5}
# Maps of the driven head. Without them the network is told only where the warp put the photo.
MOTION_GROUPS = ("depth", "normal", "render", "region")


class GuidanceEncoder(nn.Module):
    """One group of maps ``(B, C, H, W)`` to features ``(B, width, H/factor, W/factor)``.

    A pixel-unshuffle keeps every pixel and costs nothing at full size.
    """

    def __init__(self, channels: int, width: int, factor: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(factor),
            nn.Conv2d(channels * factor * factor, width, 1),
            nn.SiLU(),
            conv3(width, width),
            nn.SiLU(),
            conv3(width, width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps)


class Guidance(nn.Module):
    """Sum of one encoder per map group; the motion groups can be switched off per sample.

    Args:
        groups: names of ``CHANNELS``; leaving one out is an ablation.
        width: channels of the result. factor: pixels per latent. labels: number of region labels.
    """

    def __init__(self, groups: tuple[str, ...], width: int, factor: int, labels: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {name: GuidanceEncoder(CHANNELS[name], width, factor) for name in groups}
        )
        self.labels = nn.Embedding(labels, _LABEL_WIDTH)

    def forward(self, maps: dict[str, Tensor], motion: Tensor | None = None) -> Tensor:
        """Features of a window.

        Args:
            maps: ``warped (B, 3, S, S)`` -1..1, ``visibility, moved, depth (B, 1, S, S)`` 0..1,
                ``normal (B, 3, S, S)`` -1..1, ``render (B, 3, S, S)`` 0..1, ``region (B, S, S)``.
            motion: ``(B,)`` 1 where the maps of the driven head are shown, 0 where hidden.
        """
        total: Tensor | None = None
        for name, encoder in self.encoders.items():
            features = encoder(self._group(name, maps))
            if motion is not None and name in MOTION_GROUPS:
                features = features * motion.to(features.dtype).view(-1, 1, 1, 1)
            total = features if total is None else total + features
        assert total is not None
        return total

    def _group(self, name: str, maps: dict[str, Tensor]) -> Tensor:
        dtype = self.labels.weight.dtype
        if name == "region":
            return self.labels(maps["region"].long()).permute(0, 3, 1, 2)
        if name == "warp":
            parts = [maps["warped"], 2 * maps["visibility"] - 1, 2 * maps["moved"] - 1]
            return torch.cat(parts, 1).to(dtype)
        return maps[name].to(dtype)
