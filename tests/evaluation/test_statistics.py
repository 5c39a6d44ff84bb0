"""Fréchet and kernel distances, bootstrap, emotion statistics, meshes, roles."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.evaluation.bootstrap import bootstrap, paired
from facegen.evaluation.emotion import accuracy, ccc, macro_f1, rank_correlation
from facegen.evaluation.frechet import (
    clip_features,
    frechet_distance,
    kernel_distance,
)
from facegen.evaluation.mesh import mesh_errors
from facegen.evaluation.roles import Component, Origin, conflicts
from facegen.evaluation.sets import GradientHistograms
from tests.evaluation.faces import make_face


def test_frechet_by_hand():
    a = np.array([[0.0], [2.0]])  # mean 1, variance 2
    b = np.array([[3.0], [3.0], [3.0]])  # mean 3, variance 0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(a, b) == pytest.approx(4 + 2)
    c = np.array([[0.0], [4.0]])  # mean 2, variance 8: (1)^2 + 2 + 8 - 2 * 4
    assert frechet_distance(a, c) == pytest.approx(3)
    assert math.isnan(frechet_distance(a[:1], b))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12), st.integers(1, 20))
def test_frechet_is_symmetric_and_sees_shifts(seed, n, d):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(size=(n + 1, d))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-4, abs=1e-6)
    shift = rng.normal(size=d)
    assert frechet_distance(a, a + shift) == pytest.approx(shift @ shift, rel=1e-4, abs=1e-6)


def test_frechet_and_kernel_agree_with_torchmetrics():
    torch = pytest.importorskip("torch")
    fid = pytest.importorskip("torchmetrics.image.fid")
    kid = pytest.importorskip("torchmetrics.image.kid")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 8)), rng.normal(0.4, 1.3, size=(50, 8))
    moments = [torch.tensor(m) for x in (a, b) for m in (x.mean(0), np.cov(x, rowvar=False))]
    assert frechet_distance(a, b) == pytest.approx(float(fid._compute_fid(*moments)), abs=1e-4)
    theirs = float(kid.poly_mmd(torch.tensor(a[:50]), torch.tensor(b)))
    assert kernel_distance(a[:50], b) == pytest.approx(theirs, abs=1e-4)


def test_kernel_by_hand():
    # D = 1, kernel (xy + 1)^3: within a: 1; within b: (1*1 + 1)^3 = 8; across: 1.
    a, b = np.zeros((2, 1)), np.ones((2, 1))
    assert kernel_distance(a, b) == pytest.approx(1 + 8 - 2)
    assert kernel_distance(a, a) == pytest.approx(0)


def test_gradient_histograms():
    net = GradientHistograms()
    flat = net(np.full((128, 128, 3), 9, np.uint8), make_face())
    assert flat.shape == (512,) and not flat.any()
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 255
    found = net(edge, make_face()).reshape(8, 8, 8)
    assert np.square(found).sum() == pytest.approx(64)
    assert found[:, 3:5, 0].min() > 0 and not found[..., 1:].any()


def test_clip_features_of_a_ramp():
    ramp = np.arange(20.0)[:, None]
    mean, spread, step = clip_features(ramp, length=16)[0]
    assert (mean, step) == (7.5, 1.0)
    assert spread == pytest.approx(np.arange(16).std())


def test_bootstrap_by_hand():
    same = bootstrap(np.array([2.0, 2.0, np.nan]))
    assert (same.mean, same.low, same.high, same.clips) == (2, 2, 2, 2)
    assert str(bootstrap(np.array([np.nan]))) == "not measured"
    two = bootstrap(np.array([0.0, 1.0]))
    assert (two.mean, two.low, two.high) == (0.5, 0.0, 1.0)


def test_paired_difference_is_tighter_than_its_parts():
    rng = np.random.default_rng(0)
    clips = rng.normal(0, 5, 30)
    better = clips + 1 + rng.normal(0, 0.1, 30)
    difference = paired(better, clips)
    assert difference.low > 0.9
    assert bootstrap(better).low < bootstrap(clips).high
    assert bootstrap(better) == bootstrap(better)


def test_bootstrap_interval_has_its_width():
    values = np.random.default_rng(1).normal(0, 1, 400)
    interval = bootstrap(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / 20, rel=0.15)


def test_emotion_statistics_by_hand():
    pred, truth = ["a", "a", "b", "c"], ["a", "b", "b", "b"]
    assert accuracy(pred, truth) == 0.5
    # F1: a 2*1/(2+1), b 2*1/(1+3), c 0.
    assert macro_f1(pred, truth) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert macro_f1(truth, truth) == 1.0
    x = np.array([0.0, 1.0])
    assert ccc(x, x) == 1.0
    assert ccc(x, x + 1) == pytest.approx(2 * 0.25 / (0.25 + 0.25 + 1))
    assert rank_correlation(np.array([1.0, 2, 30]), np.array([4.0, 5, 6])) == pytest.approx(1)
    assert math.isnan(rank_correlation(x, x * 0))


def test_emotion_statistics_agree_with_torchmetrics():
    torch = pytest.importorskip("torch")
    regression = pytest.importorskip("torchmetrics.functional.regression")
    # Theirs has unbiased moments: equal only for many samples.
    x, y = np.random.default_rng(0).normal(size=(2, 50_000))
    y = y + x
    theirs = regression.concordance_corrcoef(torch.tensor(x), torch.tensor(y))
    assert ccc(x, y) == pytest.approx(float(theirs), abs=1e-4)
    theirs = regression.spearman_corrcoef(torch.tensor(x), torch.tensor(y))
    assert rank_correlation(x, y) == pytest.approx(float(theirs), abs=1e-4)


def test_mesh_errors_by_hand():
    neutral = np.zeros((3, 3))
    truth = np.zeros((2, 3, 3))
    pred = truth.copy()
    pred[0, 0, 0] = 0.003  # a lip vertex is 3 mm off in the first frame
    pred[1, 2, 1] = 0.004  # an upper vertex moves 4 mm in the second
    found = mesh_errors(pred, truth, neutral, lips=[0, 1], upper=[2])
    assert found["lve"] == pytest.approx(1.5)
    assert found["mve"] == pytest.approx((1 + 4 / 3) / 2)
    assert found["fdd"] == pytest.approx(2.0)
    assert mesh_errors(truth, truth, neutral, [0], [2]) == {"lve": 0, "mve": 0, "fdd": 0}
    with pytest.raises(ValueError, match="shorter|longer"):
        mesh_errors(pred, truth[:1], neutral, [0], [2])


def test_mesh_errors_by_hand_again():
    """Two vertices of lips, both of them upper face: the worse one counts, both move equally."""
    neutral = np.zeros((2, 3))
    truth = np.zeros((2, 2, 3))
    truth[1, :, 2] = 0.002
    pred = truth.copy()
    pred[:, 0, 0], pred[:, 1, 0] = 0.001, 0.004
    found = mesh_errors(pred, truth, neutral, lips=[0, 1], upper=[0, 1])
    assert found["lve"] == pytest.approx(4)
    assert found["mve"] == pytest.approx(2.5)
    # Distances from neutral: 1 and root 5, 4 and root 20; the truth's 0 and 2; halves of gaps.
    spread = ((5**0.5 - 1) / 2 + (20**0.5 - 4) / 2) / 2
    assert found["fdd"] == pytest.approx(spread - 1)


def test_mesh_fdd_sign_says_who_moves_more():
    rng = np.random.default_rng(0)
    still, lively = np.zeros((9, 2, 3)), rng.normal(0, 0.01, (9, 2, 3))
    neutral = np.zeros((2, 3))
    assert mesh_errors(lively, still, neutral, [0], [0, 1])["fdd"] > 0
    assert mesh_errors(still, lively, neutral, [0], [0, 1])["fdd"] < 0


NET = Component("net", "abc", ("FacesDB",))


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (Origin("g", losses=(NET,)), "also made or taught"),
        (Origin("g", losses=(Component("copy-of-net", "abc"),)), "also made or taught"),
        (Origin("g", estimators=(Component("net"),)), "also made or taught"),
        (Origin("g", trained_on=("FacesDB",)), "both learned from FacesDB"),
        (Origin("g", losses=(Component("x", "", ("FacesDB",)),)), "both learned from FacesDB"),
        (Origin("g", losses=(Component("x", "", ("unknown",)),)), "unknown"),
    ],
)
def test_circular_use_is_found(origin, why):
    assert any(why in reason for reason in conflicts([NET], origin))


def test_independent_judges_pass():
    assert conflicts([NET], Origin("warp")) == []
    assert conflicts([NET], Origin("g", losses=(Component("x", "1", ("Other",)),))) == []


def test_unknown_training_data_matter_only_where_something_was_taught():
    unknown = Component("net", "", ("unknown",))
    assert conflicts([unknown], Origin("warp")) == []
    assert conflicts([unknown], Origin("g", trained_on=("A",)))
