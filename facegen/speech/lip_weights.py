"""The lip network's files: half-precision safetensors and a JSON that says what they are."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from facegen.errors import ModelFileError
from facegen.media.atomic import atomic_path
from facegen.speech.lip_net import LipNet, LipNetConfig

FORMAT = 1
NAME = "lips"


def save_lip_net(net: LipNet, folder: Path) -> None:
    """Write ``lips.safetensors`` (float16) and ``lips.json``."""
    from safetensors.torch import save

    weights = {
        name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in net.state_dict().items()
    }
    with atomic_path(folder / f"{NAME}.safetensors") as part:
        part.write_bytes(save(weights))
    header = {"format": FORMAT, **asdict(net.config)}
    with atomic_path(folder / f"{NAME}.json") as part:
        part.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")


def load_lip_net(folder: Path) -> LipNet:
    """Read what :func:`save_lip_net` wrote, ready to predict.

    Raises:
        ModelFileError: a file is missing, damaged or of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        header = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
        if header.pop("format") != FORMAT:
            raise ModelFileError(f"{folder}: lip network of another format than {FORMAT}")
        listed: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in header.items()
        }
        net = LipNet(LipNetConfig(**listed))
        weights = load_file(folder / f"{NAME}.safetensors")
        net.load_state_dict({name: value.float() for name, value in weights.items()})
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelFileError(
            f"{folder} holds no lip network that can be read ({error}); make one with: "
            "facegen train motion"
        ) from error
    return net.train(False).requires_grad_(False)


@cache
def open_lip_net() -> LipNet:
    """The embedded network."""
    from facegen import checkpoints

    return load_lip_net(Path(checkpoints.__file__).parent / "open-motion")
