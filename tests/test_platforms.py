"""What other systems have: drive letters, consoles without UTF-8, no fork, no links."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facegen.cli.options import tracker_of
from facegen.errors import FacegenError
from facegen.evaluation.predictions import named_folders
from facegen.fer import registry
from facegen.pipelines.talk_config import TalkConfig
from facegen.recognizer import opening

ROOT = Path(__file__).parents[1]
DRIVE = r"C:\Users\me\videos"


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        (DRIVE, "folder", DRIVE),
        ("C:/faces", "folder", "C:/faces"),
        (f"rafdb:{DRIVE}", "rafdb", DRIVE),
        (f"folder:{DRIVE}", "folder", DRIVE),
        ("folder:faces", "folder", "faces"),
    ],
)
def test_sets_on_a_drive(text: str, kind: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, Path]] = []

    class Home:
        def __getattr__(self, name: str) -> object:
            return lambda where: opened.append((name, where))

    monkeypatch.setattr(registry.importlib, "import_module", lambda name: Home())
    registry.open_fer_dataset(text)
    assert opened == [(kind, Path(path))]


def test_recognizers_on_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path | None] = []
    monkeypatch.setitem(opening._OPENERS, "fer", asked.append)
    monkeypatch.setattr(opening, "_noted", lambda found: found)
    opening.open_recognizer(f"fer:{DRIVE}")
    assert asked == [Path(DRIVE)]
    with pytest.raises(FacegenError, match="no recognizer"):
        opening.open_recognizer(DRIVE)


def test_named_files_on_a_drive() -> None:
    assert named_folders([f"theirs={DRIVE}"], "--pred") == {"theirs": Path(DRIVE)}
    assert tracker_of(f"smirk={DRIVE}") == {"tracker": "smirk", "tracker_weights": DRIVE}
    assert TalkConfig(head_motion=f"from={DRIVE}").clip == DRIVE


@pytest.mark.parametrize("name", ["\u65e5\u672c", "a\\b", "C:x"])
def test_results_have_any_name_on_any_console(name: str, tmp_path: Path) -> None:
    """A pipe on Windows writes cp1252, which has no Japanese."""
    voice = ROOT / "facegen" / "demo" / "voice.ogg"
    target = tmp_path / f"{name}.motion.npz"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "facegen",
            "talk",
            "--audio",
            str(voice),
            "--motion-only",
            str(target),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "cp1252:strict"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert target.is_file()
