"""Cross-identity: pairs, what can be measured without a truth, photos of one's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.evaluation import report
from facegen.evaluation.baselines import Copy, Similarity2d
from facegen.evaluation.catalogue import embedded_metrics
from facegen.evaluation.engine import evaluate
from facegen.evaluation.photo_footage import open_footage
from facegen.evaluation.protocol import (
    _diagonals,
    find_split,
    make_pairs,
    read_clips,
    read_split,
    write_split,
)
from facegen.evaluation.results import Row, merge
from facegen.media import write_image
from tests.evaluation.clips import face_picture, sway, write_frames


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_pairs_use_everything_evenly(rows, columns, data):
    cells = _diagonals(rows, columns)
    assert sorted(cells) == [(i, j) for i in range(rows) for j in range(columns)]
    count = data.draw(st.integers(1, len(cells)))
    for axis, size in ((0, rows), (1, columns)):
        used = np.bincount([cell[axis] for cell in cells[:count]], minlength=size)
        assert used.max() - used.min() <= 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("cross")
    (root / "portraits").mkdir()
    (root / "clips").mkdir()
    picture = face_picture()
    write_image(root / "portraits" / "eve.png", picture[:, ::-1].copy())
    write_frames(root / "clips" / "bob.mp4", sway(picture, 10))
    return root


def test_pairs_are_written_and_read(folder, tmp_path):
    tasks = make_pairs(folder / "portraits", folder / "clips")
    assert [t.name for t in tasks] == ["eve__bob"]
    write_split(tasks, tmp_path / "pairs.yaml", protocol="cross")
    text = (tmp_path / "pairs.yaml").read_text()
    assert "portraits/eve.png" in text and str(folder) not in text
    assert read_split(tmp_path / "pairs.yaml", folder) == ("cross", tasks)
    with pytest.raises(UsageError, match="is absent"):
        read_split(tmp_path / "pairs.yaml")
    with pytest.raises(UsageError, match="leave --ref out"):
        read_clips(tmp_path / "pairs.yaml", folder, refs=folder)
    with pytest.raises(UsageError, match="1 to 1 pairs"):
        make_pairs(folder / "portraits", folder / "clips", 2)
    with pytest.raises(UsageError, match="nothing to make pairs of"):
        make_pairs(folder / "clips", folder / "clips")
    with pytest.raises(UsageError, match="no shipped split"):
        find_split(tmp_path / "nothing")


def test_without_a_truth(folder):
    tasks = make_pairs(folder / "portraits", folder / "clips")
    metrics = embedded_metrics()
    [(_, found)] = evaluate(tasks, [Copy(), Similarity2d()], metrics, film=open_footage)
    measured = {r.metric for r in found.rows}
    assert {"mouth_opening", "eye_closure", "gaze", "jitter", "seam", "jerk"} <= measured
    left_out = {m.spec.name for m in metrics} - measured
    assert left_out == {m.spec.name for m in metrics if "truth" in m.spec.needs} >= {"psnr", "akd"}
    for name in left_out:
        assert found.issues["eve__bob", "all", f"{name} not measured: the clip has no truth"] == 1
    value = {(r.method, r.metric, r.part): r.value for r in found.rows}
    # The similarity sways with the driver, on the photo's own place; the copy stands still.
    assert value["copy", "jitter", "gap"] > 0.6
    assert value["similarity", "jitter", "gap"] < 0.3
    assert not any(p.startswith("no face") for _, _, p in found.issues)


def test_a_photo_of_the_same_person(folder, tmp_path):
    write_image(tmp_path / "bob.png", face_picture()[::2, ::2].copy())
    protocol, tasks = read_clips(folder / "clips", refs=tmp_path)
    assert protocol == "self" and tasks[0].photo == tmp_path / "bob.png"
    footage = open_footage(tasks[0])
    shots = list(footage.shots())
    assert [s.index for s in shots] == list(range(10))
    assert all(s.truth is s.drive for s in shots)
    assert footage.reference.image.shape == (256, 256, 3)
    assert footage.problems == ["photo of another size than the clip: scaled to it"]
    [(_, found)] = evaluate(tasks, [Copy()], embedded_metrics(), film=open_footage)
    value = {(r.metric, r.part): r.value for r in found.rows}
    assert value["psnr", "face"] > 15
    with pytest.raises(UsageError, match="no picture for bob"):
        read_clips(folder / "clips", refs=folder / "portraits")


def test_two_runs_are_identical(folder, tmp_path):
    tasks = make_pairs(folder / "portraits", folder / "clips")
    for name in "ab":
        parts = evaluate(tasks, [Copy(), Similarity2d()], embedded_metrics(), film=open_footage)
        rows = merge([r for _, r in parts]).rows
        report.write_rows(rows, Row, tmp_path / f"{name}.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
