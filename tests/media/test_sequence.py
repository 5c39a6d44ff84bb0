"""A folder of pictures as an output."""

import errno
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import MediaError
from facegen.media import ImageSequenceWriter, read_image, read_video, side_folder

from .media_factory import picture

COUNT = 6
FPS = Fraction(30000, 1001)
TIMES = [Fraction(i * i + 7, 90) for i in range(COUNT)]


class Stop(BaseException):
    """Like Ctrl-C, but only ours."""


def run(path: Path, until: int = COUNT, *, job: str | None = "job", resume: bool = False) -> int:
    """Write pictures up to number ``until``, break off if some are missing; see ``test_resume``."""
    with ImageSequenceWriter(path, 12, 10, FPS, job=job, resume=resume) as writer:
        first = writer.frames_done
        for index in range(first, until):
            writer.write(picture(index, 12, 10), TIMES[index])
        if until < COUNT:
            raise Stop
    return first


def interrupt(path: Path, until: int, **options) -> None:
    with pytest.raises(Stop):
        run(path, until, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole") / "out"
    run(folder)
    return contents(folder)


def test_names_pictures_and_times(tmp_path: Path) -> None:
    run(tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    names = [f"{i:05d}.png" for i in range(COUNT)]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [*names, "times.txt"]
    for index, frame in enumerate(read_video(tmp_path / "out")):
        assert (frame.rgb == picture(index, 12, 10)).all()
    times = [float(t) for t in (tmp_path / "out" / "times.txt").read_text().split()]
    assert times == pytest.approx([float(t - TIMES[0]) for t in TIMES], abs=1.2e-5)


@pytest.mark.parametrize("exists", [False, True])
def test_pattern(exists: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    run(folder / "p%03d.jpg")
    names = {f"p{i:03d}.jpg" for i in range(COUNT)} | ({"notes.txt"} if exists else set())
    assert {p.name for p in folder.iterdir()} == names
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert len(list(read_video(folder / "p%03d.jpg"))) == COUNT


def test_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    run(Path("%05d.png"))
    assert len(list(read_video(tmp_path / "a"))) == COUNT
    monkeypatch.chdir(tmp_path / "b")
    run(Path())
    assert len(list(read_video(tmp_path / "b"))) == COUNT
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}


def test_alpha(tmp_path: Path) -> None:
    alpha = np.arange(120, dtype=np.uint8).reshape(10, 12)
    with ImageSequenceWriter(tmp_path / "out", 12, 10, FPS) as writer:
        writer.write(picture(0, 12, 10), alpha=alpha)
    got = read_image(tmp_path / "out" / "00000.png").alpha
    assert got is not None
    assert (got == alpha).all()


@settings(max_examples=15, deadline=None)
@given(stops=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=3))
def test_same_bytes_wherever_it_stopped(
    stops: list[int], whole: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("stop") / "out"
    for stop in sorted(stops):
        interrupt(path, stop, resume=True)
        assert not path.exists()
    assert run(path, resume=True) == max(stops)
    assert contents(path) == whole
    assert [p.name for p in path.parent.iterdir()] == ["out"]


def _side(path: Path, name: str) -> Path:
    return side_folder(path) / name


def _cut_times(path: Path) -> None:
    """Killed in the middle of a line."""
    text = _side(path, "times.txt").read_text()
    _side(path, "times.txt").write_text(text[:-3])


def _stray(path: Path) -> None:
    _side(path, "pictures/.00005.png.part").touch()
    _side(path, "pictures/00007.png").touch()


DAMAGE = {
    "job gone": (lambda p: _side(p, "job.json").unlink(), 0),
    "job empty": (lambda p: _side(p, "job.json").write_text(""), 0),
    "job a list": (lambda p: _side(p, "job.json").write_text("[]"), 0),
    "origin 1/0": (
        lambda p: _side(p, "job.json").write_text('{"job": "job", "origin": [1, 0]}'), 0,
    ),
    "times gone": (lambda p: _side(p, "times.txt").unlink(), 0),
    "times binary": (lambda p: _side(p, "times.txt").write_bytes(b"\xff\xfe\n\0"), 0),
    "times cut": (_cut_times, 4),
    "picture gone": (lambda p: _side(p, "pictures/00002.png").unlink(), 2),
    "stray files": (_stray, 5),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_costs_no_more_than_it_hit(
    name: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Interrupted again on the way: the second restart must not read what the first threw away."""
    act, kept = DAMAGE[name]
    path = tmp_path / "out"
    interrupt(path, 5)
    act(path)
    with pytest.raises(Stop), ImageSequenceWriter(path, 12, 10, FPS, job="job", resume=True) as w:
        assert w.frames_done == kept
        for index in range(kept, min(kept + 2, COUNT)):
            w.write(picture(index, 12, 10), TIMES[index])
        raise Stop
    assert run(path, resume=True) == min(kept + 2, COUNT)
    assert contents(path) == whole


def test_other_jobs_work_is_refused(tmp_path: Path) -> None:
    interrupt(tmp_path / "out", 4)
    with pytest.raises(MediaError, match="other inputs or options; run without --resume"):
        run(tmp_path / "out", resume=True, job="other")
    assert run(tmp_path / "out", resume=True) == 4


def test_without_resume_it_starts_over(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupt(tmp_path / "out", 4, job="other")
    assert run(tmp_path / "out") == 0
    assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize("until", [0, 3])
def test_without_a_job_nothing_stays(until: int, tmp_path: Path) -> None:
    interrupt(tmp_path / "out", until, job=None)
    assert not list(tmp_path.iterdir())


def test_interrupted_before_the_first_picture_leaves_nothing(tmp_path: Path) -> None:
    interrupt(tmp_path / "out", 0)
    assert not list(tmp_path.iterdir())


def test_full_disk(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and the pictures before it are kept."""
    path = tmp_path / "out"
    interrupt(path, 3)
    with ImageSequenceWriter(path, 12, 10, FPS, job="job", resume=True) as writer:
        with monkeypatch.context() as patch:
            patch.setattr("facegen.media.sequence.write_image", _no_space)
            with pytest.raises(MediaError, match="no space left") as caught:
                writer.write(picture(3, 12, 10), TIMES[3])
            assert "\n" not in str(caught.value)
        for index in range(3, COUNT):
            writer.write(picture(index, 12, 10), TIMES[index] + 1)
    assert len(contents(path)) == len(whole)


def test_full_disk_at_the_end_keeps_the_work(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _no_space)
        with pytest.raises(MediaError, match="no space left on the disk"):
            run(path)
    assert not path.exists()
    assert run(path, resume=True) == COUNT
    assert contents(path) == whole


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _made(path: Path, *, file: bool = False, filled: bool = False) -> Path:
    if file:
        path.touch()
    else:
        path.mkdir()
    if filled:
        (path / "00000.png").touch()
    return path


BAD = {
    "folder with files": (lambda d: _made(d / "out", filled=True), "not empty"),
    "a file there": (lambda d: _made(d / "out", file=True), "is a file, not a folder"),
    "no parent": (lambda d: d / "no" / "out", "there is no folder"),
    "suffix": (lambda d: d / "%05d.xyz", "use one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_target(name: str, tmp_path: Path) -> None:
    make, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(MediaError, match=words) as caught:
        run(path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob(".*"))


def test_bad_pictures(tmp_path: Path) -> None:
    with ImageSequenceWriter(tmp_path / "out", 12, 10, FPS) as writer:
        writer.write(picture(0, 12, 10), 1.0)
        for rgb, time, words in (
            (picture(0, 12, 11), 2.0, "change size"),
            (np.zeros((10, 12, 3)), 2.0, "uint8"),
            (picture(0, 12, 10), 1.0, "must increase"),
        ):
            with pytest.raises(MediaError, match=words):
                writer.write(rgb, time)
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


def test_no_pictures(tmp_path: Path) -> None:
    with (
        pytest.raises(MediaError, match="no pictures"),
        ImageSequenceWriter(tmp_path / "out", 12, 10, FPS),
    ):
        pass
    assert not list(tmp_path.iterdir())
