"""``faceapi``: the expression network inside the npm package ``@vladmandic/face-api``.

A port to PyTorch of a small densely added network of separable convolutions; its weights are the
8-bit file of the package. Fetch it with npm: ``npm pack @vladmandic/face-api`` or ``npm install
@vladmandic/face-api``; the tarball, the package or its ``model`` folder can be given.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nnf

from facegen.errors import ModelFileError
from facegen.evaluation.roles import UNKNOWN
from facegen.reading import named, parse_json
from facegen.recognizer.adapters.tf_layers import same_pad
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

MANIFEST = "face_expression_model-weights_manifest.json"
WEIGHTS = "face_expression_model.bin"
PACKAGE = "node_modules/@vladmandic/face-api"
TARBALL = "vladmandic-face-api-*.tgz"
_MEAN = tuple(value / 255 for value in (122.782, 117.001, 104.298))
CROP = CropSpec(112, "upright", 1.0, "rgb", _MEAN, (1.0, 1.0, 1.0))
_WIDTHS = (32, 64, 128, 256)
_CLASSES = 7
_FIX = "fetch it with: npm pack @vladmandic/face-api, and give the .tgz"

Array = NDArray[np.float32]


class _Separable(nn.Module):
    def __init__(self, wide: int, out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depth = nn.Conv2d(wide, wide, 3, stride=stride, groups=wide, bias=False)
        self.point = nn.Conv2d(wide, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point(self.depth(same_pad(x, 3, self.stride)))


class _First(nn.Module):
    def __init__(self, wide: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide, out, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(same_pad(x, 3, 2))


class _Dense(nn.Module):
    """Four layers, each fed with the sum of all before it; halves the size."""

    def __init__(self, wide: int, out: int, first: bool) -> None:
        super().__init__()
        opening = _First(wide, out) if first else _Separable(wide, out, 2)
        rest = [_Separable(out, out, 1) for _ in range(3)]
        self.layers = nn.ModuleList([opening, *rest])

    def forward(self, x: Tensor) -> Tensor:
        total = self.layers[0](x).relu()
        held = total
        for layer in list(self.layers)[1:]:
            total = total + layer(held)
            held = total.relu()
        return held


class FaceApiBundled(FaceRecognizer):
    """Input: RGB minus the mean colour, over 255; 112 x 112."""

    def __init__(self, spec: RecognizerSpec) -> None:
        super().__init__(spec)
        widths = (3, *_WIDTHS)
        self.blocks = nn.ModuleList(
            _Dense(widths[k], out, first=k == 0) for k, out in enumerate(_WIDTHS)
        )
        self.head = nn.Linear(_WIDTHS[-1], _CLASSES)

    def forward(self, x: Tensor) -> RecognizerOutput:
        for block in self.blocks:
            x = block(x)
        pooled = nnf.avg_pool2d(x, 7, 2).flatten(1)
        return RecognizerOutput(logits=self.head(pooled), features={"frame": pooled, "map": x})


def open_faceapi(path: Path | None = None) -> FaceApiBundled:
    """The network of a tarball, package folder or ``model`` folder; by default one in or below
    the current folder.

    Raises:
        ModelFileError: there is none, or it is another network; the message says how to get it.
    """
    manifest, data, version, where = _read(path)
    spec = RecognizerSpec(
        name="faceapi",
        version=version,
        crop=CROP,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        code_licence="Apache-2.0",
        weights_licence="MIT",
        trained_on=(UNKNOWN,),
        labels="faceapi7",
        source="npm pack @vladmandic/face-api; justadudewhohacks/face-api.js",
    )
    net = FaceApiBundled(spec)
    try:
        arrays = {_ours(name): value for name, value in _arrays(manifest, data).items()}
        net.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()})
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"{where} does not hold the expression network of face-api "
            f"({str(error).strip().splitlines()[-1].strip()}); {_FIX}"
        ) from error
    return net.train(False)


def _read(path: Path | None) -> tuple[Any, bytes, str, Path]:
    """Manifest, weights, version of the package, and where they are from."""
    if path is None:
        found = [Path(PACKAGE), *sorted(Path().glob(TARBALL))[-1:]]
        path = next((p for p in found if p.exists()), Path(PACKAGE))
    try:
        if path.is_file():
            with tarfile.open(path) as tar:
                texts = [_member(tar, f"package/{n}") for n in _PARTS]
            manifest, data, package = texts
        else:
            folder = next((f for f in (path / PACKAGE, path, path.parent) if _has(f)), None)
            if folder is None:
                if not (path / MANIFEST).is_file():
                    raise ModelFileError(f"no face-api package in {path}; {_FIX}")
                manifest, data = ((path / n).read_bytes() for n in (MANIFEST, WEIGHTS))
                package = b"{}"
            else:
                manifest, data, package = ((folder / n).read_bytes() for n in _PARTS)
        version = str(named(parse_json(package)).get("version", "unknown"))
        return parse_json(manifest), data, version, path
    except FileNotFoundError:
        raise ModelFileError(f"no face-api package at {path}; {_FIX}") from None
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError, ValueError) as error:
        raise ModelFileError(f"{path} is not a face-api package ({error}); {_FIX}") from error


_MAX_MEMBER = 1 << 26
_PARTS = (f"model/{MANIFEST}", f"model/{WEIGHTS}", "package.json")


def _has(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _PARTS)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    """One file of a tarball, read and not unpacked.

    Raises:
        KeyError: no such file. ValueError: far larger than the network's.
    """
    member = tar.getmember(name)
    stream = tar.extractfile(member) if member.isreg() else None
    if stream is None:
        raise KeyError(name)
    if member.size > _MAX_MEMBER:
        raise ValueError(f"{name} unpacks to {member.size >> 20} MB")
    return stream.read()


def _arrays(manifest: Any, data: bytes) -> dict[str, Array]:
    """Weights by their names in the package: 8-bit ones are ``scale * q + min``."""
    out: dict[str, Array] = {}
    at = 0
    for entry in manifest[0]["weights"]:
        shape = tuple(entry["shape"])
        count = int(np.prod(shape))
        steps = entry.get("quantization")
        kind = np.dtype(np.uint8 if steps else "<f4")
        if at + count * kind.itemsize > len(data):
            raise ValueError("the weights are cut short")
        values = np.frombuffer(data, kind, count, at).astype(np.float32)
        if steps:
            values = values * np.float32(steps["scale"]) + np.float32(steps["min"])
        out[entry["name"]] = _layout(values.reshape(shape), entry["name"])
        at += count * kind.itemsize
    return out


def _layout(values: Array, name: str) -> Array:
    """TensorFlow's order of axes as PyTorch's."""
    if name.endswith("depthwise_filter"):
        values = values.transpose(2, 3, 0, 1)
    elif values.ndim == 4:
        values = values.transpose(3, 2, 0, 1)
    elif values.ndim == 2:
        values = values.T
    return np.ascontiguousarray(values, np.float32)


def _ours(name: str) -> str:
    """``dense1/conv2/bias`` -> ``blocks.1.layers.2.point.bias``."""
    if name.startswith("fc/"):
        return {"fc/weights": "head.weight", "fc/bias": "head.bias"}[name]
    block, layer, part = name.split("/")
    at = f"blocks.{int(block.removeprefix('dense'))}.layers.{int(layer.removeprefix('conv'))}"
    if (block, layer) == ("dense0", "conv0"):
        return f"{at}.conv.{'weight' if part == 'filters' else 'bias'}"
    ends = {"depthwise_filter": "depth.weight", "pointwise_filter": "point.weight"}
    return f"{at}.{ends.get(part, 'point.bias')}"
