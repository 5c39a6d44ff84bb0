"""Too little of everything: disk, file size, open files. Whole results, or one line and nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facegen.demo import MOTION, PHOTO, VOICE
from facegen.motion import Motion
from tests.command import run, snapshot

resource = pytest.importorskip("resource", reason="needs POSIX resource limits")
# An archive whose file failed complains once more when it is collected; the command ends before.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

# Every command that writes, with what it needs of the disk.
WRITERS: dict[str, list[str]] = {
    "export glb": ["export", str(MOTION), "--out={to}/x.glb"],
    "export csv": ["export", str(MOTION), "--out={to}/x.csv"],
    "export npz": ["export", str(MOTION), "--out={to}/x.npz"],
    "export motion": ["export", str(MOTION), "--out={to}/x.motion.npz"],
    "export meshes": ["export", str(MOTION), "--format=obj", "--out={to}/x"],
    "talk motion": ["talk", f"--audio={VOICE}", "--motion-only={to}/x.glb"],
    "fit glb": ["fit", str(PHOTO), "--out={to}/x.npz", "--glb={to}/x.glb", "--obj={to}/x.obj"],
    "fit overlay": ["fit", str(PHOTO), "--out={to}/x.npz", "--overlay={to}/x.png"],
    "recognize": [
        "recognize", str(PHOTO), "--recognizer=fit", "--out={to}/x.csv", "--overlay={to}/x.png",
    ],
    "reenact": ["reenact", "--demo", "--generator=warp", "--max-frames=60", "--out={to}/x.mp4"],
    "reenact folder": ["reenact", "--demo", "--generator=warp", "--max-frames=12", "--out={to}/x"],
    "talk": ["talk", "--demo", "--generator=warp", "--max-frames=30", "--out={to}/x.mkv"],
}  # fmt: skip
SLOW = ("reenact", "talk")
CASES = [
    pytest.param(name, marks=pytest.mark.slow if name.startswith(SLOW) and "motion" not in name
                 else ())
    for name in WRITERS
]  # fmt: skip


@contextmanager
def limited(kind: int, value: int) -> Iterator[None]:
    """A soft limit of this process for the length of a block."""
    before = resource.getrlimit(kind)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)
        signal.signal(signal.SIGXFSZ, handler)


def _nothing_half(folder: Path, before: dict[str, tuple[int, bytes]]) -> None:
    """What was there is untouched; what is new is the first of several results, whole, if it had
    room, and what ``--resume`` goes on from."""
    after = snapshot(folder)
    assert before.items() <= after.items()
    for name in after.keys() - before.keys():
        if ".facegen" not in name:
            assert name == "x.npz" and len(Motion.load(folder / name)) == 1


@pytest.mark.parametrize("name", CASES)
def test_files_that_may_not_grow(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.old").write_bytes(b"precious")
    before = snapshot(tmp_path)
    with limited(resource.RLIMIT_FSIZE, 1500):
        outcome = run(monkeypatch, *(word.replace("{to}", str(tmp_path)) for word in WRITERS[name]))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    _nothing_half(tmp_path, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid():
        pytest.skip("mounting a small file system needs root")
    told = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)],
        capture_output=True, text=True,
    )  # fmt: skip
    if told.returncode:
        pytest.skip(f"no small file system can be mounted here ({told.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("name", CASES)
def test_full_disk(name: str, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (small_disk / "x.old").write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - 8192))
    before = snapshot(small_disk)
    outcome = run(monkeypatch, *(word.replace("{to}", str(small_disk)) for word in WRITERS[name]))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    assert "space" in outcome.error, outcome.error
    _nothing_half(small_disk, before)


@pytest.mark.parametrize("name", ["export glb", "export csv", "fit glb", "recognize"])
def test_no_more_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(tmp_path)
    with limited(resource.RLIMIT_NOFILE, 3):
        outcome = run(monkeypatch, *(word.replace("{to}", str(tmp_path)) for word in WRITERS[name]))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    assert snapshot(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [300, 700, 1200, 2000])
@pytest.mark.parametrize("name", ["export glb", "fit overlay"])
def test_low_memory(name: str, megabytes: int, tmp_path: Path) -> None:
    """At some limits the libraries do not load, at others arrays do not fit, at some it works."""
    words = [word.replace("{to}", str(tmp_path)) for word in WRITERS[name]]
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes << 20},) * 2);"
        f"import sys; sys.argv = ['facegen', *{words!r}];"
        "from facegen.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode == 0:
        return
    assert not list(tmp_path.iterdir())
    if done.returncode in (127, -signal.SIGABRT):
        return  # native libraries that do not fit end the process themselves, before our code runs
    assert done.returncode == 2, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("facegen: ")]) == 1
