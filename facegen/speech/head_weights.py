"""The head network's files: half-precision safetensors and a JSON that says what they are."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from facegen.errors import ModelFileError
from facegen.media.atomic import atomic_path
from facegen.speech.head_net import HeadMotionNet, HeadNetConfig

FORMAT = 1
NAME = "head"


def save_head_net(net: HeadMotionNet, folder: Path) -> None:
    """Write ``head.safetensors`` (float16) and ``head.json``."""
    from safetensors.torch import save_file

    weights = {
        name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in net.state_dict().items()
    }
    with atomic_path(folder / f"{NAME}.safetensors") as part:
        save_file(weights, part)
    with atomic_path(folder / f"{NAME}.json") as part:
        header = {"format": FORMAT, **asdict(net.config)}
        part.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")


def load_head_net(folder: Path) -> HeadMotionNet:
    """Read what :func:`save_head_net` wrote, ready to draw.

    Raises:
        ModelFileError: a file is missing, damaged or of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        header = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
        if header.pop("format") != FORMAT:
            raise ModelFileError(f"{folder}: head network of another format than {FORMAT}")
        listed: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in header.items()
        }
        net = HeadMotionNet(HeadNetConfig(**listed))
        weights = load_file(folder / f"{NAME}.safetensors")
        net.load_state_dict({name: value.float() for name, value in weights.items()})
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelFileError(
            f"{folder} holds no head network that can be read ({error}); make one with: "
            "facegen train head"
        ) from error
    return net.train(False).requires_grad_(False)


@cache
def open_head_net() -> HeadMotionNet:
    """The embedded network."""
    from facegen import checkpoints

    return load_head_net(Path(checkpoints.__file__).parent / "open-motion")
