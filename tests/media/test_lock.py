"""Two runs never write one target."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from facegen.errors import MediaError
from facegen.media import ImageSequenceWriter, SegmentedWriter, VideoWriter, check_output
from facegen.media.lock import TargetLock
from facegen.media.writer import PictureSink

from .media_factory import packets, picture

HELD = rf"another run \(process {os.getpid()}\) is writing it"
WRITERS: dict[str, tuple[str, Callable[[Path], PictureSink]]] = {
    "plain": ("x.mp4", lambda p: VideoWriter(p, 32, 24, 25)),
    "resumable": ("x.mp4", lambda p: SegmentedWriter(p, 32, 24, 25, job="j", segment_frames=2)),
    "folder": ("out", lambda p: ImageSequenceWriter(p, 32, 24, 25)),
    "resumable folder": ("out", lambda p: ImageSequenceWriter(p, 32, 24, 25, job="j")),
}
PAIRS = [(a, b) for a in WRITERS for b in WRITERS if WRITERS[a][0] == WRITERS[b][0]]


def enter_and_write(writer: PictureSink, count: int = 3) -> None:
    with writer:
        for index in range(count):
            writer.write(picture(index, 32, 24))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_second_is_refused_and_harms_nothing(first: str, second: str, tmp_path: Path) -> None:
    name, make = WRITERS[first]
    path = tmp_path / name
    with make(path) as writer:
        writer.write(picture(0, 32, 24))
        for action in (
            lambda: enter_and_write(WRITERS[second][1](path)),
            lambda: check_output(path),
        ):
            with pytest.raises(MediaError, match=HELD) as caught:
                action()
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
        for index in range(1, 5):
            writer.write(picture(index, 32, 24))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (len(packets(path)) if path.is_file() else len(list(path.glob("*.png")))) == 5


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_given_back_at_the_end(
    kind: str, error: type[BaseException] | None, tmp_path: Path
) -> None:
    name, make = WRITERS[kind]
    if error is not None:
        with pytest.raises(error), make(tmp_path / name):
            raise error
    enter_and_write(make(tmp_path / name))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_given_back_when_the_writer_cannot_begin(tmp_path: Path) -> None:
    for name, kind in (("x.mp4", SegmentedWriter), ("out", ImageSequenceWriter)):
        with (
            pytest.raises(KeyboardInterrupt),
            kind(tmp_path / name, 32, 24, 25, job="j", **_short(kind)) as writer,
        ):
            for index in range(3):
                writer.write(picture(index, 32, 24))
            raise KeyboardInterrupt
        with pytest.raises(MediaError, match="other inputs"):
            kind(tmp_path / name, 32, 24, 25, job="k", resume=True, **_short(kind))
        assert not list(tmp_path.glob(".*.lock"))


def _short(kind: type) -> dict[str, int]:
    return {"segment_frames": 2} if kind is SegmentedWriter else {}


HOLD = """
import sys, time
from pathlib import Path
from facegen.media.lock import TargetLock
TargetLock(Path(sys.argv[1])).acquire()
sys.stdout.write("held")
sys.stdout.flush()
sys.stdin.read()
"""


def test_another_process_and_its_death(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.read(4) == b"held"
        with pytest.raises(MediaError, match=rf"process {other.pid}\)"):
            enter_and_write(VideoWriter(path, 32, 24, 25))
    finally:
        other.kill()
    deadline = time.monotonic() + 5
    while psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    enter_and_write(VideoWriter(path, 32, 24, 25))  # a zombie writes nothing any more
    other.communicate()
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


STALE = {
    "number nobody has": "[999999999, 1.0]",
    "number given to another since": f"[{os.getpid()}, 1.0]",
    "impossible number": "[-5, 1.0]",
    "huge number": "[1e300, 1.0]",
    "empty": "",
    "text": "hello",
    "binary": "\xff\0",
    "not a pair": "[1]",
    "null": "null",
}


@pytest.mark.parametrize("name", STALE)
def test_left_over_locks_are_taken_over(name: str, tmp_path: Path) -> None:
    lock = tmp_path / ".x.mp4.lock"
    lock.write_text(STALE[name], encoding="latin-1")
    os.utime(lock, (1e9, 1e9))
    check_output(tmp_path / "x.mp4")
    enter_and_write(VideoWriter(tmp_path / "x.mp4", 32, 24, 25))
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


def test_a_lock_just_made_is_respected(tmp_path: Path) -> None:
    """Between making the file and naming the holder in it there is a moment."""
    (tmp_path / ".x.mp4.lock").touch()
    with pytest.raises(MediaError, match="has just begun"):
        TargetLock(tmp_path / "x.mp4").acquire()


@pytest.mark.parametrize("stale", [False, True])
def test_one_of_many_wins(stale: bool, tmp_path: Path) -> None:
    locks = [TargetLock(tmp_path / "x.mp4") for _ in range(16)]
    if stale:
        (tmp_path / ".x.mp4.lock").write_text("[999999999, 1.0]")

    def won(lock: TargetLock) -> bool:
        try:
            lock.acquire()
        except MediaError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(won, locks)) == 1
    for lock in locks:
        lock.release()
    assert not list(tmp_path.iterdir())


def test_release_without_a_lock_takes_nobodys(tmp_path: Path) -> None:
    mine, other = TargetLock(tmp_path / "x.mp4"), TargetLock(tmp_path / "x.mp4")
    mine.acquire()
    other.release()
    assert (tmp_path / ".x.mp4.lock").exists()
    mine.release()
    mine.release()
    assert not list(tmp_path.iterdir())


def test_left_overs_of_a_take_over_are_swept(tmp_path: Path) -> None:
    """A run may be killed between setting a dead lock aside and removing it."""
    left, other = tmp_path / ".x.mp4.lock.999999999", tmp_path / ".y.mp4.lock.999999999"
    for path in (left, other):
        path.write_text("[1, 1.0]")
    lock = TargetLock(tmp_path / "x.mp4")
    lock.acquire()
    assert {p.name for p in tmp_path.iterdir()} == {".x.mp4.lock", other.name}
    lock.release()
