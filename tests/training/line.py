"""A task that learns a line in milliseconds; also run as a program under ``accelerate launch``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_model
from torch import Tensor, nn

from facegen.training.config import TrainConfig
from facegen.training.loop import train


class Line:
    """Fit y = 3 x - 1 under noise, with dropout, so that every source of chance takes part."""

    name = "line"

    def __init__(self, batch_size: int = 4) -> None:
        self._size = batch_size

    def model(self) -> nn.Module:
        return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.Linear(8, 1))

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(step * world + rank)
        x = torch.rand(self._size, 1, generator=generator)
        return {"x": x, "y": 3 * x - 1}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        noise = 0.1 * torch.randn(batch["x"].shape, generator=generator, device=batch["x"].device)
        error = (model(batch["x"]) - batch["y"] - noise).square().mean()
        return {"loss": error, "root": error.sqrt()}

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        (folder / f"{step}.json").write_text(json.dumps(not model.training))

    def export(self, model: nn.Module, folder: Path) -> None:
        save_model(model, str(folder / "model.safetensors"))
        (folder / "config.json").write_text("{}")


if __name__ == "__main__":
    settings = TrainConfig(
        output=Path(sys.argv[1]), steps=int(sys.argv[2]), log_every=1, save_every=4, batch_size=4
    )
    train(Line(), settings)
