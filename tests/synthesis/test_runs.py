"""Real runs: killed and continued, and shared between processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facegen.synthesis.dataset import SyntheticDataset
from facegen.synthesis.rows import unit_folder

ROOT = Path(__file__).resolve().parents[2]
PLAN = """
size: 160
format: png
shard: 4
identities: {people: [{count: 6, samples: 3}]}
gates: {face: false}
lens: {codec: 0}
"""


def command(plan: Path, out: Path) -> list[str]:
    return ["-m", "facegen", "synth", "--plan", str(plan), "--out", str(out)]


def shards(out: Path) -> dict[str, str]:
    return {
        s["file"]: s["sha256"] for s in json.loads((out / "dataset.json").read_text())["shards"]
    }


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("plan") / "plan.yaml"
    file.write_text(PLAN)
    return file


@pytest.fixture(scope="module")
def whole(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    subprocess.run([sys.executable, *command(plan, out)], cwd=ROOT, check=True)
    return out


@pytest.mark.slow
def test_a_killed_run_continued_is_the_same_set(plan: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    run = subprocess.Popen([sys.executable, *command(plan, out)], cwd=ROOT)
    while run.poll() is None and len(list(unit_folder(out).glob("*.jsonl"))) < 2:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not (out / "dataset.json").exists()
    subprocess.run([sys.executable, *command(plan, out)], cwd=ROOT, check=True)
    assert shards(out) == shards(whole)
    SyntheticDataset(out, check=True)


@pytest.mark.slow
def test_two_processes_make_the_same_set(plan: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared"
    launch = [
        *("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
    ]
    subprocess.run([sys.executable, *launch, *command(plan, out)], cwd=ROOT, check=True)
    assert shards(out) == shards(whole)
