"""Odd surroundings of a process: alphabets, decimal commas, time zones, closed streams."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facegen.demo import MOTION
from facegen.motion import Motion

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX locales and streams")

ROOT = Path(__file__).resolve().parents[2]
NAME = "Gr\u00fc\u00dfe \u4f60 \U0001f600"
PLAIN = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PLACES = {
    "posix": {"LC_ALL": "POSIX"},
    "ascii only": {"LC_ALL": "C", **PLAIN},
    "latin-1 output": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1", **PLAIN},
    "no such locale": {"LC_ALL": "xx_YY.nonsense"},
    "odd time zone": {"TZ": ":/no/such/zone"},
    "no home": {"HOME": "/no/such/home"},
    "no terminal": {"TERM": "", "COLUMNS": "0", "LINES": "-1"},
}


def facegen(folder: Path, *words: str, env: dict[str, str], **streams: object):
    """The command as a process of its own with a bare environment."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "facegen", *words], cwd=folder, env=bare | env,
        stderr=subprocess.PIPE, timeout=600, **streams,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder with a motion of an odd name."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / f"{NAME}.motion.npz").write_bytes(MOTION.read_bytes())
    return tmp_path / "here"


def works(folder: Path, env: dict[str, str]) -> bytes:
    """Export under that environment; what was printed."""
    done = facegen(
        folder, "export", f"{NAME}.motion.npz", "-o", f"{NAME}.csv", env=env, stdout=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stderr == b""
    text = (folder / f"{NAME}.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + len(Motion.load(MOTION))
    assert all(";" not in line.partition(",")[2] for line in text.splitlines())
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_works(place: str, folder: Path) -> None:
    assert works(folder, PLACES[place]).endswith(b".csv\n")


@pytest.mark.slow
def test_decimal_commas_and_latin_1(folder: Path) -> None:
    """A German system of before UTF-8."""
    maker, locales = shutil.which("localedef"), folder.parent / "locales"
    if maker is None:
        pytest.skip("no localedef to make the locale with")
    locales.mkdir()
    make = [maker, "-i", "de_DE", "-f", "ISO-8859-1", str(locales / "de_DE.iso88591")]
    if subprocess.run(make, capture_output=True).returncode:
        pytest.skip("no sources of the German locale here")
    plain = folder / "x.motion.npz"
    (folder / f"{NAME}.motion.npz").rename(plain)
    env = {"LOCPATH": str(locales), "LC_ALL": "de_DE.iso88591", **PLAIN}
    done = facegen(folder, "export", plain.name, "-o", "x.csv", env=env, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert "," in (folder / "x.csv").read_text().splitlines()[1]
    assert len((folder / "x.csv").read_text().splitlines()[1].split(",")) == 63


SHELL = {
    "no input": "<&-",
    "no output": ">&-",
    "no errors": "2>&-",
    "nothing at all": "<&- >&- 2>&-",
    "full output": "> /dev/full",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHELL)
@pytest.mark.parametrize("good", [True, False], ids=["good", "refused"])
def test_closed_streams(name: str, good: bool, folder: Path) -> None:
    source = f"{NAME}.motion.npz" if good else "nobody.npz"
    line = f"exec {sys.executable} -m facegen export '{source}' -o x.csv {SHELL[name]}"
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, stderr=subprocess.PIPE, timeout=600,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr, done.stderr
    assert done.returncode == (0 if good and name != "full output" else 2)
    assert (folder / "x.csv").exists() == good


@pytest.mark.slow
def test_a_reader_that_is_gone(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = facegen(folder, "assets", "licences", env={}, stdout=write)
    finally:
        os.close(write)
    assert done.stderr == b"" and done.returncode in (0, 1)  # 1 where the parser noticed it
