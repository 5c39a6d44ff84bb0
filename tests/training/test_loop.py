"""The loop: the same curve with and without interruption, whole checkpoints, clear refusals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from facegen.errors import FacegenError, UsageError
from facegen.training.average import WeightAverage
from facegen.training.config import TrainConfig
from facegen.training.log import TrainLog, read_log
from facegen.training.loop import train
from tests.training.line import Line

pytest.importorskip("accelerate")
ROOT = Path(__file__).resolve().parents[2]


def settings(folder: Path, **changes: object) -> TrainConfig:
    plain = TrainConfig(
        output=folder, steps=12, batch_size=4, accumulate=2, learning_rate=1e-2, warmup=3,
        ema=0.9, precision="fp32", save_every=4, log_every=1, workers=0,
    )  # fmt: skip
    return replace(plain, **changes)


def curve(folder: Path) -> list[tuple[float, float, float]]:
    return [(row["step"], row["loss"], row["gradient"]) for row in read_log(folder / "log.jsonl")]


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "export" / "model.safetensors")


class KilledAt(Line):
    """Dies without notice while it prepares a batch."""

    def __init__(self, step: int, error: type[BaseException]) -> None:
        super().__init__()
        self._at, self._error = step, error

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        if step == self._at:
            raise self._error
        return super().batch(step, rank, world)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_goes_on_along_the_same_curve(tmp_path: Path, workers: int) -> None:
    whole = settings(tmp_path / "whole")
    train(Line(), whole)
    torn = settings(tmp_path / "torn", workers=workers)
    with pytest.raises(RuntimeError):  # pass 13 is in step 6, two steps beyond the checkpoint
        train(KilledAt(13, RuntimeError), torn)
    assert curve(torn.output)[-1][0] == 6
    train(Line(), torn)
    assert curve(torn.output) == curve(whole.output)
    assert len(curve(torn.output)) == 12
    for name, value in weights(whole.output).items():
        torch.testing.assert_close(weights(torn.output)[name], value, rtol=0, atol=0)


def test_it_learns_and_exports_the_average(tmp_path: Path) -> None:
    config = settings(tmp_path / "run", steps=150, save_every=1000, sample_every=100)
    exported = train(Line(), config)
    losses = [loss for _, loss, _ in curve(config.output)]
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert (exported / "config.json").exists()
    last = load_file(config.output / "checkpoints" / "step_000000150" / "model.safetensors")
    averaged = weights(config.output)
    assert not torch.equal(last["model.0.weight"], averaged["0.weight"])
    names = {path.name: path.read_text() for path in (config.output / "samples").iterdir()}
    assert names == {"100.json": "true", "150.json": "true"}


@pytest.fixture
def python_stops() -> Iterator[None]:
    """Python's own answer to Ctrl-C, whatever ran in this process before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_stops")
def test_the_first_signal_saves_and_is_then_let_through(tmp_path: Path) -> None:
    class Interrupting(Line):
        def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
            if step == 4:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
            return super().batch(step, rank, world)

    config = settings(tmp_path / "run", save_every=1000)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupting(), config)
    whole = settings(tmp_path / "whole")
    train(Line(), whole)
    assert [path.name for path in (config.output / "checkpoints").iterdir()] == ["step_000000003"]
    train(Line(), config)
    assert curve(config.output) == curve(whole.output)


def test_minutes_end_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    class Slow(Line):
        def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
            time.sleep(0.02)
            return super().batch(step, rank, world)

    config = settings(tmp_path / "run", steps=10**6, save_every=10**6, minutes=0.3 / 60)
    exported = train(Slow(), config)
    (folder,) = (config.output / "checkpoints").iterdir()
    assert int(folder.name[5:]) == curve(config.output)[-1][0] < 100
    assert exported.is_dir()


def test_two_checkpoints_stay_and_no_part(tmp_path: Path) -> None:
    config = settings(tmp_path / "run", steps=9, save_every=2)
    part = config.output / "checkpoints" / ".step_000000002.part"
    part.mkdir(parents=True)
    (part / "model.safetensors").write_text("half a file")  # a run died here before
    train(Line(), config)
    names = sorted(path.name for path in (config.output / "checkpoints").iterdir())
    assert names == ["step_000000008", "step_000000009"]


def test_a_diverged_run_is_stopped_and_not_saved(tmp_path: Path) -> None:
    class Diverging(Line):
        def loss(
            self, model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
        ) -> dict[str, Tensor]:
            losses = super().loss(model, batch, generator)
            return {**losses, "loss": losses["loss"] / 0}

    config = settings(tmp_path / "run", log_every=1000)
    with pytest.raises(UsageError, match="learning-rate"):
        train(Diverging(), config)
    assert not (config.output / "checkpoints").exists()


def test_folders_of_other_trainings_are_refused(tmp_path: Path) -> None:
    config = settings(tmp_path / "run", steps=2)
    train(Line(), config)
    other = Line()
    other.name = "curve"
    with pytest.raises(UsageError, match="line"):
        train(other, config)
    with pytest.raises(UsageError, match="another folder"):
        train(Line(), config, resume=False)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"accumulate": 0}, {"learning_rate": 0.0}, {"ema": 1.0}, {"minutes": 0.0},
     {"precision": "fp8"}, {"schedule": "step"}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_named(tmp_path: Path, wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(FacegenError, match=name.replace("_", "-")):
        settings(tmp_path, **wrong).validate()


def test_rate_rises_then_falls() -> None:
    config = settings(Path("x"), steps=100, warmup=10, schedule="cosine", learning_rate=1e-3)
    rates = [config.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4, rel=1e-3)
    assert max(rates) == rates[9]
    assert all(a > b for a, b in zip(rates[9:], rates[10:], strict=False))
    assert rates[-1] < 1e-6


def test_average_follows_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, decay=0.5)
    for value in (1.0, 2.0, 4.0):  # decays of updates 1 and 2: 2/11, 3/12
        model.weight.data.fill_(value)
        average.update(model)
    second = 1.0 * 2 / 11 + 2.0 * 9 / 11
    assert float(average.model.weight) == pytest.approx(second * 3 / 12 + 4.0 * 9 / 12)


def test_a_torn_log_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n{"step": 3, "lo')
    TrainLog(path, keep_until=1).write(2, {"loss": 0.5})
    assert [row["loss"] for row in read_log(path)] == [2.0, 0.5]


@pytest.mark.slow
def test_two_processes_share_one_training(tmp_path: Path) -> None:
    """Gradients are averaged: both processes end with the weights of one training."""

    def launch(folder: Path, steps: int) -> None:
        command = [
            sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2",
            "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no",
            "--main_process_port=0",
            "-m", "tests.training.line", str(folder), str(steps),
        ]  # fmt: skip
        # The launcher starts several processes for GPUs only; the switch lets them use the CPU.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)

    launch(tmp_path / "whole", 8)
    launch(tmp_path / "parts", 5)
    launch(tmp_path / "parts", 8)
    states = tmp_path / "whole" / "checkpoints" / "step_000000008"
    assert {"random_states_0.pkl", "random_states_1.pkl"} <= {p.name for p in states.iterdir()}
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")
    for name, value in weights(tmp_path / "whole").items():
        torch.testing.assert_close(weights(tmp_path / "parts")[name], value)
