"""The own small autoencoder: 8 by 8 pixels become 16 numbers, at a decoder cost CPUs can bear.

Encoder and decoder are a linear patch transform, started as JPEG's cosines, plus a convolutional
correction that starts at zero: before any training it reconstructs like a coarse JPEG, and training
only has to learn the rest. The decoder works at 1/8 and 1/4 of the size and ends in a pixel
shuffle, which halves the time of a decoder that climbs to full size (17.8 GFLOP at 512 px).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from facegen.networks.blocks import PlainBlock, conv3, cosine_patches, zeroed, zigzag

FACTOR = 8
# Colour needs fewer cosines than brightness: 10 + 3 + 3 of 16.
_CHROMA = 3
# Patch coefficients of photos in -1..1 fall off with frequency; the first is about this large.
_LARGEST = 4.0


class FaceAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures in -1..1 to latents of about unit variance and back; layout of ``AutoencoderTiny``.

    Args:
        latent_channels: numbers per 8 by 8 pixels.
        widths: channels at 1/4 and at 1/8 of the size.
        encoder_depth, decoder_depth: residual blocks at 1/4 and at 1/8.
        latents_mean, latents_std: of each channel over faces; the latents that :meth:`encode`
            gives and :meth:`decode` takes are normalised by them.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        widths: tuple[int, int] = (64, 128),
        encoder_depth: tuple[int, int] = (2, 2),
        decoder_depth: tuple[int, int] = (3, 3),
        latents_mean: list[float] | None = None,
        latents_std: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = _Encoder(latent_channels, widths, encoder_depth)
        self.decoder = _Decoder(latent_channels, widths, decoder_depth)
        self.set_statistics(
            latents_mean or [0.0] * latent_channels, latents_std or [1.0] * latent_channels
        )

    def set_statistics(self, mean: list[float], std: list[float]) -> None:
        """Fix the normalisation of the latents, which is a part of the configuration."""
        self.register_to_config(latents_mean=list(mean), latents_std=list(std))

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation ``(1, C, 1, 1)``; no buffers, which loaders leave unfilled."""
        mean, std = (
            torch.tensor(self.config[name], dtype=like.dtype, device=like.device).view(1, -1, 1, 1)
            for name in ("latents_mean", "latents_std")
        )
        return mean, std

    def encode(self, x: Tensor) -> AutoencoderTinyOutput:
        """Latents ``(B, latent_channels, ceil(H/8), ceil(W/8))`` of pictures ``(B, 3, H, W)``.

        Sides that are no multiple of 8 are continued by their last row and column.
        """
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % FACTOR, 0, -height % FACTOR), mode="replicate")
        mean, std = self._statistics(x)
        latents = (self.encoder(x) - mean) / std
        return AutoencoderTinyOutput(latents=latents)

    def decode(self, x: Tensor) -> DecoderOutput:
        """Pictures ``(B, 3, 8h, 8w)``, about -1..1, not clipped, of latents ``(B, C, h, w)``."""
        mean, std = self._statistics(x)
        return DecoderOutput(sample=self.decoder(x * std + mean))

    def decode_tiled(self, x: Tensor, tile: int = 64) -> Tensor:
        """What :meth:`decode` gives, in tiles of ``tile`` latents: bounded memory at any size.

        Tiles overlap by more than the decoder looks around, so they equal the whole.
        """
        rows = []
        for top in range(0, x.shape[-2], tile):
            row = [self._tile(x, top, left, tile) for left in range(0, x.shape[-1], tile)]
            rows.append(torch.cat(row, -1))
        return torch.cat(rows, -2)

    def _tile(self, x: Tensor, top: int, left: int, tile: int) -> Tensor:
        depth = self.config["decoder_depth"]
        # Two convolutions a block at each size, one before, two after; 2 fine pixels a latent.
        reach = 2 * depth[1] + 2 + (2 * depth[0] + 2) // 2
        y, xx = max(top - reach, 0), max(left - reach, 0)
        part = x[..., y : top + tile + reach, xx : left + tile + reach]
        whole = self.decode(part).sample
        y, xx = FACTOR * (top - y), FACTOR * (left - xx)
        return whole[..., y : y + FACTOR * tile, xx : xx + FACTOR * tile]

    def forward(self, sample: Tensor) -> DecoderOutput:
        """Encode, decode and cut to the input's size."""
        decoded = self.decode(self.encode(sample).latents).sample
        return DecoderOutput(sample=decoded[..., : sample.shape[-2], : sample.shape[-1]])


class _Encoder(nn.Module):
    def __init__(self, latents: int, widths: tuple[int, int], depth: tuple[int, int]) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, latents, FACTOR, stride=FACTOR)
        cosines = cosine_patches(FACTOR, latents - 2 * _CHROMA, _CHROMA)
        with torch.no_grad():
            self.patches.weight.copy_(cosines / _scales(latents))
            self.patches.bias.zero_()  # type: ignore[union-attr]
        fine, coarse = widths
        self.correction = nn.Sequential(
            nn.PixelUnshuffle(4),
            conv3(48, fine),
            *(PlainBlock(fine) for _ in range(depth[0])),
            conv3(fine, coarse, stride=2),
            *(PlainBlock(coarse) for _ in range(depth[1])),
            zeroed(conv3(coarse, latents)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.patches(x) + self.correction(x)


class _Decoder(nn.Module):
    def __init__(self, latents: int, widths: tuple[int, int], depth: tuple[int, int]) -> None:
        super().__init__()
        self.patches = nn.ConvTranspose2d(latents, 3, FACTOR, stride=FACTOR)
        cosines = cosine_patches(FACTOR, latents - 2 * _CHROMA, _CHROMA)
        with torch.no_grad():
            self.patches.weight.copy_(cosines * _scales(latents))
            self.patches.bias.zero_()  # type: ignore[union-attr]
        fine, coarse = widths
        self.correction = nn.Sequential(
            conv3(latents, coarse),
            *(PlainBlock(coarse) for _ in range(depth[1])),
            conv3(coarse, 4 * fine),
            nn.PixelShuffle(2),
            *(PlainBlock(fine) for _ in range(depth[0])),
            zeroed(conv3(fine, 48)),
            nn.PixelShuffle(4),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.patches(z) + self.correction(z)


def _scales(latents: int) -> Tensor:
    """Expected size of each cosine's coefficient, ``(latents, 1, 1, 1)``: about 1 / frequency."""
    counts = (latents - 2 * _CHROMA, _CHROMA, _CHROMA)
    sizes = []
    for axis, count in enumerate(counts):
        for u, v in zigzag(FACTOR)[:count]:
            size = _LARGEST / (1 + 3 * (u * u + v * v)) ** 0.75
            sizes.append(size if axis == 0 else size / 4)
    return torch.tensor(sizes).view(-1, 1, 1, 1)
