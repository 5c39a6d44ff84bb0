"""LPIPS with the published AlexNet weights, which the user brings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, relu

from facegen.errors import ModelFileError
from facegen.evaluation.metric import FrameMetric, Image, MetricSpec, Pair, Scene
from facegen.evaluation.roles import Component

# Index in torchvision's AlexNet.features, output, input, kernel, stride, padding, pooled before.
_LAYERS = (
    (0, 64, 3, 11, 4, 2, False),
    (3, 192, 64, 5, 1, 2, True),
    (6, 384, 192, 3, 1, 1, True),
    (8, 256, 384, 3, 1, 1, False),
    (10, 256, 256, 3, 1, 1, False),
)
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """Learned perceptual image patch similarity v0.1 on AlexNet (Zhang et al. 2018).

    Deep features of both pictures, unit length per position, squared differences weighted per
    channel, averaged over positions, summed over five layers. Input in -1..1 at native size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(inp, out, k, stride, pad) for _, out, inp, k, stride, pad, _ in _LAYERS
        )
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(1, out, 1, 1)) for _, out, *_ in _LAYERS
        )
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """Unit-length features of ``(B, 3, H, W)`` pictures in -1..1, five layers."""
        x = (x - self.shift) / self.scale  # type: ignore[operator]
        found = []
        for conv, (*_, pooled) in zip(self.convs, _LAYERS, strict=True):
            x = relu(conv(max_pool2d(x, 3, 2) if pooled else x))
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance of each pair: ``(B,)``, 0 for equal pictures."""
        total = torch.zeros(len(x), dtype=x.dtype)
        for a, b, w in zip(self.features(x), self.features(y), self.weights, strict=True):
            total = total + conv2d((a - b).square(), w).mean((1, 2, 3))
        return total

    @classmethod
    def load(cls, *paths: Path | str) -> Lpips:
        """Read published weights: one file of the ``lpips`` package's whole network, or
        torchvision's AlexNet and the package's ``alex.pth``, in any order.

        Raises:
            ModelFileError: unreadable, or a tensor is missing, unknown or of another shape.
        """
        state: dict[str, Tensor] = {}
        for path in paths:
            state |= _read(Path(path))
        net = cls()
        net.load_state_dict(_rename(state, net.state_dict()))
        return net


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelFileError(f"cannot read the weights {path} ({error})") from error
    if not isinstance(state, dict):
        raise ModelFileError(f"{path} is not a state dict")
    return state


def _rename(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published names to ours; every tensor of the file is accounted for."""
    left = dict(state)
    renamed = {key: own[key] for key in ("shift", "scale")}
    for number, (index, *_) in enumerate(_LAYERS):
        for kind in ("weight", "bias"):
            names = (f"features.{index}.{kind}", f"net.slice{number + 1}.{index}.{kind}")
            renamed[f"convs.{number}.{kind}"] = _take(left, *names)
        names = (f"lin{number}.model.1.weight", f"lins.{number}.model.1.weight")
        renamed[f"weights.{number}"] = _take(left, *names)
    known = ("classifier.", "scaling_layer.")
    unknown = sorted(key for key in left if not key.startswith(known))
    if unknown:
        raise ModelFileError(f"LPIPS weights: unknown tensors {', '.join(unknown[:4])}")
    for key, value in renamed.items():
        if value.shape != own[key].shape:
            raise ModelFileError(
                f"LPIPS weights: {key} has shape {tuple(value.shape)}, expected "
                f"{tuple(own[key].shape)}"
            )
    return renamed


def _take(left: dict[str, Tensor], *names: str) -> Tensor:
    """Remove all spellings of a tensor; the package stores some of them twice."""
    found = [left.pop(name) for name in names if name in left]
    if not found:
        raise ModelFileError(
            f"LPIPS weights: {' or '.join(names)} is missing; give torchvision's AlexNet and "
            "the lpips package's alex.pth together"
        )
    return found[0]


class PerceptualLpips(FrameMetric):
    """LPIPS of the crop."""

    def __init__(self, *paths: Path) -> None:
        self.net = Lpips.load(*paths)
        digest = hashlib.sha256(b"".join(Path(p).read_bytes() for p in paths)).hexdigest()
        self.spec = MetricSpec(
            name="lpips_alex",
            version=1,
            unit="",
            low=0.0,
            high=float("inf"),
            better="lower",
            perfect=0.0,
            needs=frozenset({"truth"}),
            main="full",
            source="Zhang et al. 2018, v0.1, AlexNet, native size",
            estimator="LPIPS v0.1 AlexNet",
            components=(Component("lpips-alex-0.1", digest, ("ImageNet", "BAPPS")),),
        )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.truth is None:
            return None
        with torch.inference_mode():
            return {"full": float(self.net(_tensor(pair.pred), _tensor(pair.truth)))}


def _tensor(image: Image) -> Tensor:
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    return x.float() / 127.5 - 1
