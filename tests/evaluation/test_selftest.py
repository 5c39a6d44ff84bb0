"""What a user can run, whole."""

import pytest

from facegen.evaluation.selftest import run


@pytest.mark.slow
def test_self_test_passes_and_repeats():
    first, again = list(run()), list(run())
    assert [c.text for c in first if not c.passed] == []
    assert first == again
