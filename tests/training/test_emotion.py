"""The recognizer's term in the painter's loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.assets import load_head
from facegen.data import TINY
from facegen.data.windows import WindowSet
from facegen.errors import UsageError
from facegen.networks.autoencoder import FaceAutoencoder
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.loss import EmotionLoss
from facegen.recognizer.registry import Use
from facegen.recognizer.spec import Role
from facegen.training.emotion import WindowEmotion, anchors, crop_matrices
from facegen.training.reenactor import ReenactorSettings, ReenactorTask
from tests.recognizer.nets import TinyNet

SMALL_UNET = {"widths": (16, 32), "attention": (1,)}
SMALL_AUTOENCODER = {"widths": (16, 16), "encoder_depth": (1, 1), "decoder_depth": (1, 1)}


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow one, as it begins."""
    folder = tmp_path_factory.mktemp("autoencoder")
    torch.manual_seed(0)
    FaceAutoencoder(**SMALL_AUTOENCODER).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def windows() -> dict[str, torch.Tensor]:
    return WindowSet(TINY, load_head("open")).batch([0, 4])


def task(autoencoder: Path, **changes: object) -> ReenactorTask:
    plain = {"windows": TINY, "autoencoder": autoencoder, "batch_size": 2, "held": 0, "decode": 64}
    return ReenactorTask(ReenactorSettings(**{**plain, "model": SMALL_UNET, **changes}))


def losses(work: ReenactorTask) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = work.model()
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return model, work.loss(model, work.batch(0, 0, 1), torch.Generator().manual_seed(0))


def test_the_term_is_added_and_moves_the_network(autoencoder: Path) -> None:
    _, plain = losses(task(autoencoder))
    model, felt = losses(task(autoencoder, emotion=0.5))
    assert set(felt) - set(plain) == {"emotion"}
    assert felt["emotion"] > 0
    assert felt["loss"].item() == pytest.approx((plain["loss"] + felt["emotion"]).item(), rel=1e-5)
    _, twice = losses(task(autoencoder, emotion=1.0))
    assert twice["emotion"].item() == pytest.approx(2 * felt["emotion"].item(), rel=1e-5)
    felt["emotion"].backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert sum(bool(g.any()) for g in gradients) > 0.5 * len(list(model.parameters()))
    assert all(bool(g.isfinite().all()) for g in gradients)


def test_the_truth_is_at_distance_zero(windows: dict[str, torch.Tensor]) -> None:
    guide = WindowEmotion(EmotionLoss(TinyNet()), load_head("open"))
    target, eyes, mouth = (windows[name] for name in ("target", "eyes", "mouth"))
    other = target.flip(0)
    distances = [
        guide(torch.lerp(other, target, share), target, eyes, mouth).item()
        for share in (0.0, 0.5, 1.0)
    ]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] == pytest.approx(0, abs=1e-6)


def test_windows_without_a_face_say_nothing(windows: dict[str, torch.Tensor]) -> None:
    guide = WindowEmotion(EmotionLoss(TinyNet()), load_head("open"))
    painted = windows["warped"].clone().requires_grad_()
    eyes = windows["eyes"].clone()
    eyes[1] = 0
    guide(painted, windows["target"] * 0.5, eyes, windows["mouth"]).backward()
    assert painted.grad is not None
    assert painted.grad[0].any()
    assert not painted.grad[1].any()


@pytest.mark.parametrize("turn", [-0.4, 0.0, 0.7])
def test_eyes_and_mouth_come_to_their_places_in_the_crop(turn: float) -> None:
    crop = CropSpec(48, "upright", 1.2)
    places = anchors(crop, load_head("open"))
    assert places[0, 0] == pytest.approx(24, abs=0.5) and 10 < places[0, 1] < places[1, 1] < 40
    above = np.array([60.0, 50.0])
    below = above + 30 * np.array([np.sin(turn), np.cos(turn)])
    masks = torch.zeros(2, 1, 1, 128, 128)
    for mask, (x, y) in zip(masks, (above, below), strict=True):
        mask[0, 0, round(y) - 2 : round(y) + 2, round(x) - 2 : round(x) + 2] = 1
    matrices, seen = crop_matrices(masks[0], masks[1], crop, places)
    assert seen.tolist() == [1]
    matrix = matrices[0].double().numpy()
    for place, (x, y) in zip(places, (above, below), strict=True):
        assert matrix @ np.array([round(x), round(y), 1]) == pytest.approx(place, abs=1e-3)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_a_whole_crop_is_the_window() -> None:
    crop = CropSpec(48, "whole")
    masks = torch.ones(1, 1, 96, 96)
    matrices, _ = crop_matrices(masks, masks, crop, anchors(crop, load_head("open")))
    assert matrices[0].tolist() == [[0.5, 0, 0], [0, 0.5, 0]]


def test_the_export_names_the_guide(autoencoder: Path, tmp_path: Path) -> None:
    for weight in (0.0, 1.0):
        work = task(autoencoder, emotion=weight)
        folder = tmp_path / str(weight)
        folder.mkdir()
        work.export(work.model(), folder)
        assert (folder / "guides.json").is_file() == bool(weight)
    (row,) = json.loads((folder / "guides.json").read_text())
    use = Use.from_dict(row)
    assert use.role is Role.GUIDE and use.component.name == "open-recognizer"
    assert use.component.sha256


def test_a_guide_needs_gradients_and_a_weight(autoencoder: Path) -> None:
    with pytest.raises(UsageError, match="gradients"):
        task(autoencoder, emotion=1.0, guide="fit")
    with pytest.raises(UsageError, match="--emotion"):
        task(autoencoder, emotion=-1.0)
