"""What follows from votes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegen.errors import UsageError
from facegen.synthesis.lists import votes as whole_votes
from facegen.synthesis.policies import (
    SINGLE,
    Options,
    agree,
    candidate_set,
    partial_set,
    single_policy,
    soft_mean,
    threshold,
)
from facegen.synthesis.probe import folds, out_of_fold, whitened
from facegen.synthesis.rounds import Evidence, divergence, noisy_pll, openset, worse_half

CLASSES = 8


def one(*labels: int) -> np.ndarray:
    return np.eye(CLASSES)[list(labels)]


def sees(*labels: int, sure: float = 0.9) -> np.ndarray:
    """A judge's votes."""
    return one(*labels) * sure + (1 - one(*labels)) * (1 - sure) / (CLASSES - 1)


def test_agreement_needs_more_than_half() -> None:
    votes = np.stack([sees(1, 1, 1), sees(1, 2, 2), sees(1, 1, 2)])
    verdict = agree(one(1, 1, 1), votes, Options())
    assert verdict.keep.tolist() == [True, True, False]
    assert (verdict.label == 1).all()


def test_a_judge_that_cannot_tell_abstains() -> None:
    blind = sees(1, 1)
    blind[:, 7] = np.nan
    votes = np.stack([blind, sees(7, 1)])
    assert agree(one(7, 7), votes, Options()).keep.tolist() == [True, False]
    assert agree(one(7, 7), blind[None], Options()).keep.all()
    none = np.full((1, 2, CLASSES), np.nan)
    for policy in SINGLE.values():
        verdict = policy(one(3, 4), none, Options())
        assert verdict.keep.all()
        assert verdict.label.tolist() == [3, 4]


def test_threshold_weighs_by_mean_probability() -> None:
    votes = np.stack([sees(1, 2), sees(1, 1, sure=0.5)])
    verdict = threshold(one(1, 1), votes, Options(threshold=0.6))
    assert verdict.keep.tolist() == [True, False]
    assert verdict.weight[0] == pytest.approx((0.9 + 0.5) / 2)


def test_soft_mean_keeps_what_all_see_and_softens_the_rest() -> None:
    votes = np.stack([sees(1, 2), sees(1, 2)])
    verdict = soft_mean(one(1, 1), votes, Options())
    assert verdict.soft[0].tolist() == one(1)[0].tolist()
    assert verdict.label.tolist() == [1, 2]
    assert verdict.soft[1, 2] == pytest.approx(0.6)


def test_candidates_are_the_target_and_the_best_of_each() -> None:
    votes = np.stack([sees(2, 3), sees(4, 3)])
    found = candidate_set(np.array([1, 1]), votes, 1)
    assert np.flatnonzero(found[0]).tolist() == [1, 2, 4]
    verdict = partial_set(one(1, 1), votes, Options())
    assert verdict.soft[1].argmax() == 3
    assert (verdict.soft[~verdict.candidates] == 0).all()


@given(
    arrays(np.float64, (2, 5, CLASSES), elements=st.floats(0.01, 1)),
    st.lists(st.integers(0, 7), min_size=5, max_size=5),
)
def test_every_policy_gives_distributions(raw: np.ndarray, labels: list[int]) -> None:
    votes = raw / raw.sum(-1, keepdims=True)
    for policy in SINGLE.values():
        verdict = policy(one(*labels), votes, Options())
        assert verdict.soft.sum(1) == pytest.approx(np.ones(5))
        assert verdict.candidates[np.arange(5), verdict.label].all()
        assert ((verdict.weight >= 0) & (verdict.weight <= 1)).all()


def test_an_unknown_policy_is_told() -> None:
    with pytest.raises(UsageError, match="choose from agree, threshold"):
        single_policy("magic")


@given(arrays(np.float64, CLASSES, elements=st.floats(0.0, 1.0)))
def test_whole_votes_sum_and_follow(raw: np.ndarray) -> None:
    soft = (raw + 1e-6) / (raw + 1e-6).sum()
    counts = whole_votes(soft.tolist())
    assert sum(counts) == 10
    assert np.abs(np.array(counts) - 10 * soft).max() < 1 + 1e-9


@pytest.fixture(scope="module")
def clouds() -> tuple[np.ndarray, Evidence]:
    """Truth and evidence: four well-parted groups of points, people in tens."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 60)
    centres = rng.normal(0, 1, (4, 12))
    raw = centres[truth] + rng.normal(0, 0.5, (240, 12))
    mirror = raw + rng.normal(0, 0.1, raw.shape)
    both = whitened(np.concatenate([raw, mirror]))
    people = [f"p{i // 4}" for i in range(240)]
    return truth, Evidence(both[:240], both[240:], folds(people, 5, 0))


@pytest.mark.parametrize("rate", [0.2, 0.4])
def test_rounds_take_noise_out(clouds: tuple[np.ndarray, Evidence], rate: float) -> None:
    truth, evidence = clouds
    rng = np.random.default_rng(1)
    noisy = np.where(rng.random(240) < rate, (truth + rng.integers(1, 4, 240)) % 4, truth)
    votes = np.full((1, 240, CLASSES), np.nan)  # no judge at all: the samples speak for themselves
    verdict = noisy_pll(one(*noisy), votes, Options(), evidence)
    before, after = (noisy == truth).mean(), (verdict.label == truth)[verdict.keep].mean()
    assert after > before + 0.6 * (1 - before)


def test_strangers_are_rejected(clouds: tuple[np.ndarray, Evidence]) -> None:
    truth, evidence = clouds
    rng = np.random.default_rng(2)
    strange = rng.random(240) < 0.2
    features = np.where(
        strange[:, None], rng.normal(0, 1, evidence.features.shape), evidence.features
    )
    mirrored = np.where(strange[:, None], rng.normal(0, 1, features.shape), evidence.mirrored)
    # What a closed judge says of strangers is random.
    said = np.where(strange, rng.integers(0, 4, 240), truth)
    mixed = Evidence(features, mirrored, evidence.groups)
    verdict = openset(one(*truth), sees(*said)[None], Options(own=0.0), mixed)
    assert (~verdict.keep)[strange].mean() > 0.7
    assert (~verdict.keep)[~strange].mean() < 0.15


def test_folds_keep_people_together() -> None:
    people = [f"p{i % 7}" for i in range(50)]
    found = folds(people, 3, 0)
    assert all(len({f for f, p in zip(found, people, strict=True) if p == q}) == 1 for q in people)
    assert set(found.tolist()) == {0, 1, 2}


def test_probes_never_tell_what_they_learned(clouds: tuple[np.ndarray, Evidence]) -> None:
    """With labels drawn at random there is nothing to be told of others."""
    _, evidence = clouds
    random = np.random.default_rng(3).integers(0, 4, 240)
    told = out_of_fold(evidence.features, one(*random), np.ones(240), evidence.groups)[0]
    assert (told.argmax(1) == random).mean() < 0.4


def test_two_groups_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(0.3, 0.1, 80), rng.normal(2.5, 0.4, 20)])
    found = worse_half(loss)
    assert (found[80:] > 0.5).all()
    assert (found[:80] < 0.5).all()
    assert (worse_half(np.ones(20)) == 0).all()


def test_divergence_is_zero_for_equals_and_bounded() -> None:
    a, b = one(0, 1), one(0, 2)
    assert divergence(a, b) == pytest.approx([0, np.log(2)], abs=1e-6)
