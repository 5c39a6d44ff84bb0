"""The report names every extra, and a distribution that extra really brings."""

import re
from pathlib import Path

import pytest

from facegen.doctor import EXTRAS

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_every_extra_is_reported_by_what_it_brings():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads pyproject.toml itself")
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    brought = {
        name: {re.split(r"[\[<>=!;]", line)[0] for line in lines}
        for name, lines in extras["optional-dependencies"].items()
    }
    assert set(EXTRAS) == set(brought) - {"dev"}
    for name, distribution in EXTRAS.items():
        assert distribution in brought[name]
