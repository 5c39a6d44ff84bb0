"""Trains the face autoencoder on a folder of pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from facegen.errors import UsageError
from facegen.media import write_image
from facegen.media.sheet import contact_sheet
from facegen.networks.autoencoder import FaceAutoencoder
from facegen.training.losses import charbonnier, dissimilarity, laplacian, psnr
from facegen.training.pictures import PictureFolder

# Noise on the latents, in standard deviations: the UNet's latents will not be exact either.
_LATENT_NOISE = 0.03
_HELD_SIDE, _STATISTICS = 256, 512
_MODEL_SEED_SHIFT = 7919


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings:
    """What the autoencoder learns from.

    Attributes:
        images: folder of pictures, or cache of windows, to train on.
        held: the same to measure on (of a cache the held-out split), or None.
        size: side of the training crops, pixels, a multiple of 8.
        batch_size, seed: as in the training configuration.
        model: arguments of the network, for another size than the default.
    """

    images: Path
    held: Path | None = None
    size: int = 128
    batch_size: int = 16
    seed: int = 0
    model: dict[str, object] | None = None


class AutoencoderTask:
    """Reconstruction: absolute difference, Laplacian pyramid and structural dissimilarity.

    Raises:
        UsageError: a size the autoencoder cannot halve, or a folder without pictures.
    """

    name = "autoencoder"

    def __init__(self, settings: AutoencoderSettings) -> None:
        if settings.size % 8 or settings.size < 16:
            raise UsageError("--size must be a multiple of 8 and at least 16")
        self._settings = settings
        self._train = PictureFolder(settings.images)
        self._held = PictureFolder(settings.held, "held") if settings.held else None

    def model(self) -> nn.Module:
        network = FaceAutoencoder(**(self._settings.model or {}))  # type: ignore[arg-type]
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self._settings.seed, step, rank, world))
        return {"pictures": self._train.crops(self._settings.batch_size, self._settings.size, rng)}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        assert isinstance(model, FaceAutoencoder)
        pictures = batch["pictures"].contiguous(memory_format=torch.channels_last)
        latents = model.encode(pictures).latents
        spread = latents.detach().float().std((0, 2, 3), keepdim=True)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        decoded = model.decode(latents + _LATENT_NOISE * spread * noise).sample.float()
        parts = {
            "absolute": charbonnier(decoded, pictures),
            "pyramid": laplacian(decoded, pictures),
            "structure": dissimilarity(decoded, pictures),
        }
        total = parts["absolute"] + 2 * parts["pyramid"] + 0.1 * parts["structure"]
        return {"loss": total, **parts, "psnr": psnr(decoded.detach(), pictures).mean()}

    @torch.no_grad()
    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Held-out pictures above their reconstructions, and the mean PSNR of the crops, dB."""
        if self._held is None:
            return
        assert isinstance(model, FaceAutoencoder)
        truth = self._held.whole(_HELD_SIDE).to(model.device)
        decoded = torch.cat([model(rows).sample for rows in truth.split(4)]).float()
        values = psnr(decoded, truth)
        with (folder / "held.jsonl").open("a") as stream:
            line = {"step": step, "psnr": float(values.mean()), "worst": float(values.min())}
            stream.write(json.dumps(line) + "\n")
        shown = torch.stack([truth, decoded], 1).flatten(0, 1)
        names = [f"{float(value):.1f} dB" for value in values.repeat_interleave(2)]
        pictures = [rgb8(picture) for picture in shown]
        sheet = contact_sheet(pictures, 8, names, cell=(_HELD_SIDE, _HELD_SIDE))
        write_image(folder / f"{step:07d}.png", sheet)

    @torch.no_grad()
    def export(self, model: nn.Module, folder: Path) -> None:
        """Fix the latents' normalisation by the training pictures, then write the network."""
        assert isinstance(model, FaceAutoencoder)
        rng = np.random.default_rng(self._settings.seed + _MODEL_SEED_SHIFT)
        rows = []
        for _ in range(_STATISTICS // 16):
            crops = self._train.crops(16, self._settings.size, rng).to(model.device)
            rows.append(model.encoder(crops).float().transpose(0, 1).flatten(1).cpu())
        values = torch.cat(rows, 1)
        exported = FaceAutoencoder.from_config(model.config)
        exported.load_state_dict(model.state_dict())
        exported.set_statistics(values.mean(1).tolist(), values.std(1).tolist())
        exported.save_pretrained(folder)


def rgb8(picture: Tensor) -> np.ndarray:
    """``(3, H, W)`` in -1..1 to ``(H, W, 3)`` uint8."""
    values = (picture.clamp(-1, 1) + 1) * 127.5
    return values.round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
