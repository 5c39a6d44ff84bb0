"""Trains the denoising UNet on windows: what the warp made of a photo, and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from facegen.assets import load_head
from facegen.data.augment import AugmentConfig, augment
from facegen.data.windows import WindowSet
from facegen.errors import UsageError
from facegen.media import write_image
from facegen.media.sheet import contact_sheet
from facegen.networks.autoencoder import FACTOR, FaceAutoencoder
from facegen.networks.blend import departure, detailed
from facegen.networks.bridge import between, bridge_start
from facegen.networks.guidance import CHANNELS
from facegen.networks.reenactor import Reenactor, load_network, save_reenactor
from facegen.networks.unet import ReenactorUNet, Switches, UNetOutput
from facegen.recognizer.guides import write_guides
from facegen.recognizer.loss import open_emotion_loss
from facegen.training.autoencoder import rgb8
from facegen.training.emotion import WINDOWS, WindowEmotion
from facegen.training.losses import (
    charbonnier,
    dissimilarity,
    laplacian,
    log_error,
    psnr,
    weighted_mean,
)

# Mouth and eyes are a hundredth of the window and most of what one looks at.
_FOCUS = 6.0
# What the warp shows well needs less attention than what it hides.
_HIDDEN = 2.0
# One step is the default in use: this share of the samples begins at the start of the path.
_FIRST_STEP = 0.75
_DROP = {"identity": 0.05, "motion": 0.05}
# Loss of the pixels that end in the frame: of the mixture, in units of its logarithm.
_LOGARITHM = 0.06
# A third of this in use: what is lost on purpose is not what the network is for.
_CHANGES = AugmentConfig(erase=0.25, degrade=0.15, occlude=0.1)


@dataclass(frozen=True, kw_only=True)
class ReenactorSettings:
    """What the UNet learns from.

    Attributes:
        windows: cache of training windows (``facegen data windows``).
        autoencoder: exported folder of ``facegen train autoencoder``; it stays as it is.
        batch_size, seed: as in the training configuration.
        kinds: share of each kind of window among the samples.
        groups: map groups shown to the network; leaving one out is an ablation.
        decode: side of the part that is decoded for the pixel losses, a multiple of 8.
        model: arguments of the network, for another size than the default.
        held: windows of the held-out split that are measured; 0 measures none.
        init: exported reenactor whose weights the training begins with, or None.
        emotion: weight of the distance of what a recognizer reads from painted and true windows;
            0 leaves it out.
        guide: that recognizer, a name or folder; its record goes into the export.
    """

    windows: Path
    autoencoder: Path
    batch_size: int = 8
    seed: int = 0
    kinds: tuple[tuple[str, float], ...] = (("photo", 0.5), ("clip", 0.4), ("render", 0.1))
    groups: tuple[str, ...] = tuple(CHANNELS)
    decode: int = 128
    model: dict[str, Any] | None = None
    held: int = 48
    init: Path | None = None
    emotion: float = 0.0
    guide: str = "open"


class ReenactorTask:
    """Flow matching on latents; pixels, edges and structure of a decoded part; mask and matte.

    Raises:
        ModelFileError: no windows or no autoencoder there.
        UsageError: a part that is no multiple of 8 pixels, a weight below 0, or a guide that has
            no gradients.
    """

    name = "reenactor"

    def __init__(self, settings: ReenactorSettings) -> None:
        if settings.decode % FACTOR or settings.decode < 4 * FACTOR:
            raise UsageError(f"--decode must be a multiple of {FACTOR} and at least {4 * FACTOR}")
        self._settings = settings
        self._head = load_head("open")
        self._windows = WindowSet(settings.windows, self._head)
        self._chances = self._windows.probabilities(dict(settings.kinds))
        self._frozen: FaceAutoencoder = load_network(
            FaceAutoencoder, settings.autoencoder, "cpu", torch.float32
        )
        if settings.emotion < 0:
            raise UsageError("--emotion must be 0 or more")
        self._guide: WindowEmotion | None = None
        if settings.emotion:
            self._guide = WindowEmotion(open_emotion_loss(settings.guide), self._head)

    def model(self) -> nn.Module:
        arguments = {"groups": self._settings.groups, **(self._settings.model or {})}
        network: Any = ReenactorUNet(**arguments)
        if self._settings.init is not None:
            network = load_network(ReenactorUNet, self._settings.init / "unet", "cpu")
            network.requires_grad_(True).train()
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        count = self._settings.batch_size
        rng = np.random.default_rng((self._settings.seed, step, rank, world))
        chosen = rng.choice(len(self._chances), size=count, p=self._chances)
        batch = self._windows.batch(chosen.tolist())
        batch = augment(batch, self._head, int(rng.integers(2**31)), _CHANGES)
        corners = [_part(batch, i, self._settings.decode, rng) for i in range(count)]
        return batch | {"corner": torch.tensor(corners)}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        unet = cast(ReenactorUNet, model)
        autoencoder = self._autoencoder(batch["target"].device)
        target, warped, photo = _latents(autoencoder, batch)
        draw = _Draw.of(target, generator)
        start = bridge_start(warped, batch["visibility"], draw.noise)
        sample = between(target, start, draw.sigma)
        out = unet(sample, draw.sigma, warped, batch, unet.remember(photo), draw.switches)
        velocity = out.velocity.float()
        weight = _weight(batch)
        coarse = F.avg_pool2d(weight, FACTOR)
        flow = weighted_mean((velocity - (start - target)).square(), coarse)
        clean = sample - draw.sigma.view(-1, 1, 1, 1) * velocity
        parts = self._pixels(autoencoder, (clean, warped), out, batch, weight)
        if self._guide is not None:
            parts["emotion"] = self._felt(self._guide, autoencoder, (clean, warped), out, batch)
        matte = F.binary_cross_entropy_with_logits(
            out.matte.float(), batch["matte"], weight=batch["inside"]
        )
        total = 0.25 * flow + sum(parts.values()) + 0.1 * matte
        return {"loss": total, "flow": flow, **parts, "matte": matte}

    def _pixels(
        self,
        autoencoder: FaceAutoencoder,
        latents: tuple[Tensor, Tensor],
        out: UNetOutput,
        batch: dict[str, Tensor],
        weight: Tensor,
    ) -> dict[str, Tensor]:
        """Losses of a part of each window: the whole costs three times the UNet.

        Args:
            latents: of the painted window and of the warped one.
        """
        side, corners = self._settings.decode, batch["corner"]

        def decode(latent: Tensor) -> Tensor:
            part = _cut(latent, corners // FACTOR, side // FACTOR)
            return autoencoder.decode(part).sample.float()

        target, warped = (_cut(batch[name], corners, side) for name in ("target", "warped"))
        here = _cut(weight, corners, side)
        mask, keep = (_cut(x, corners, side).float().sigmoid() for x in (out.blend, out.keep))
        with torch.no_grad():
            known = decode(latents[1])
        image = detailed(decode(latents[0]), known, warped, keep)
        left = _cut(departure(batch["warped"], batch["reference"]), corners, side)
        composite = torch.lerp(warped, image, mask * left)
        return {
            "absolute": 0.5 * charbonnier(image, target, here),
            "pyramid": laplacian(image, target, weight=here),
            "structure": 0.1 * dissimilarity(image, target, here),
            "composite": charbonnier(composite, target, here),
            "edges": laplacian(composite, target, weight=here),
            "logarithm": _LOGARITHM * log_error(composite, target, here),
        }

    def _felt(
        self,
        guide: WindowEmotion,
        autoencoder: FaceAutoencoder,
        latents: tuple[Tensor, Tensor],
        out: UNetOutput,
        batch: dict[str, Tensor],
    ) -> Tensor:
        """The guide's loss of the first windows, whole and composed as in use."""
        few = {name: value[:WINDOWS] for name, value in batch.items()}
        clean, known = (latent[:WINDOWS] for latent in latents)
        mask, keep = (x[:WINDOWS].float().sigmoid() for x in (out.blend, out.keep))
        with torch.no_grad():
            copy = autoencoder.decode(known).sample.float()
        image = detailed(autoencoder.decode(clean).sample.float(), copy, few["warped"], keep)
        left = departure(few["warped"], few["reference"])
        composite = torch.lerp(few["warped"], image, mask * left)
        loss = guide(composite, few["target"], few["eyes"], few["mouth"])
        return self._settings.emotion * loss

    @torch.no_grad()
    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Held-out windows painted in one step, beside warp and truth; PSNR by region, dB."""
        if not self._settings.held:
            return
        unet = cast(ReenactorUNet, model)
        painter = Reenactor(self._autoencoder(unet.device), unet)
        rows, gains = [], []
        for index in self._held_indices:
            window = self._held_windows.batch([index])
            out = paint_window(painter, window, index)
            gains.append(_gain(window, out))
            names = ("reference", "warped", "composite", "image", "target")
            rows.append([rgb8((window | out)[name][0]) for name in names])
        keys = sorted(gains[0])
        means = {k: float(np.nanmean([gain[k] for gain in gains])) for k in keys}
        with (folder / "held.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": step, **means}) + "\n")
        shown = [picture for row in rows[:16] for picture in row]
        write_image(folder / f"{step:07d}.png", contact_sheet(shown, 10, cell=(192, 192)))

    def export(self, model: nn.Module, folder: Path) -> None:
        unet = cast(ReenactorUNet, model)
        save_reenactor(folder, self._autoencoder(torch.device("cpu")), unet, torch.float16)
        if self._guide is not None:
            write_guides(folder, [self._guide.use])

    def _autoencoder(self, device: torch.device) -> FaceAutoencoder:
        """The frozen autoencoder, moved to the device that trains."""
        if self._frozen.device != device:
            cast(Any, self._frozen).to(device)
        return self._frozen

    @cached_property
    def _held_windows(self) -> WindowSet:
        return WindowSet(self._settings.windows, self._head, split="held")

    @cached_property
    def _held_indices(self) -> list[int]:
        """Windows that are measured: people in turn, so that all are among the first."""
        people: dict[str, list[int]] = {}
        for index, meta in enumerate(self._held_windows.metas):
            people.setdefault(f"{meta.kind}/{meta.identity}", []).append(index)
        turns = [
            (turn, name, index) for name, rows in people.items() for turn, index in enumerate(rows)
        ]
        return [index for _, _, index in sorted(turns)][: self._settings.held]


@dataclass(frozen=True)
class _Draw:
    """The chances of one pass: noise, place on the path, what is hidden from the network."""

    noise: Tensor
    sigma: Tensor
    switches: Switches

    @classmethod
    def of(cls, latent: Tensor, generator: Generator) -> _Draw:
        count, device = len(latent), latent.device

        def uniform() -> Tensor:
            return torch.rand(count, generator=generator, device=device)

        sigma = torch.where(uniform() < _FIRST_STEP, torch.ones(count, device=device), uniform())
        shown = {name: (uniform() >= chance).float() for name, chance in _DROP.items()}
        noise = torch.randn(latent.shape, generator=generator, device=device)
        return cls(noise, sigma, Switches(**shown))


def paint_window(painter: Reenactor, window: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Paint one cached window in one step; adds ``composite``, the picture with its mask."""
    size = window["target"].shape[-1]
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, *painter.noise_shape(size), generator=generator)
    prepared = painter.prepare(window["reference"])
    out = painter.paint(prepared, window, noise=noise, steps=1)
    out = {name: value.cpu() for name, value in out.items()}
    return out | {"composite": torch.lerp(window["warped"], out["image"], out["mask"])}


