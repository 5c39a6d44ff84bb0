"""Our own network: what it tells, how it is kept, and that it is a recognizer like all others."""

import json
from pathlib import Path

import pytest
import torch

from facegen.errors import ModelFileError, UsageError
from facegen.recognizer.experts import AdapterExperts
from facegen.recognizer.network import (
    NetworkConfig,
    RecognizerNet,
    load_network,
    save_network,
    with_temperature,
)
from facegen.recognizer.opening import open_recognizer
from tests.fer.faces import card

HEADS = {"valence_arousal": True, "blendshapes": True, "aus": "disfa8"}
TINY = NetworkConfig(width=8, features=12)


def small(**told: object) -> RecognizerNet:
    torch.manual_seed(0)
    return RecognizerNet(card(**(HEADS | told)), TINY).train(False)


def test_everything_that_the_card_promises() -> None:
    out = small()(torch.randn(2, 1, 32, 32))
    assert {name: tuple(value.shape) for name, value in out.tensors().items()} == {
        "logits": (2, 8), "probs": (2, 8), "valence_arousal": (2, 2), "au_logits": (2, 8),
        "au_intensity": (2, 8), "blendshapes": (2, 52),
    }  # fmt: skip
    assert out.features["frame"].shape == (2, 12)
    assert out.valence_arousal is not None and out.valence_arousal.abs().max() <= 1
    plain = RecognizerNet(card(), TINY).train(False)(torch.randn(1, 1, 32, 32))
    assert plain.blendshapes is None and plain.au_logits is None


def test_light_does_not_matter() -> None:
    x = torch.rand(1, 1, 32, 32)
    net = small()
    torch.testing.assert_close(net(x).probs, net(x * 0.999 + 2).probs, atol=1e-3, rtol=0)
    assert torch.isfinite(net(torch.zeros(1, 1, 32, 32)).probs).all()


def test_gradients_reach_the_picture() -> None:
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    small()(x).probs[0, 1].backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


@pytest.mark.parametrize("half", [False, True])
def test_kept_and_read_again(half: bool, tmp_path: Path) -> None:
    net, x = small(), torch.rand(3, 1, 32, 32)
    save_network(with_temperature(net, 2.0), tmp_path, half=half)
    again = load_network(tmp_path)
    torch.testing.assert_close(again(x).probs, net(x).probs, atol=2e-3 if half else 1e-6, rtol=0)
    assert again.config.temperature == 2
    assert len(again.spec.weights_sha256) == 64
    assert not any(p.requires_grad for p in again.parameters())
    assert type(open_recognizer(tmp_path)) is RecognizerNet


def test_damaged_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="facegen train recognizer"):
        load_network(tmp_path)
    save_network(small(), tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(about | {"format": "other"}))
    with pytest.raises(ModelFileError, match="format other"):
        load_network(tmp_path)
    about["network"]["width"] = 16
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(ModelFileError):
        load_network(tmp_path)


def test_clips_need_adapters() -> None:
    clip = torch.rand(2, 3, 1, 32, 32)
    with pytest.raises(UsageError, match="clips"):
        small()(clip)
    net = RecognizerNet(card(), NetworkConfig(width=8, features=12, clips=True)).train(False)
    out = net(clip)
    assert out.probs is not None and out.probs.shape == (2, 8)
    assert out.features["clip"].shape == (2, 12)
    # A clip that moves is another one than the same pictures standing still.
    still = clip[:, :1].expand(-1, 3, -1, -1, -1)
    assert (net(still).probs - out.probs).abs().max() > 1e-4


def test_adapters_begin_as_nothing_and_differ_by_task() -> None:
    experts, x = AdapterExperts(6), torch.randn(4, 6)
    torch.testing.assert_close(experts(x, "image"), x)
    torch.nn.init.normal_(experts.up)
    assert (experts(x, "image") - experts(x, "clip")).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("backbone", "options"),
    [
        (
            "vit",
            {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2, "intermediate_size": 16},
        ),
        (
            "resnet",
            {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1], "layer_type": "basic"},
        ),
    ],
)  # fmt: skip
def test_trunks_of_transformers(backbone: str, options: dict) -> None:
    pytest.importorskip("transformers")
    config = NetworkConfig(features=12, backbone=backbone, options=options)
    net = RecognizerNet(card(), config).train(False)
    x = torch.rand(2, 1, 32, 32, requires_grad=True)
    net(x).probs[0, 1].backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


def test_unknown_trunks_are_named() -> None:
    pytest.importorskip("transformers")
    with pytest.raises(UsageError, match="no trunk 'resnot'"):
        RecognizerNet(card(), NetworkConfig(backbone="resnot"))
