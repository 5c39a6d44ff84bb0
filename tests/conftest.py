"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

from facegen.checkpoints import OPEN_HEAD
from facegen.flame.model import HeadModel
from tests.tiny import make_tiny_head

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def head() -> HeadModel:
    """The shipped open head."""
    return HeadModel.load(OPEN_HEAD)


@pytest.fixture(scope="session")
def tiny_head() -> HeadModel:
    """A made-up head of 60 vertices, see ``tests/tiny.py``."""
    return make_tiny_head()


@pytest.fixture(scope="session")
def dev_data() -> Path:
    """Portraits and clips that are not part of the repository."""
    path = Path(os.environ.get("FACEGEN_DEV_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("no development data: set FACEGEN_DEV_DATA to its folder")
    return path
