import numpy as np

from facegen.compose.paint import _without_specks


def test_small_parts_go_and_large_ones_stay() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:4] = True
    mask[10:16, 10:16] = True
    out = _without_specks(mask, 20)
    assert not out[:8].any()
    np.testing.assert_array_equal(out[8:], mask[8:])


def test_nothing_stays_nothing_and_diagonal_neighbours_count_as_one() -> None:
    assert not _without_specks(np.zeros((5, 5), bool), 1).any()
    line = np.eye(6, dtype=bool)
    np.testing.assert_array_equal(_without_specks(line, 6), line)
    assert not _without_specks(line, 7).any()
