"""A recognizer's opinion as a term of the head network's loss."""

import json

import pytest
import torch

from facegen.recognizer.loss import open_emotion_loss
from facegen.speech.head_channels import CHANNELS, PAIRS
from facegen.speech.head_emotion import FRAMES, WINDOWS, MotionEmotion
from facegen.speech.head_task import HeadTask
from tests.speech.test_head import SMALL, clip


@pytest.fixture(scope="module")
def felt() -> MotionEmotion:
    return MotionEmotion(open_emotion_loss("open", level="clip"))


def test_channels_move_what_they_are_named_after(felt: MotionEmotion) -> None:
    still = torch.zeros(1, 1, len(CHANNELS))
    moved = still.clone()
    moved[..., CHANNELS.index("browInnerUp")] = 1.0
    calm, raised = felt.pictures(torch.cat([still, moved]))[:, 0]
    rows = (raised - calm).abs().sum((0, 2)).nonzero()[:, 0]
    height = calm.shape[1]
    assert len(rows) and rows.max() < 0.55 * height, "brows stand in the upper half"
    assert CHANNELS[3:] == PAIRS


def test_the_same_motion_costs_nothing_and_another_something(felt: MotionEmotion) -> None:
    torch.manual_seed(0)
    true = torch.rand(WINDOWS, 9, len(CHANNELS)) * 0.1
    drawn = true.clone()
    drawn[..., 3:] += 0.6
    drawn.requires_grad_()
    assert float(felt(true, true)) == pytest.approx(0, abs=1e-5)
    loss = felt(drawn, true)
    loss.backward()
    assert float(loss.detach()) > 1e-3
    assert drawn.grad is not None and torch.isfinite(drawn.grad).all()
    assert int((drawn.grad.abs().sum((0, 2)) > 0).sum()) == FRAMES


def test_the_task_adds_it_and_names_the_guide(tmp_path) -> None:
    def task(weight: float) -> HeadTask:
        return HeadTask([clip(8, 0)], batch_size=2, stretches=1, config=SMALL, emotion=weight)

    plain, guided = task(0.0), task(2.0)
    model, batch = plain.model(), plain.batch(0, 0, 1)
    before = plain.loss(model, batch, torch.Generator().manual_seed(0))
    after = guided.loss(model, batch, torch.Generator().manual_seed(0))
    assert set(before) == {"loss"} and float(after["emotion"].detach()) > 0
    torch.testing.assert_close(after["loss"], before["loss"] + 2 * after["emotion"])
    after["loss"].backward()
    guided.export(model, tmp_path)
    (guide,) = json.loads((tmp_path / "guides.json").read_text())
    assert guide["role"] == "guide"
    (tmp_path / "plain").mkdir()
    plain.export(model, tmp_path / "plain")
    assert not (tmp_path / "plain" / "guides.json").exists()
