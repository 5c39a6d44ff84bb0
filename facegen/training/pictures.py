"""Random crops of a folder of pictures: the autoencoder's data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.data.windows import MANIFEST, Shard, read_manifest
from facegen.errors import UsageError
from facegen.media.image import read_image

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
# Smallest part of a picture's short side that a crop may show.
_CLOSEST = 0.2


class PictureFolder:
    """Every picture below a folder, or every target of a cache of windows, as uint8 in memory.

    Args:
        folder: of pictures, or with a ``manifest.json``.
        split: of the cache.

    Raises:
        UsageError: the folder holds no picture.
        MediaError: a picture cannot be read.
        ModelFileError: the cache cannot be read.
    """

    def __init__(self, folder: Path, split: str = "train") -> None:
        if (folder / MANIFEST).is_file():
            self.pictures = list(_targets(folder, split))
        else:
            paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS)
            self.pictures = [read_image(path).rgb for path in paths]
        if not self.pictures:
            raise UsageError(f"{folder} holds no pictures ({', '.join(_ENDINGS)})")

    def crops(self, count: int, side: int, rng: np.random.Generator) -> Tensor:
        """``(count, 3, side, side)`` in -1..1: random place, scale, mirror, light and colour."""
        chosen = rng.integers(len(self.pictures), size=count)
        rows = np.stack([_crop(self.pictures[i], side, rng) for i in chosen])
        return torch.from_numpy(rows.transpose(0, 3, 1, 2)).contiguous() * 2 - 1

    def whole(self, side: int) -> Tensor:
        """``(N, 3, side, side)`` in -1..1: the pictures' central squares."""
        rows = np.stack([_centre(picture, side) for picture in self.pictures])
        return torch.from_numpy(rows.transpose(0, 3, 1, 2).copy()).float() / 127.5 - 1


def _targets(folder: Path, split: str) -> Iterator[NDArray[np.uint8]]:
    for entry in read_manifest(folder)["shards"]:
        if entry["split"] == split:
            shard = Shard(folder / entry["file"])
            for index in range(len(shard)):
                yield shard.pictures(index)["target"]


def _crop(picture: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    short = min(picture.shape[:2])
    nearest = min(short, max(side * 0.75, short * _CLOSEST))
    part = int(round(np.exp(rng.uniform(np.log(nearest), np.log(short)))))
    y, x = (int(rng.integers(n - part + 1)) for n in picture.shape[:2])
    how = cv2.INTER_AREA if part > side else cv2.INTER_CUBIC
    crop = cv2.resize(picture[y : y + part, x : x + part], (side, side), interpolation=how)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.1:
        crop = np.rot90(crop, int(rng.integers(1, 4)))
    gain = np.exp(rng.normal(0, 0.12, 3) * (rng.random() < 0.5) + rng.normal(0, 0.15))
    gamma = np.exp(rng.normal(0, 0.2))
    values = (crop.astype(np.float32) / 255) ** np.float32(gamma) * gain.astype(np.float32)
    if rng.random() < 0.05:
        values = values.mean(2, keepdims=True).repeat(3, 2)
    return np.clip(values, 0, 1)


def _centre(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    short = min(picture.shape[:2])
    y, x = ((n - short) // 2 for n in picture.shape[:2])
    square = picture[y : y + short, x : x + short]
    if short == side:
        return square
    how = cv2.INTER_AREA if short > side else cv2.INTER_CUBIC
    return cv2.resize(square, (side, side), interpolation=how)
