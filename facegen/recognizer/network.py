"""Our own recognizer: a small trunk with heads, and the folder it lives in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from facegen.arkit import ARKIT
from facegen.errors import ModelFileError, UsageError
from facegen.media import file_sha256
from facegen.reading import read_json
from facegen.recognizer.au_sets import INTENSITY_MAX
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.experts import AdapterExperts, TimePool
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec
from facegen.recognizer.trunk import OwnTrunk, TransformersTrunk

FORMAT = "facegen-recognizer-1"
WEIGHTS, CONFIG = "recognizer.safetensors", "config.json"
OWN = "own"


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a network; what it tells is in its :class:`RecognizerSpec`.

    Attributes:
        width, stages: of the own trunk. features: of the frame level.
        backbone: ``own`` or a ``model_type`` of transformers. options: of that model.
        dropout: before the heads. clips: with adapters for clips.
        temperature: divisor of the logits, fitted after training.
    """

    width: int = 32
    stages: int = 2
    features: int = 128
    backbone: str = OWN
    options: dict[str, Any] = field(default_factory=dict)
    dropout: float = 0.2
    clips: bool = False
    temperature: float = 1.0


class RecognizerNet(FaceRecognizer):
    """Trunk, frame features, linear heads; clips through adapters and pooling over time.

    Features by level: ``map (B, C, h, w)``, ``frame (B, F)`` and, of clips, ``clip (B, F)``.
    """

    def __init__(self, spec: RecognizerSpec, config: NetworkConfig) -> None:
        super().__init__(spec)
        self.config = config
        channels = spec.crop.shape[0]
        trunk: OwnTrunk | TransformersTrunk
        if config.backbone == OWN:
            trunk = OwnTrunk(channels, config.width, config.stages)
        else:
            trunk = TransformersTrunk(channels, config.backbone, config.options)
        self.trunk = trunk
        size = config.features
        self.embed = nn.Sequential(nn.Linear(trunk.out, size), nn.BatchNorm1d(size), nn.ReLU())
        self.drop = nn.Dropout(config.dropout)
        self.experts = AdapterExperts(size) if config.clips else None
        self.pool = TimePool(size) if config.clips else None
        self.heads = nn.ModuleDict({name: nn.Linear(size, n) for name, n in heads(spec).items()})

    def forward(self, x: Tensor) -> RecognizerOutput:
        """See :meth:`FaceRecognizer.forward`.

        Raises:
            UsageError: a clip for a network of pictures alone.
        """
        clip = x.dim() == 5
        if clip and self.pool is None:
            raise UsageError(f"{self.spec.name} reads pictures; train it with clips to read clips")
        shape = self.trunk(x.flatten(0, 1) if clip else x)
        # Heads and features are single precision whatever the trunk's autocast.
        frame = self.embed(shape.float().mean((2, 3)))
        levels = {"map": shape, "frame": frame}
        if clip and self.experts is not None and self.pool is not None:
            frame = self.pool(self.experts(frame.unflatten(0, x.shape[:2]), "clip"))
            levels["clip"] = frame
        elif self.experts is not None:
            frame = self.experts(frame, "image")
        return self._told(self.drop(frame), levels)

    def _told(self, x: Tensor, levels: dict[str, Tensor]) -> RecognizerOutput:
        told = {name: head(x) for name, head in self.heads.items()}
        logits = told.get("categories")
        strength, curves = told.get("au_intensity"), told.get("blendshapes")
        affect = told.get("affect")
        return RecognizerOutput(
            logits=None if logits is None else logits.float() / self.config.temperature,
            valence_arousal=None if affect is None else affect.float().tanh(),
            au_logits=told.get("au"),
            au_intensity=None if strength is None else INTENSITY_MAX * strength.float().sigmoid(),
            blendshapes=None if curves is None else curves.float().sigmoid(),
            features=levels,
        )


def heads(spec: RecognizerSpec) -> dict[str, int]:
    """Outputs of every head that a card asks for."""
    sizes: dict[str, int] = {}
    if spec.label_space is not None:
        sizes["categories"] = len(spec.label_space)
    if spec.valence_arousal:
        sizes["affect"] = 2
    if spec.au_names:
        sizes["au"] = sizes["au_intensity"] = len(spec.au_names)
    if spec.blendshapes:
        sizes["blendshapes"] = len(ARKIT)
    return sizes


def save_network(net: RecognizerNet, folder: Path, *, half: bool = False) -> None:
    """Write ``recognizer.safetensors`` and ``config.json``.

    Args:
        half: weights in 16 bits (running statistics stay in 32).
    """
    tensors = {
        name: (value.half() if half and value.dim() > 1 else value).contiguous().cpu()
        for name, value in net.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": FORMAT})
    about = {"format": FORMAT, "network": asdict(net.config), "spec": net.spec.to_dict()}
    (folder / CONFIG).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def load_network(folder: Path) -> RecognizerNet:
    """Read what :func:`save_network` wrote; ready to tell (``eval`` mode).

    Raises:
        ModelFileError: missing, damaged or of another format.
    """
    path = folder / WEIGHTS
    try:
        about = read_json(folder / CONFIG)
        if about.get("format") != FORMAT:
            raise ModelFileError(
                f"{folder} holds a recognizer of format {about.get('format')}, not {FORMAT}"
            )
        spec = RecognizerSpec.from_dict(about["spec"])
        net = RecognizerNet(
            replace(spec, weights_sha256=file_sha256(path)), NetworkConfig(**about["network"])
        )
        net.load_state_dict({n: v.float() if v.is_floating_point() else v
                             for n, v in load_file(path).items()})  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelFileError(
            f"{folder} holds no recognizer that can be read ({error}); train one with: "
            "facegen train recognizer"
        ) from error
    net.requires_grad_(False)
    return net.eval()


def with_temperature(net: RecognizerNet, temperature: float) -> RecognizerNet:
    """The same network with calibrated probabilities."""
    net.config = replace(net.config, temperature=temperature)
    return net
