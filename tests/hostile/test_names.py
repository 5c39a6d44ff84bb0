"""Names that are odd but allowed: read and written like any other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from facegen.demo import MOTION
from facegen.media import VideoWriter, atomic_path, contact_sheet, probe, read_image, write_image
from facegen.motion import Motion
from tests.cli.media_zoo import moving_face
from tests.command import run

NAMES = {
    "unicode": "Gr\u00fc\u00dfe \u4f60\u597d",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469",
    "right to left": "\u0645\u0631\u062d\u0628\u0627",
    "combining": "e\u0301\u0323",
    "spaces": "  two  spaces ",
    "quotes": 'it\'s "me" `here` $HOME',
    "leading dash": "-o",
    "leading dot": ".hidden",
    "line break": "two\nlines",
    "tab and bell": "a\tb\a",
    "windows path": "C:\\Users\\me\\x",
    "windows device": "CON",
    "trailing dots": "x...",
    "percent": "100%",
    "glob": "[a]*?{b}",
    "colon": "file:x",
    "long": "n" * 200,
    "brackets of rich": "[red]x[bold]",
}
if sys.platform.startswith("linux"):
    NAMES["not utf-8"] = os.fsdecode(b"latin-\xfc")


@pytest.mark.parametrize("name", NAMES)
def test_motions(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From name to name, relative to the current folder, where a dash could be an option."""
    monkeypatch.chdir(tmp_path)
    source, table = f"{NAMES[name]}.motion.npz", f"{NAMES[name]}.csv"
    Path(source).write_bytes(MOTION.read_bytes())
    outcome = run(monkeypatch, "export", f"--out={table}", "--", source)
    assert outcome.code == 0, outcome.error
    again = run(monkeypatch, "export", "--out=again.motion.npz", "--", table)
    assert again.code == 0, again.error
    assert len(Motion.load("again.motion.npz")) == len(Motion.load(MOTION))
    assert {p.name for p in tmp_path.iterdir()} == {source, table, "again.motion.npz"}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_videos(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks for a mark cost seconds: only the oddest names go through the whole command."""
    monkeypatch.chdir(tmp_path)
    frames = moving_face(2, 64, 64)
    picture, video = Path(f"{NAMES[name]}.png"), Path(f"{NAMES[name]}.mp4")
    write_image(picture, frames[0])
    assert (read_image(picture).rgb == frames[0]).all()
    with VideoWriter(video, 64, 64, 25) as writer:
        for rgb in frames:
            writer.write(rgb)
    assert probe(video).frame_count == 2
    assert contact_sheet(frames, 2, [NAMES[name]] * 2).shape[2] == 3
    for file in (picture, video) if name in ("not utf-8", "leading dash") else ():
        outcome = run(monkeypatch, "verify", "--", file)
        assert outcome.code == 1 and not outcome.error, outcome.error


def test_a_refusal_stays_on_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two\nlines.png").write_bytes(b"no picture")
    outcome = run(monkeypatch, "verify", "two\nlines.png")
    assert outcome.code == 2 and outcome.error.count("\n") == 1


def test_a_name_that_just_does_not_fit(tmp_path: Path) -> None:
    """The unfinished file's longer name must not be told as the user's fault."""
    Image.fromarray(moving_face(1, 32, 32)[0]).save(tmp_path / "x.png")
    with atomic_path(tmp_path / ("n" * 240)) as part:
        part.write_bytes(b"whole")
    assert [p for p in tmp_path.iterdir() if p.name.startswith("nnn")][0].read_bytes() == b"whole"


@pytest.mark.parametrize("when", [0, 1, 315_532_799, 4_354_819_200])
def test_files_from_another_time(
    when: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1970, the second before 1980 (where zip archives begin), 2108 (where they end)."""
    source = tmp_path / "m.motion.npz"
    source.write_bytes(MOTION.read_bytes())
    for file in (source, tmp_path):
        os.utime(file, (when, when))
    monkeypatch.setattr("time.time", lambda: float(when))
    for target in ("x.motion.npz", "x.csv", "x.glb", "x.npz"):
        outcome = run(monkeypatch, "export", source, "-o", tmp_path / target)
        assert outcome.code == 0, outcome.error
