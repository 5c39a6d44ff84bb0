"""``facegen eval``: rubbish in, one clear line and exit code 2, and nothing left behind."""

import numpy as np
import pytest

from tests.command import run
from tests.evaluation.clips import write_greys


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    write_greys(folder / "a.mp4", 2)
    return folder


def refused(monkeypatch, words, *arguments):
    outcome = run(monkeypatch, "eval", *arguments)
    assert outcome.code == 2, outcome.error
    lines = [line for line in outcome.error.splitlines() if line.startswith("facegen: ")]
    assert len(lines) == 1 and words in lines[0], outcome.error


@pytest.mark.parametrize("task", ["reenact", "talk"])
def test_clips(monkeypatch, clips, tmp_path, task):
    out = ("-o", tmp_path / "out")
    refused(monkeypatch, "give the clips once", task, *out)
    refused(monkeypatch, "give the clips once", task, clips, "--gt", clips, *out)
    refused(monkeypatch, "no folder, no split file", task, tmp_path / "none", *out)
    refused(monkeypatch, "give --data", task, "talk-grid", *out)
    (tmp_path / "empty").mkdir()
    refused(monkeypatch, "holds no video", task, tmp_path / "empty", *out)
    (tmp_path / "bad.yaml").write_text("- what")
    refused(monkeypatch, "not a split file", task, tmp_path / "bad.yaml", *out)
    refused(monkeypatch, "is a file", task, clips, "-o", tmp_path / "bad.yaml")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("task", ["reenact", "talk"])
def test_predictions(monkeypatch, clips, tmp_path, task):
    out = ("-o", tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    refused(monkeypatch, "is not a folder", task, clips, "--pred", tmp_path / "none", *out)
    refused(monkeypatch, "holds no video", task, clips, "--pred", other, *out)
    write_greys(other / "b.mp4", 2)
    refused(monkeypatch, "matched by name", task, clips, "--pred", other, *out)
    refused(monkeypatch, "is taken", task, clips, "--pred", f"copy={clips}", *out)
    twice = ("--pred", f"x={clips}", "--pred", f"x={clips}")
    refused(monkeypatch, "is taken", task, clips, *twice, *out)


def test_motions(monkeypatch, clips, tmp_path):
    out = ("-o", tmp_path / "out")
    motions = tmp_path / "motions"
    motions.mkdir()
    refused(monkeypatch, "holds no motion", "talk", clips, "--motion", motions, *out)
    np.savez(motions / "b.motion.npz", x=1)
    refused(monkeypatch, "named like a clip", "talk", clips, "--motion", motions, *out)
    (motions / "a.motion.npz").write_bytes(b"")
    both = ("--motion", f"x={motions}", "--pred", f"x={clips}")
    refused(monkeypatch, "is taken", "talk", clips, *both, *out)


def test_cross(monkeypatch, clips, tmp_path):
    pairs = ("pairs", tmp_path, clips, "-o", tmp_path / "pairs.yaml")
    refused(monkeypatch, "nothing to make pairs of", *pairs)
    refused(monkeypatch, "no picture for a", "reenact", clips, "--ref", clips, "-o", tmp_path / "o")
    assert not (tmp_path / "pairs.yaml").exists()
