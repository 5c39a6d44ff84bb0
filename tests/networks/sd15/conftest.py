"""The made-up system, written once."""

from pathlib import Path

import pytest

from facegen.networks.sd15.family import Family, open_family
from facegen.networks.sd15.layout import find_layout
from facegen.networks.sd15.profiles import MAGICPORTRAIT
from tests.networks.sd15.published import save_published


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in MagicPortrait's layout; tests do not write into it."""
    return save_published(tmp_path_factory.mktemp("magicportrait") / "weights")


@pytest.fixture(scope="session")
def family(published: Path) -> Family:
    return open_family(find_layout(published, MAGICPORTRAIT), MAGICPORTRAIT)
