"""Every path of every command, given everything that is wrong anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.check import refuses
from tests.hostile.files import ANYWHERE
from tests.hostile.slots import SLOTS


@pytest.mark.parametrize("name", ANYWHERE)
@pytest.mark.parametrize("slot", SLOTS)
def test_refused(slot: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses(slot, ANYWHERE[name], tmp_path, monkeypatch)
