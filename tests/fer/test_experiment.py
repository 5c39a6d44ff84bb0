"""The experiment on drawn faces: people apart, cells once, a table at any time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facegen.errors import UsageError
from facegen.fer.experiment import Design, Experiment, Told, chosen, class_source
from facegen.fer.experiment_report import gain_interval, markdown, rows, uar_interval
from tests.fer.faces import drawn_source

pytest.importorskip("accelerate")
pytest.importorskip("sklearn")

TINY = Design(
    classes=("neutral", "happy", "surprise"), reals=(4,), ratios=(1.0,), full=(), seeds=1,
    steps=3, side=32, width=8, batch_size=12,
)  # fmt: skip


def experiment(output: Path, design: Design = TINY) -> Experiment:
    real, made = (
        class_source(drawn_source(6, 6, first=first, units=23), design.classes) for first in (0, 50)
    )
    return Experiment(real, made, design, output)


def test_runs_resumes_and_reports(tmp_path: Path) -> None:
    one = experiment(tmp_path)
    cells = list(TINY.cells())
    first = next(one.run())
    assert first[1:] == (1, len(cells))
    assert len([line for line in markdown(one).splitlines() if line.startswith("| synth")]) == 1
    done = [cell.name for cell, _, _ in experiment(tmp_path).run()]
    assert done == [cell.name for cell in cells[1:]]
    table = rows(one)
    assert {row.arm for row in table} == {cell.arm for cell in cells}
    assert all(0 <= row.uar <= 1 and row.seeds == 1 for row in table)
    assert not list(experiment(tmp_path).run())
    with pytest.raises(UsageError, match="another experiment"):
        list(experiment(tmp_path, replace(TINY, steps=4)).run())


def test_nobody_is_on_both_sides() -> None:
    one = experiment(Path("unused"))
    names = np.array(one.real.subjects)
    tested = []
    for seed in range(3):
        mine, test = one.fold(seed)
        assert not set(names[mine]) & set(names[test])
        tested += test.tolist()
    assert sorted(tested) == list(range(len(names)))


def test_a_capped_choice_is_balanced() -> None:
    source = drawn_source(6, 6)
    places = chosen(source, np.arange(10, 36), 3, seed=1)
    assert np.unique(source.targets.numpy()[places], return_counts=True)[1].tolist() == [3, 3, 3]
    assert places.min() >= 10


def told(right: np.ndarray, people: np.ndarray) -> Told:
    truth = np.tile([0, 1], len(right) // 2)
    guess = np.where(right, truth, 1 - truth)
    return Told(truth, np.eye(8)[guess], people, np.zeros(len(right), np.int64))


def test_gain_is_paired_by_people() -> None:
    """The same people fail in both: the difference is surer than either number."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 4).astype(str)
    hard = np.repeat(rng.random(40) < 0.5, 4)
    base = ~hard
    better = base | (np.arange(160) % 4 == 0)
    gain = gain_interval(told(better, people), told(base, people))
    alone = uar_interval(told(base, people))
    assert gain.low > 0
    assert gain.high - gain.low < alone.high - alone.low
    assert gain.mean == pytest.approx(better.mean() - base.mean(), abs=0.15)


def test_shares_of_other_classes_are_taken_away() -> None:
    source = drawn_source(2, 2)
    kept = class_source(source, ("happy",))
    assert set(kept.targets.tolist()) == {1}
    np.testing.assert_allclose(kept.labels.sum(1), 1)
