"""The commands end to end, and what they refuse."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facegen.cli import app
from facegen.demo import PHOTO

pytest.importorskip("accelerate")


def tree(root: Path) -> Path:
    """Copies of one face under three names."""
    for kind in ("neutral", "happy", "anger"):
        (root / kind).mkdir(parents=True)
        for number in range(2):
            shutil.copy(PHOTO, root / kind / f"{number}{PHOTO.suffix}")
    return root


@pytest.mark.slow
def test_trained_then_measured(tmp_path: Path) -> None:
    data = tree(tmp_path / "faces")
    arguments = ["--real", f"folder:{data}", "-o", f"{tmp_path / 'run'}", "--steps", "3"]
    arguments += ["--batch-size", "6", "--width", "8", "--side", "32", "--warmup", "0"]
    done = CliRunner().invoke(app, ["train", "recognizer", *arguments, "--sharpness", "0.05"])
    assert done.exit_code == 0, done.output
    folder = Path(done.output.strip().splitlines()[-1])
    assert "## Learned from" in (folder / "README.md").read_text()
    told = ["eval", "recognizer", "--model", f"{folder}", "--data", f"folder:{data}"]
    refused = CliRunner().invoke(app, [*told, "-o", f"{tmp_path / 'report'}"])
    assert refused.exception is not None
    assert "learned from" in str(refused.exception)
    done = CliRunner().invoke(app, [*told, "-o", f"{tmp_path / 'report'}", "--allow-circular"])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())[str(folder)]
    assert report["count"] == 6
    assert "trained on it" in report["set"]
    assert set(report["present_only"]["recall"]) >= {"neutral", "happy", "anger"}


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "recognizer", "-o", f"{tmp_path / 'run'}"])
    assert "--real KIND:PATH" in str(done.exception)
    assert not (tmp_path / "run").exists()
