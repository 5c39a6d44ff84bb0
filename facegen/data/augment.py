"""Random changes of training windows, made when they are read.

Everything that shows the same thing changes alike: a window stays a true pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.flame.model import HeadModel

_PICTURES = ("target", "reference", "warped")
# What the network is given, as against what it is asked for.
_GIVEN = ("reference", "warped")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Chances 0..1 of each change.

    Attributes:
        flip: mirror image. colour: brightness, contrast, gamma, saturation and tint.
        degrade: what is given comes from a compressed, noisy or smaller picture.
        erase: parts of the warped picture are lost and must be painted.
        occlude: a thing that is not the face stands before all pictures and must stay.
    """

    flip: float = 0.5
    colour: float = 0.8
    degrade: float = 0.3
    erase: float = 0.4
    occlude: float = 0.15


def augment(
    batch: dict[str, Tensor], head: HeadModel, seed: int, config: AugmentConfig | None = None
) -> dict[str, Tensor]:
    """A changed copy of a batch of ``WindowSet.batch``; the same seed gives the same changes.

    Args:
        head: the model of the region labels.
    """
    config = config or AugmentConfig()
    rows = []
    for i in range(len(batch["target"])):
        # By number in the batch: a window's changes do not depend on the batch's size.
        rng = np.random.default_rng((seed, i))
        row = {name: value[i].clone() for name, value in batch.items()}
        other = batch["reference"][(i + 1) % len(batch["target"])]
        rows.append(_augment_one(row, other, head, rng, config))
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def _augment_one(
    row: dict[str, Tensor],
    other: Tensor,
    head: HeadModel,
    rng: np.random.Generator,
    config: AugmentConfig,
) -> dict[str, Tensor]:
    if rng.random() < config.flip:
        row = flipped(row, head)
    if rng.random() < config.colour:
        _recolour(row, rng)
    if rng.random() < config.occlude:
        _occlude(row, other, rng)
    if rng.random() < config.erase:
        _erase(row, other, rng)
    if rng.random() < config.degrade:
        quality, scale = int(rng.integers(35, 90)), rng.uniform(0.6, 1)
        noise = rng.uniform(0, 0.02)
        for name in _GIVEN:
            row[name] = _degraded(row[name], quality, scale, noise, rng)
    return row


def flipped(window: dict[str, Tensor], head: HeadModel) -> dict[str, Tensor]:
    """Mirror image of one window ``(C, S, S)``: normals and sides' labels change with it."""
    out = {name: value.flip(-1) for name, value in window.items()}
    out["normal"] = out["normal"] * out["normal"].new_tensor([-1, 1, 1])[:, None, None]
    swap = torch.arange(len(head.region_names))
    for i, name in enumerate(head.region_names):
        for side, opposite in (("_left", "_right"), ("_right", "_left")):
            if name.endswith(side):
                swap[i] = head.region_names.index(name.removesuffix(side) + opposite)
    out["region"] = swap[out["region"].long()].to(window["region"].dtype)
    return out


def _recolour(row: dict[str, Tensor], rng: np.random.Generator) -> None:
    """Another camera's colours; the render is lit by the picture's light and follows."""
    gamma = float(np.exp(rng.normal(0, 0.18)))
    gain = torch.from_numpy(np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.05, 3)))
    saturation = float(np.clip(rng.normal(1, 0.25), 0, 1.6)) if rng.random() < 0.9 else 0.0
    bias = float(rng.normal(0, 0.03))

    def change(unit: Tensor) -> Tensor:
        coloured = unit.clamp(0, 1) ** gamma * gain.to(unit)[:, None, None] + bias
        grey = coloured.mean(0, keepdim=True)
        return (grey + saturation * (coloured - grey)).clamp(0, 1)

    for name in _PICTURES:
        row[name] = change(row[name] / 2 + 0.5) * 2 - 1
    row["render"] = change(row["render"]) * (row["region"] > 0)


def _occlude(row: dict[str, Tensor], other: Tensor, rng: np.random.Generator) -> None:
    mask = _blob(row["target"].shape[-1], rng, row["matte"])
    thing = _stuff(other, rng)
    for name in _PICTURES:
        row[name] = row[name] * (1 - mask) + thing * mask


def _erase(row: dict[str, Tensor], other: Tensor, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 4))):
        mask = _blob(row["target"].shape[-1], rng, row["matte"])
        row["warped"] = row["warped"] * (1 - mask) + _stuff(other, rng) * mask
        row["visibility"] = row["visibility"] * (1 - mask)


def _stuff(other: Tensor, rng: np.random.Generator) -> Tensor:
    """``(3, S, S)`` to cover something with: a colour, or a part of another picture."""
    if rng.random() < 0.5:
        return torch.from_numpy(rng.uniform(-1, 1, (3, 1, 1))).to(other).expand_as(other)
    shift = [int(n) for n in rng.integers(0, other.shape[-1], 2)]
    return other.roll(shift, (-2, -1))


def _blob(size: int, rng: np.random.Generator, where: Tensor) -> Tensor:
    """A soft ellipse or stroke ``(1, S, S)``, its middle where ``where (1, S, S)`` is set."""
    mask = np.zeros((size, size), np.uint8)
    rows, cols = np.nonzero(where[0].numpy() > 0.5)
    if len(rows) == 0:
        return torch.zeros_like(where)
    pick = int(rng.integers(len(rows)))
    centre = (int(cols[pick]), int(rows[pick]))
    if rng.random() < 0.6:
        axes = tuple(int(a) for a in rng.uniform(0.02, 0.14, 2) * size)
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, (255,), -1)
    else:
        end = tuple(int(c + d) for c, d in zip(centre, rng.normal(0, 0.25 * size, 2), strict=True))
        cv2.line(mask, centre, end, (255,), max(1, int(rng.uniform(0.01, 0.06) * size)))
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 2.5)))
    return torch.from_numpy(soft.astype(np.float32) / 255)[None].to(where)


def _degraded(
    image: Tensor, quality: int, scale: float, noise: float, rng: np.random.Generator
) -> Tensor:
    """A picture ``(3, S, S)`` in -1..1 as a poor camera or a chat program would have sent it."""
    size = image.shape[-1]
    rgb: NDArray[np.float32] = (image / 2 + 0.5).permute(1, 2, 0).numpy()
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = small + rng.normal(0, noise, small.shape)
    pixels = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    large = cv2.resize(decoded, (size, size), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(large.astype(np.float32) / 127.5 - 1).permute(2, 0, 1).contiguous()