def _gain(window: dict[str, Tensor], out: dict[str, Tensor]) -> dict[str, float]:
    """PSNR in dB of warp and composite within regions; nan where a window has none of it."""
    regions = {
        "all": window["inside"],
        "mouth": window["mouth"],
        "eyes": window["eyes"],
        "hidden": (window["visibility"] < 0.5).float() * window["inside"],
    }
    values: dict[str, float] = {}
    for name, region in regions.items():
        for kind, picture in (("warp", window["warped"]), ("ours", out["composite"])):
            value = float(psnr(picture, window["target"], region))
            values[f"{name}_{kind}"] = value if region.sum() > 30 else float("nan")
    values["matte_ours"] = float((out["matte"] - window["matte"]).abs().mean())
    values["matte_warp"] = float((window["moved"] - window["matte"]).abs().mean())
    return values


@torch.no_grad()
def _latents(autoencoder: FaceAutoencoder, batch: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """Latents of target, warped photo and photo."""
    names = ("target", "warped", "reference")
    pictures = torch.cat([batch[name] for name in names])
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    return autoencoder.encode(pictures).latents.float().chunk(3)


def _weight(batch: dict[str, Tensor]) -> Tensor:
    """How much each pixel counts, ``(B, 1, S, S)``: nothing beyond the picture's edge."""
    focus = torch.maximum(batch["mouth"], batch["eyes"])
    weight = 1 + _HIDDEN * (1 - batch["visibility"]) + _FOCUS * focus
    return weight * (0.01 + batch["inside"])


def _part(
    batch: dict[str, Tensor], index: int, side: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Corner of the part to decode: about mouth or eyes in two of three cases, else anywhere."""
    size = batch["target"].shape[-1]
    side = min(side, size)
    name = ("mouth", "eyes", "")[int(rng.integers(3))]
    rows, cols = (np.zeros(0),) * 2 if not name else np.nonzero(batch[name][index, 0].numpy())
    jitter = rng.uniform(-0.3, 0.3, 2) * side
    if len(rows):
        place = np.array([rows.mean(), cols.mean()]) + jitter - side / 2
    else:
        place = rng.uniform(0, size - side + 1, 2)
    corner = np.clip(place, 0, size - side) // FACTOR * FACTOR
    return int(corner[0]), int(corner[1])


def _cut(maps: Tensor, corners: Tensor, side: int) -> Tensor:
    rows = [
        image[:, y : y + side, x : x + side]
        for image, (y, x) in zip(maps, corners.tolist(), strict=True)
    ]
    return torch.stack(rows)
