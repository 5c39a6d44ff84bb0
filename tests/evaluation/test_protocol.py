"""Splits, chosen frames, crops."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.evaluation.crops import crop, crop_matrix, to_frame
from facegen.evaluation.metric import Face
from facegen.evaluation.protocol import (
    SPLITS,
    choose_frames,
    find_split,
    folder_tasks,
    read_clips,
    read_split,
    write_split,
)
from tests.evaluation.faces import make_face


@given(st.integers(0, 20), st.integers(0, 400), st.none() | st.integers(1, 60))
def test_chosen_frames(first, count, most):
    runs = choose_frames(first, count, most)
    flat = [i for run in runs for i in run]
    assert all(first <= i < count for i in flat)
    assert len(flat) <= (most or max(count, 0))
    assert bool(flat) == (count > first)
    for run in runs:
        assert run == list(range(run[0], run[0] + len(run)))


def test_33_frames_reach_both_ends():
    runs = choose_frames(6, 200, 33)
    assert [len(run) for run in runs] == [11, 11, 11]
    assert runs[0][0] == 6 and runs[-1][-1] == 199


def test_split_is_written_and_read(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"one")
    tasks = folder_tasks(tmp_path, 7)
    write_split(tasks, tmp_path / "split.yaml")
    assert read_split(tmp_path / "split.yaml") == ("self", tasks)
    (tmp_path / "a.mp4").write_bytes(b"other")
    with pytest.raises(UsageError, match="not the file the split"):
        read_split(tmp_path / "split.yaml")
    (tmp_path / "split.yaml").write_text("format: 9")
    with pytest.raises(UsageError):
        read_split(tmp_path / "split.yaml")
    with pytest.raises(UsageError, match="no video"):
        folder_tasks(make_empty(tmp_path))


SHIPPED = {"self-mixed": 17, "talk-grid": 66, "cross-mixed": 20}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_splits(name, dev_data):
    """Every file is the one that is meant."""
    protocol, tasks = read_clips(Path(name), dev_data)
    assert protocol == name.split("-")[0]
    assert len({task.name for task in tasks}) == len(tasks) == SHIPPED[name]
    assert all(task.has_truth == (protocol != "cross") for task in tasks)


def test_shipped_splits_are_listed_and_hold_no_data():
    assert {p.stem for p in SPLITS.iterdir()} == set(SHIPPED)
    with pytest.raises(UsageError, match="give --data"):
        read_clips(Path("talk-grid"))
    with pytest.raises(UsageError, match="talk-grid"):
        find_split(Path("talk-grdi"))


def test_two_videos_of_one_name(tmp_path):
    for suffix in ("mp4", "mov"):
        (tmp_path / f"a.{suffix}").write_bytes(b"one")
    with pytest.raises(UsageError, match="two videos named a"):
        folder_tasks(tmp_path)


def make_empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def test_crop_is_centred_and_exact():
    face = make_face(shift=(30, 10)).points
    matrix = crop_matrix([face], 64)
    frame = np.zeros((160, 200, 3), np.uint8)
    x, y = face[:468, :2].max(0) / 2 + face[:468, :2].min(0) / 2
    frame[int(y) - 2 : int(y) + 2, int(x) - 2 : int(x) + 2] = 255
    cut = crop(frame, matrix, 64)
    spot = np.argwhere(cut[..., 0] > 20).mean(0) + 0.5
    assert np.allclose(spot, 32, atol=1)
    points = face.copy()
    points[:, :2] = face[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(to_frame(Face(points), matrix), face[:, :2])


def test_identity_crop_changes_nothing():
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.array_equal(crop(frame, np.eye(2, 3), 64), frame)
