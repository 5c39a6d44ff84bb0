"""The command line in this process: a new one would cost seconds a case."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import facegen.__main__ as command


@dataclass(frozen=True)
class Outcome:
    """Exit code and standard error of a run."""

    code: int
    error: str

    @property
    def complaints(self) -> list[str]:
        return [line for line in self.error.splitlines() if line.startswith("facegen: ")]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Outcome:
    """``facegen ARGUMENTS`` as the console entry point runs it; its bugs come through as errors."""

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(command.os, "_exit", leave)
    monkeypatch.setattr(sys, "argv", ["facegen", *map(str, arguments)])
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    error = io.StringIO()
    try:
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            command.main()
    except SystemExit as stop:
        return Outcome(int(stop.code or 0), error.getvalue())
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
    return Outcome(0, error.getvalue())


def assert_refused(outcome: Outcome, folder: Path, kept: set[str]) -> None:
    """Exit code 2, one line, no traceback, and nothing but ``kept`` in ``folder``."""
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1, outcome.error
    assert "Traceback" not in outcome.error
    assert {p.name for p in folder.iterdir()} == kept, "a refused run left something behind"


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Kind and content of everything below a folder; hidden files count, times do not."""
    found: dict[str, tuple[int, bytes]] = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            kind = stat.S_IFMT(path.lstat().st_mode)
            if stat.S_ISLNK(kind):
                content = bytes(path.readlink())
            else:
                content = path.read_bytes() if stat.S_ISREG(kind) else b""
            found[str(path.relative_to(folder))] = (kind, content)
    return found
