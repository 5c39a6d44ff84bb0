"""Distances of sets by hand: names, windows, missing frames, errors, warnings."""

import math

import numpy as np
import pytest

from facegen.evaluation import sets
from facegen.evaluation.frechet import clip_features, frechet_distance, kernel_distance
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component
from facegen.evaluation.sets import (
    FeatureSet,
    Gathered,
    Gatherer,
    GradientHistograms,
    jackknife,
    set_scores,
)
from tests.evaluation.faces import make_face, make_image, make_pair


def brightness(image, face):
    return np.array([image.mean()])


BRIGHT = FeatureSet(Component("brightness"), 1, Recall(brightness))


def flat(value):
    return np.full((32, 32, 3), value, np.uint8)


def gather(pred, truth, clip="a", method="m", runs=None):
    gatherer = Gatherer(BRIGHT, clip, method)
    runs = runs or [0] * len(truth)
    for k, (p, t) in enumerate(zip(pred, truth, strict=True)):
        if p is None:
            gatherer.skip()
            continue
        gatherer.add(make_pair(flat(p), flat(t), index=k, run=runs[k]))
    return gatherer.found


def scores(*gathered):
    return {(s.metric, s.method): s for s in set_scores(gathered, [BRIGHT])}


def test_sets_by_hand():
    # Means 10 and 13, variances 2 and 0, over two clips: 9 + 2.
    found = scores(gather([9], [13], "a"), gather([11], [13], "b"))
    fid = found["fid_brightness", "m"]
    assert fid.value == pytest.approx(11)
    assert (fid.samples, fid.truth_samples, fid.missing) == (2, 2, 0)
    assert math.isnan(fid.error)  # two clips leave nothing to leave out
    # Kernel (xy + 1)^3 at zero and one: 1 within, 8 within, 1 across; times 1000.
    kid = scores(gather([0, 0], [1, 1]))["kid_brightness", "m"]
    assert kid.value == pytest.approx(1000 * (1 + 8 - 2))


def test_moving_sets_by_hand():
    """Two windows of eight frames: mean, deviation and step of a ramp against a still."""
    ramp = [2 * k for k in range(8)] * 2
    found = scores(gather(ramp, [7] * 16, runs=[0] * 8 + [1] * 8))["fvd8_brightness", "m"]
    assert found.samples == found.truth_samples == 2
    spread = np.std(ramp[:8])
    assert found.value == pytest.approx(0**2 + spread**2 + 2**2)
    assert clip_features(np.array([[1.0], [3.0], [9.0]]), 2)[0].tolist() == [2, 1, 2]
    # A gap cuts the run: seven and eight frames are one window.
    cut = gather([*[5] * 7, None, *[5] * 8], [5] * 16)
    assert scores(cut)["fvd8_brightness", "m"].samples == 1
    assert scores(cut)["fvd8_brightness", "m"].missing == 1


def test_methods_stay_apart_and_truth_scores_zero():
    truth = [3, 9, 4]
    found = scores(
        gather(truth, truth, "a", "truth"),
        gather([5, 5, 5], truth, "a", "copy"),
        gather([250, 0, 9], truth, "a", "other"),
    )
    order = [found["fid_brightness", m].value for m in ("truth", "copy", "other")]
    assert order[0] == pytest.approx(0, abs=1e-9) and order == sorted(order)


def test_frames_without_a_face_or_truth_are_counted():
    gatherer = Gatherer(BRIGHT, "a", "m")
    pair = make_pair(flat(1), flat(2))
    gatherer.add(type(pair)(**{**vars(pair), "pred_face": None}))
    gatherer.add(pair)
    assert gatherer.found.missing == 1
    assert [len(run) for run in gatherer.found.pred] == [1]
    assert [len(run) for run in gatherer.found.truth] == [1, 1]  # index 0 twice: two runs
    gatherer.add(type(pair)(**{**vars(pair), "truth": None}))
    assert sum(map(len, gatherer.found.truth)) == 2


def test_jackknife_by_hand():
    parts = [np.array([[0.0]]), np.array([[3.0]]), np.array([[9.0]])]

    def mean(a, b):
        return float(a.mean())

    # Means without one: 6, 4.5, 1.5, themselves 4 on average; sqrt(2/3 of the sum of squares).
    assert jackknife(parts, parts, mean) == pytest.approx(math.sqrt(2 / 3 * (4 + 0.25 + 6.25)))
    assert jackknife(parts, parts, lambda a, b: 1.0) == 0


def test_few_samples_are_warned_about(monkeypatch):
    monkeypatch.setattr(sets, "FEW", 1000)

    def warning(kind, count):
        many = [Gathered("a", "m", "brightness", [[np.ones(1, np.float32)] * count] * 1)]
        many[0].truth = many[0].pred
        return next(s for s in set_scores(many, [BRIGHT]) if s.metric.startswith(kind)).warning

    assert warning("fid", 1) == warning("kid", 1) == "too few samples to measure"
    assert "fewer samples than the 3 dimensions" in warning("fvd", 16)
    assert warning("fid", 200).startswith("fewer than 1000 samples")
    assert warning("fid", 1000) == warning("kid", 50) == ""


def test_fewer_samples_than_dimensions_agree_with_the_definition():
    """The nuclear norm against the matrix square root of scipy."""
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(3)
    for n, m, d in ((5, 7, 12), (40, 30, 6), (5, 40, 12)):
        a, b = rng.normal(size=(n, d)), rng.normal(0.3, 2, size=(m, d))
        ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        root = np.real(sqrtm(ca + 1e-12 * np.eye(d)) @ cb @ sqrtm(ca + 1e-12 * np.eye(d)))
        cross = np.sqrt(np.maximum(np.linalg.eigvalsh((root + root.T) / 2), 0)).sum()
        shift = a.mean(0) - b.mean(0)
        expected = shift @ shift + np.trace(ca) + np.trace(cb) - 2 * cross
        assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-4)


def test_kernels_of_many_samples_are_summed_in_blocks():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(1100, 3)), rng.normal(0.5, 1, size=(700, 3))
    kaa, kbb, kab = ((x @ y.T / 3 + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    own = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kaa, kbb)]
    assert kernel_distance(a, b) == pytest.approx(sum(own) - 2 * kab.mean(), rel=1e-9)


def test_an_answer_is_remembered_per_picture():
    asked = []
    recall = Recall(lambda image, face: asked.append(1) or float(image.mean()), size=2)
    a, b, c = flat(1), flat(1), flat(3)
    face = make_face()
    assert [recall(x, face) for x in (a, a, b, a)] == [1, 1, 1, 1] and len(asked) == 2
    assert recall(a, None) is None
    recall(c, face)
    recall(a, face)  # pushed out by c
    assert len(asked) == 4


def test_histograms_see_blur_on_real_texture():
    import cv2

    net, image = GradientHistograms(), make_image()
    near, far = (net(cv2.GaussianBlur(image, (0, 0), s), make_face()) for s in (1, 4))
    own = net(image, make_face())
    assert np.linalg.norm(near - own) < np.linalg.norm(far - own)
