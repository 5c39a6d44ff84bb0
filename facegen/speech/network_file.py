"""A network as two files: half-precision safetensors and a JSON that says how it is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from facegen import checkpoints
from facegen.errors import ModelFileError
from facegen.media.atomic import atomic_path
from facegen.reading import read_json
from facegen.weights.ledger import touch_folder

FORMAT = 1
EMBEDDED = Path(checkpoints.__file__).parent / "open-motion"

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class NetworkFile(Generic[Net]):
    """How one kind of network is kept.

    Attributes:
        name: of the files, without suffix.
        build: the network of a configuration. config: of the dataclass that the network has as
            ``config``.
        trainer: command that makes one.
    """

    name: str
    build: Callable[[Any], Net]
    config: Callable[..., Any]
    trainer: str

    def save(self, net: Net, folder: Path) -> None:
        """Write ``NAME.safetensors`` (float16) and ``NAME.json``."""
        from safetensors.torch import save

        weights = {
            name: value.detach().to("cpu", torch.float16).contiguous()
            for name, value in net.state_dict().items()
        }
        with atomic_path(folder / f"{self.name}.safetensors") as part:
            part.write_bytes(save(weights))
        header = {"format": FORMAT, **asdict(net.config)}  # type: ignore[call-overload]
        with atomic_path(folder / f"{self.name}.json") as part:
            part.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> Net:
        """Read what :meth:`save` wrote, in evaluation mode.

        Raises:
            ModelFileError: a file is missing, damaged or of another format.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            header = read_json(folder / f"{self.name}.json")
            if header.pop("format") != FORMAT:
                raise ValueError(f"another format than {FORMAT}")
            listed = {k: tuple(v) if isinstance(v, list) else v for k, v in header.items()}
            net = self.build(self.config(**listed))
            weights = load_file(folder / f"{self.name}.safetensors")
            net.load_state_dict({name: value.float() for name, value in weights.items()})
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelFileError(
                f"{folder} holds no {self.name} network that can be read ({error}); make one "
                f"with: {self.trainer}"
            ) from error
        touch_folder(folder)
        return net.train(False).requires_grad_(False)
