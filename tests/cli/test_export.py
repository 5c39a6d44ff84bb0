"""``facegen export`` and the licence options of the command, from outside."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facegen.cli import app
from facegen.demo import MOTION
from facegen.errors import UsageError
from facegen.motion import Motion
from facegen.weights import ledger


@pytest.fixture(autouse=True)
def free():
    yield
    ledger.require_commercial(False)


def run(*words):
    return CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)


def test_round_trip_through_files(tmp_path):
    for name in ("a.npz", "a.csv", "a.json", "a.motion.npz"):
        assert run("export", MOTION, "-o", tmp_path / name).exit_code == 0
    assert run("export", tmp_path / "a.npz", "-o", tmp_path / "b.motion.npz").exit_code == 0
    one, two = Motion.load(MOTION), Motion.load(tmp_path / "b.motion.npz")
    np.testing.assert_array_equal(one.expression, two.expression)
    assert run("export", tmp_path / "a.csv", "--fps", 30, "-o", tmp_path / "c.motion.npz")
    assert Motion.load(tmp_path / "c.motion.npz").fps == 30
    assert json.loads((tmp_path / "a.json").read_text())["opencv"]["K"]


def test_an_unknown_target_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="give .glb"):
        run("export", MOTION, "-o", tmp_path / "x.bvh")
    assert not list(tmp_path.iterdir())


def test_a_commercial_run_refuses(monkeypatch, tmp_path):
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path))
    assert run("--commercial", "export", MOTION, "-o", tmp_path / "a.csv").exit_code == 0
    with pytest.raises(UsageError, match="deca"):
        ledger.touch("deca")
    shown = run("assets", "show", "smirk").output
    assert "SMIRK_em1.pt" in shown and "not pinned" in shown
