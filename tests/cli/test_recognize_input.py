"""``facegen recognize`` with rubbish: one line and exit code 2, nothing left behind."""

from pathlib import Path

import numpy as np
import pytest

from facegen.media import write_image
from facegen.recognizer.frame import FaceFrame
from tests.cli.media_zoo import portrait
from tests.command import assert_refused, run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.mp4"], "none.mp4"),
        (["in.png", "-o", "t.txt"], "the table is a .csv"),
        (["in.png", "--style", "excel"], "--style excel"),
        (["in.png", "--heads", "mood"], "--heads mood"),
        (["in.png", "--recognizer", "nobody"], "no recognizer"),
        (["in.png", "--recognizer", "mediapipe"], "face_landmarker"),
        (["in.png", "--recognizer", "faceapi"], "npm pack"),
        (["in.png", "--plot", "x.doc"], "--plot"),
    ],
)
def test_rubbish(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in.png", np.full((64, 64, 3), 90, np.uint8))
    outcome = run(monkeypatch, "recognize", *arguments)
    assert message in outcome.error
    assert_refused(outcome, tmp_path, {"in.png"})


def test_a_picture_gets_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "me.png", np.asarray(portrait(256, 256)))
    outcome = run(monkeypatch, "recognize", "me.png", "--recognizer", "fit", "--style", "pyfeat")
    assert outcome.code == 0, outcome.error
    assert FaceFrame.load(tmp_path / "me.csv").AU12[0] > 0.25
    assert "exists" in run(monkeypatch, "recognize", "me.png", "--recognizer", "fit").error
