"""Contact sheets: every picture in its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.media import contact_sheet

GAP, BACK = 4, (24, 24, 26)


def patches(count: int, width: int = 20, height: int = 10) -> list[np.ndarray]:
    return [np.full((height, width, 3), 60 + 5 * i, np.uint8) for i in range(count)]


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 12), columns=st.integers(1, 15))
def test_layout(count: int, columns: int) -> None:
    sheet = contact_sheet(patches(count), columns, cell=(20, 10))
    across, down = min(columns, count), -(-count // columns)
    assert sheet.shape == (down * (10 + GAP) + GAP, across * (20 + GAP) + GAP, 3)
    assert sheet.dtype == np.uint8
    seen = np.zeros(sheet.shape[:2], bool)
    for index in range(count):
        top = GAP + index // columns * (10 + GAP)
        left = GAP + index % columns * (20 + GAP)
        cell = (slice(top, top + 10), slice(left, left + 20))
        assert (sheet[cell] == 60 + 5 * index).all()
        seen[cell] = True
    assert (sheet[~seen] == BACK).all()


@pytest.mark.parametrize(("size", "shown"), [((40, 10), (20, 5)), ((5, 20), (5, 20))], ids=str)
def test_pictures_keep_their_proportions(size: tuple[int, int], shown: tuple[int, int]) -> None:
    sheet = contact_sheet(patches(1, *size), 1, cell=(20, 20))
    rows, cols = np.nonzero((sheet != BACK).any(-1))
    assert (np.ptp(cols) + 1, np.ptp(rows) + 1) == shown
    middle = (cols.min() + cols.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
    assert np.abs(np.subtract(middle, GAP + 10)).max() <= 0.5


def test_labels_stand_below_their_picture() -> None:
    labels = ["a", "", "a very long label that no cell can hold"]
    sheet = contact_sheet(patches(3, 40, 10), 3, labels, cell=(40, 10), font_size=13)
    assert sheet.shape[0] == 10 + 13 + 6 + 2 * GAP
    ink = (sheet != BACK).any(-1)[GAP + 10 :]
    cells = [ink[:, GAP + i * 44 : GAP + i * 44 + 40] for i in range(3)]
    assert [c.any() for c in cells] == [True, False, True]
    between = [*range(GAP), *range(44, 48), *range(88, 92), *range(132, 136)]
    assert not ink[:, between].any(), "a label runs into the next one"
    assert not ink[-GAP:].any(), "a label runs over the edge"


def test_a_generator_is_enough() -> None:
    sheet = contact_sheet((p for p in patches(5)), 2, list("abcde"), cell=(20, 10))
    assert sheet.shape[1] == 2 * 24 + GAP


@pytest.mark.parametrize(
    ("pictures", "columns", "labels", "words"),
    [
        (2, 1, ["a"], "1 labels for 2 pictures"),
        (1, 1, ["a", "b"], "2 labels for 1 pictures"),
        (0, 1, None, "at least one picture"),
        (1, 0, None, "at least one column"),
    ],
)
def test_refused(pictures: int, columns: int, labels: list[str] | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        contact_sheet(patches(pictures), columns, labels)
