"""Two runs, one output: one wins or waits, and what stands there is one run's whole work."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from facegen.demo import MOTION
from facegen.errors import MediaError
from facegen.media import atomic, atomic_path
from facegen.media.atomic import atomic_folder
from facegen.motion import Motion


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    target, inside, go = tmp_path / "x", threading.Event(), threading.Event()

    def first() -> None:
        with atomic_path(target) as part:
            part.write_bytes(b"first, begun")
            inside.set()
            go.wait(10)
            part.write_bytes(b"first, whole")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    threading.Timer(0.2, go.set).start()
    with atomic_path(target) as part:
        assert target.read_bytes() == b"first, whole"
        part.write_bytes(b"second")
    thread.join()
    assert target.read_bytes() == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("kind", [atomic_path, atomic_folder])
def test_the_second_gives_up_and_harms_nothing(
    kind: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "_PATIENCE_SECONDS", 0.2)
    target = tmp_path / "x"
    with kind(target) as part:
        if kind is atomic_path:
            part.write_bytes(b"whole")
        with pytest.raises(MediaError, match="another run"), kind(target):
            pytest.fail("two writers at once")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_many_writers_never_mix(tmp_path: Path) -> None:
    target = tmp_path / "x"
    errors: list[MediaError] = []

    def write(number: int) -> None:
        try:
            with atomic_path(target) as part, part.open("wb") as stream:
                for _ in range(20):
                    stream.write(bytes([number]) * 5000)
        except MediaError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(target.read_bytes())) == 1 and target.stat().st_size == 100_000
    assert not errors
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.slow
def test_processes_never_mix(tmp_path: Path) -> None:
    """Two motions of one length exported to one table at once."""
    motion = Motion.load(MOTION)
    still = replace(motion, expression=motion.expression * 0)
    sources = [tmp_path / "a.motion.npz", tmp_path / "b.motion.npz"]
    for source, content in zip(sources, (motion, still), strict=True):
        content.save(source)
    command = [sys.executable, "-m", "facegen", "export"]
    whole = []
    for source in sources:
        subprocess.run([*command, str(source), "-o", str(source.with_suffix(".csv"))], check=True)
        whole.append(source.with_suffix(".csv").read_bytes())
    target = tmp_path / "x.csv"
    for _ in range(3):
        runs = [
            subprocess.Popen([*command, str(s), "-o", str(target)], stderr=subprocess.PIPE)
            for s in sources
        ]
        for run in runs:
            _, error = run.communicate(timeout=300)
            assert run.returncode == 0 or (run.returncode == 2 and b"another run" in error), error
        assert target.read_bytes() in whole
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
