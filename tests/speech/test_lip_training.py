"""The trainers: deterministic batches, losses that fall, a teacher that teaches, a resumed run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.audio import LogMel
from facegen.data.speech.phones import PHONES
from facegen.errors import UsageError
from facegen.speech.lip_names import SYMMETRIC
from facegen.speech.lip_net import LipNet
from facegen.speech.lip_task import (
    LipTask,
    Spread,
    TeacherTask,
    gap_map,
    load_teacher,
    taught,
)
from facegen.speech.lip_teacher import phone_features
from facegen.speech.lip_weights import load_lip_net
from facegen.training.config import TrainConfig
from facegen.training.loop import train
from tests.speech.lessons import lesson

LESSONS = [lesson(f"real{i}", seed=i) for i in range(3)] + [
    lesson(f"voice{i}", real=False, seed=9 + i) for i in range(2)
]
SPREAD = Spread.of(LESSONS)


def lip_task(seed: int = 0) -> LipTask:
    return LipTask(LESSONS, SPREAD, batch_size=2, seed=seed)


def test_batches_depend_on_seed_and_step_alone() -> None:
    task, again = lip_task(), lip_task()
    again.batch(7, 0, 1)
    for name, value in task.batch(3, 0, 1).items():
        assert torch.equal(value, again.batch(3, 0, 1)[name]), name
    assert not torch.equal(task.batch(4, 0, 1)["features"], task.batch(3, 0, 1)["features"])
    other = task.batch(3, 1, 2)["features"]
    assert not torch.equal(other, task.batch(3, 0, 2)["features"])


def test_batches_have_what_the_network_reads() -> None:
    batch = lip_task().batch(0, 0, 1)
    assert batch["features"].shape == (2, 140, LogMel.dim)
    assert batch["features"].dtype == torch.float32
    assert not batch["knows_mouth"][:, :10].any()


def test_right_answers_cost_less_than_wrong_ones() -> None:
    task = lip_task()
    net = task.model()
    batch = task.batch(0, 0, 1)
    before = task.loss(net, batch, torch.Generator())
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(6):
        loss = task.loss(net, batch, torch.Generator())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = task.loss(net, batch, torch.Generator())
    assert after["loss"] < 0.8 * before["loss"]
    assert set(after) == {"loss", "curves", "gaps", "geometry", "phones"}


def test_the_linear_gaps_open_with_the_jaw_and_close_with_the_lips() -> None:
    gaps = gap_map()
    assert (gaps[SYMMETRIC.index("jawOpen")] > 0.2).all()
    assert (gaps[SYMMETRIC.index("mouthClose")] < -0.2).all()


def test_untracked_speech_alone_is_refused() -> None:
    voices = [lesson("voice", real=False)]
    with pytest.raises(UsageError, match="tracked"):
        Spread.of(voices)
    with pytest.raises(UsageError, match="tracked"):
        TeacherTask(voices, SPREAD)


def test_features_of_a_phone_tell_how_far_and_how_long() -> None:
    labels = np.array([0, 0, 1, 1, 1, 1], np.uint8)
    out = phone_features(labels, PHONES)
    assert out[:2, 0].all()
    assert out[2:, 1].all()
    np.testing.assert_allclose(out[2:, -2], [0.125, 0.375, 0.625, 0.875])
    assert out[2, -1] == pytest.approx(2 * 4 / 25)


def test_a_breath_takes_the_shape_of_what_follows() -> None:
    h, a = PHONES.index("HH"), PHONES.index("AA")
    out = phone_features(np.array([0, h, h, a, h], np.uint8), PHONES)
    assert out[1:, a].sum() == 3
    assert out[4, h] == 1


def test_teacher_and_network_train_resume_and_export(tmp_path: Path) -> None:
    def config(name: str, steps: int) -> TrainConfig:
        return TrainConfig(
            output=tmp_path / name, steps=steps, learning_rate=5e-3, warmup=1, ema=0.5,
            precision="fp32", save_every=2, log_every=1, workers=0,
        )  # fmt: skip

    folder = train(TeacherTask(LESSONS, SPREAD, batch_size=4), config("teacher", 60))
    teacher = load_teacher(folder)
    students = taught(LESSONS, teacher)
    assert students[0] is LESSONS[0]
    mouth = students[-1].curves
    assert mouth is not None
    phones = students[-1].phones
    jaw = SYMMETRIC.index("jawOpen")
    assert mouth[phones == PHONES.index("AA"), jaw].mean() > 0.15
    assert mouth[phones == PHONES.index("PP"), jaw].mean() < 0.12

    task = LipTask(students, SPREAD, batch_size=1, check=lambda net: {"curves": len(SYMMETRIC)})
    train(task, config("lips", 1))
    folder = train(task, config("lips", 2))
    net = load_lip_net(folder)
    assert isinstance(net, LipNet)
    assert net.config.phones == PHONES
    task.sample(net, tmp_path, 2)
    assert "curves" in (tmp_path / "lips_0000002.json").read_text()
