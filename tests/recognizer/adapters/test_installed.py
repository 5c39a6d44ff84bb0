"""Classifiers from Hugging Face folders, EmotiEffLib's files, py-feat."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from facegen.errors import ModelFileError, UsageError
from facegen.recognizer import open_recognizer
from facegen.recognizer.crop import CropSpec
from tests.evaluation.judges.onnx_files import write_net

LABELS = ["sad", "disgust", "angry", "neutral", "fear", "surprise", "happy"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny random ViT as ``save_pretrained`` and the hub lay it out."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=32, patch_size=16, num_labels=7, id2label=dict(enumerate(LABELS)),
    )  # fmt: skip
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    colours = {"size": {"height": 32, "width": 32}, "image_mean": [0.4] * 3, "image_std": [0.2] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(colours))
    card = "---\nlicense: apache-2.0\ndatasets:\n- RAF-DB\n---\n# A network\n"
    (tmp_path / "README.md").write_text(card)
    return tmp_path


def test_a_folder_of_the_hub_opens_by_its_layout(folder: Path) -> None:
    net = open_recognizer(folder)
    assert net.spec.crop == CropSpec(32, "box", 1.2, "rgb", (0.4,) * 3, (0.2,) * 3)
    assert net.spec.weights_licence == "apache-2.0"
    assert net.spec.trained_on == ("RAF-DB",)
    assert net.spec.label_space.keys[2] == "anger"
    x = torch.randn(2, 3, 32, 32, requires_grad=True)
    out = net(x)
    transformers = pytest.importorskip("transformers")
    plain = transformers.AutoModelForImageClassification.from_pretrained(folder).train(False)
    assert torch.allclose(out.logits, plain(x).logits, atol=1e-6)
    assert out.features["frame"].shape == (2, 16)
    out.probs[0, 0].backward()
    assert x.grad is not None
    assert x.grad[0].abs().max() > 0
    names, probabilities = net.predict_emotions(np.zeros((1, 40, 40, 3), np.uint8))
    assert names[0] == LABELS[probabilities[0].argmax()]


def test_a_stated_crop_goes_before_the_preprocessor(folder: Path) -> None:
    crop = CropSpec(32, "upright", 1.4)
    (folder / "facegen_crop.json").write_text(json.dumps(crop.to_dict()))
    assert open_recognizer(folder).spec.crop == crop


def test_other_folders_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["id2label"]["0"] = "tabby cat"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match="classes are not emotions"):
        open_recognizer(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match="pickled"):
        open_recognizer(folder)


@pytest.mark.parametrize(("outputs", "affect"), [(8, False), (7, False), (10, True), (9, True)])
def test_emotieff_files(tmp_path: Path, outputs: int, affect: bool) -> None:
    weights = np.random.default_rng(0).normal(size=(3, outputs)) / 4
    file = write_net(tmp_path / "enet_b0_tiny.onnx", (1, 3, 24, 24), weights)
    net = open_recognizer(tmp_path)
    assert net.spec.name == "emotieff"
    assert net.spec.crop.size == 24
    x = torch.rand(2, 3, 24, 24)
    out = net(x)
    expected = x.mean((2, 3)).numpy() @ weights
    count = outputs - 2 * affect
    assert np.allclose(out.logits, expected[:, :count], atol=1e-5)
    assert (out.valence_arousal is not None) == affect
    assert net.spec.label_space.index("contempt" if count == 8 else "disgust") == 1
    assert "AffectNet" in net.spec.trained_on
    assert open_recognizer(file).spec.weights_sha256 == net.spec.weights_sha256


def test_emotieff_refuses_pickles_and_others(tmp_path: Path) -> None:
    (tmp_path / "enet_b0_8.pt").write_bytes(b"\x80")
    with pytest.raises(ModelFileError, match="pickled program"):
        open_recognizer(tmp_path / "enet_b0_8.pt")
    write_net(tmp_path / "enet_b0_x.onnx", (1, 3, 24, 24), np.zeros((3, 4)))
    with pytest.raises(ModelFileError, match="not an emotion network"):
        open_recognizer(tmp_path / "enet_b0_x.onnx")
    with pytest.raises(UsageError, match="give the .onnx"):
        open_recognizer("emotieff")


class Detector:
    """``feat.Detectorv2`` as its ``detect`` answers: two faces in the first picture, none in the
    second."""

    def __init__(self, device: str = "cpu") -> None:
        assert device == "cpu"

    def detect(self, inputs: torch.Tensor, data_type: str = "image", **options: object) -> object:
        assert data_type == "tensor"
        assert inputs.max() > 1
        rows = [
            {"FaceRectX": 1, "FaceScore": score, "frame": frame, "Happy": happy, "AU12": 0.7,
             "Neutral": 1 - happy, "valence": happy / 4, "arousal": 0.1 * happy, "input": ""}
            | {name: 0 * happy for name in ("Sad", "Surprise", "Fear", "Disgust", "Anger")}
            for frame, score, happy in ((0, 0.5, 0.1), (0, 0.9, 0.8), (1, np.nan, np.nan))
        ]  # fmt: skip
        return pd.DataFrame(rows)


def test_pyfeat_when_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    feat = ModuleType("feat")
    feat.Detectorv2, feat.__version__ = Detector, "2.1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "feat", feat)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    net = open_recognizer("pyfeat")
    out = net(torch.rand(2, 3, 320, 320))
    assert out.probs[0, 1] == pytest.approx(0.8)
    assert out.au_probs[0, net.spec.au_names.index("AU12")] == pytest.approx(0.7, abs=1e-5)
    assert torch.isnan(out.valence_arousal[1]).all()
    with pytest.raises(UsageError, match="without a path"):
        open_recognizer("pyfeat:somewhere")

    def absent(device: str) -> None:
        raise OSError("cannot find the file in the cache")

    feat.Detectorv2 = absent  # type: ignore[attr-defined]
    with pytest.raises(ModelFileError, match="fetch them once"):
        open_recognizer("pyfeat")
