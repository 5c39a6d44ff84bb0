"""Batches have the shares that were asked for."""

import numpy as np
import pytest

from facegen.errors import UsageError
from facegen.fer.samplers import MixedSampler, balanced_weights, even_weights


def test_classes_come_equally_often() -> None:
    targets = np.array([0] * 90 + [1] * 9 + [-1])
    sampler = MixedSampler([balanced_weights(targets)], [1.0])
    drawn = targets[np.concatenate([sampler(step, 60)[0] for step in range(100)])]
    shares = [(drawn == c).mean() for c in (0, 1, -1)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)


def test_sources_keep_their_ratio_in_every_batch_and_over_many() -> None:
    sampler = MixedSampler([even_weights(5), even_weights(7)], [1.0, 2.0])
    batches = [sampler(step, 16) for step in range(300)]
    counts = np.array([[len(a), len(b)] for a, b in batches])
    assert (counts.sum(1) == 16).all()
    assert np.ptp(counts[:, 0]) <= 1
    assert counts[:, 0].mean() == pytest.approx(16 / 3, abs=0.15)
    assert all(b.max() < 7 for _, b in batches)


def test_steps_and_ranks_differ_but_repeat() -> None:
    sampler = MixedSampler([even_weights(1000)], [1.0], seed=3)
    assert np.array_equal(sampler(5, 8, 0, 2)[0], sampler(5, 8, 0, 2)[0])
    assert not np.array_equal(sampler(5, 8, 0, 2)[0], sampler(5, 8, 1, 2)[0])
    assert not np.array_equal(sampler(5, 8)[0], sampler(6, 8)[0])


def test_shares_must_fit() -> None:
    with pytest.raises(UsageError):
        MixedSampler([even_weights(3)], [0.0])
