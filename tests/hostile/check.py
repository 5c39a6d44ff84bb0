"""What every hostile case must come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import run, snapshot
from tests.hostile.files import Maker
from tests.hostile.slots import arguments


def refuses(slot: str, make: Maker, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Exit code 2, one line that names the file or the fix, and the disk as it was.

    Returns:
        the line.
    """
    inputs, outputs, home = folder / "in", folder / "out", folder / "home"
    for part in (inputs, outputs, home):
        part.mkdir()
    monkeypatch.setenv("FACEGEN_HOME", str(home))
    monkeypatch.chdir(outputs)
    bad = make(inputs)
    before = snapshot(folder)
    outcome = run(monkeypatch, *arguments(slot, bad, outputs / "o"))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1, outcome.error
    assert "Traceback" not in outcome.error
    assert snapshot(folder) == before, "a refused run changed something"
    line = outcome.complaints[0]
    assert len(line) < 1200, line
    return line
