"""Identity, expression, rotation and emotion by made-up judges; who may judge whom."""

import math
from dataclasses import replace

import numpy as np
import pytest

from facegen.evaluation.catalogue import catalogue, embedded_metrics, independent
from facegen.evaluation.emotion import EmotionAgreement, ccc
from facegen.evaluation.expression import Aed, Apd, Estimate, nearest_rotation
from facegen.evaluation.identity import Identity
from facegen.evaluation.judges import Judges
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component, Origin
from tests.evaluation.faces import make_face, make_pair, make_scene, scores
from tests.evaluation.test_landmark_metrics import turn

PART = Component("judge", "abc", ("FacesDB",))


def flat(value):
    return np.full((32, 32, 3), value, np.uint8)


def faceless(pair):
    return replace(pair, pred_face=None)


def level(image):
    return int(image.flat[0])


class Judge:
    """Reads its answer off the brightness of the picture."""

    part = component = PART
    labels = ("neutral", "happy")
    width = 2

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, image, face):
        return self.answer(level(image))


def test_identity_by_hand():
    metric = Identity(Recall(lambda im, _: np.array([1.0, level(im)])), PART)
    scene = replace(make_scene(), reference=flat(0))  # (1, 0)
    pairs = [make_pair(flat(0)), make_pair(flat(1))]
    found = scores(metric, pairs, scene)
    assert found == {"reference": pytest.approx((1 + math.sqrt(0.5)) / 2)}
    assert scores(metric, [make_pair(flat(2))], scene)["reference"] == pytest.approx(1 / 5**0.5)
    # Another clip has another reference; no face in it leaves nothing to compare with.
    other = replace(scene, reference=flat(1))
    assert scores(metric, [make_pair(flat(1))], other)["reference"] == pytest.approx(1)
    blind = replace(scene, reference_face=None)
    assert math.isnan(scores(metric, pairs, blind)["reference"])


def estimate(value):
    return Estimate(np.array([value / 10, 0.0]), turn(1, value))


def test_aed_and_apd_by_hand():
    recall = Recall(lambda im, _: estimate(level(im)))
    aed, apd = Aed(recall, PART), Apd(recall, PART)
    pairs = [make_pair(flat(30), flat(20)), make_pair(flat(20), flat(24))]
    # |3 - 2| and |2 - 2.4| over two coefficients; 10 and 4 degrees about one of three axes.
    assert scores(aed, pairs[:1]) == {"mean": pytest.approx(0.5)}
    assert scores(aed, pairs) == {"mean": pytest.approx((0.5 + 0.2) / 2)}
    found = scores(apd, pairs[:1])
    assert found == {"euler": pytest.approx(10 / 3), "geodesic": pytest.approx(10)}
    assert scores(apd, pairs)["geodesic"] == pytest.approx(7)
    same = make_pair(flat(20), flat(20))
    assert scores(aed, [same])["mean"] == scores(apd, [same])["geodesic"] == 0


def test_a_frame_without_a_face_is_missing():
    comparison = Aed(Recall(lambda im, _: estimate(level(im))), PART).begin(make_scene())
    assert comparison.add(faceless(make_pair(flat(3), flat(3)))) is None
    comparison.add(make_pair(flat(3), flat(3)))
    comparison.skip()
    [found] = comparison.scores()
    assert (found.frames, found.missing) == (1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_rotation_frees_of_scale_and_noise(seed):
    rng = np.random.default_rng(seed)
    true = turn(0, 30) @ turn(1, -50) @ turn(2, 80)
    found = nearest_rotation(7.0 * true + rng.normal(0, 1e-3, (3, 3)))
    assert found == pytest.approx(true, abs=1e-3)
    assert np.linalg.det(nearest_rotation(np.diag([1.0, 1, -1]))) == pytest.approx(1)


def test_emotion_by_hand():
    metric = EmotionAgreement(Judge(lambda v: np.array([1 - v / 10, v / 10])))
    # Happy for 9 and 8, calm for 2.
    pairs = [make_pair(flat(9), flat(8)), make_pair(flat(2), flat(8), index=1)]
    found = scores(metric, pairs[:1])
    assert (found["top1"], found["macro_f1"]) == (1, 1)
    assert found["distance"] == pytest.approx(0.1)
    assert math.isnan(found["intensity"])  # the driver stands still
    found = scores(metric, pairs)
    # Of calm nothing is right; happy: 2 * 1 / (1 + 2).
    assert (found["top1"], found["macro_f1"]) == (0.5, pytest.approx((0 + 2 / 3) / 2))
    assert found["distance"] == pytest.approx((0.1 + 0.6) / 2)
    labelled = scores(metric, pairs, make_scene(emotion="happy"))
    assert labelled["label"] == 0.5
    assert "label" not in scores(metric, pairs, make_scene(emotion="contempt"))


def test_emotion_over_time_by_hand():
    metric = EmotionAgreement(Judge(lambda v: np.array([1 - v / 10, v / 10])))

    def over(pred, drive):
        pairs = zip(pred, drive, strict=True)
        return scores(metric, [make_pair(flat(p), flat(d), index=k) for k, (p, d) in
                               enumerate(pairs)])  # fmt: skip

    found = over([1, 2, 9], [2, 4, 5])
    assert found["intensity"] == pytest.approx(1)
    # Joy stands at (0.76, 0.48): both curves are the same but for scale.
    x, y = np.array([0.1, 0.2, 0.9]), np.array([0.2, 0.4, 0.5])
    for name, place in (("valence", 0.76), ("arousal", 0.48)):
        assert found[name] == pytest.approx(ccc(place * x, place * y))
    still = over([5, 5, 5], [2, 4, 5])
    assert still["intensity"] == 0 and still["valence"] == pytest.approx(0)
    assert over([2, 4, 5], [2, 4, 5])["arousal"] == pytest.approx(1)


def judges():
    calm = Judge(lambda v: np.array([1.0, 0.0]))
    guess = Judge(lambda v: estimate(v))
    guess.component = Component("second", "def", ("300W",))
    return Judges(identity=calm, emotion=calm, estimators=(guess,))


def names(found):
    return [m.spec.name for m in found.metrics] + [s.name for s in found.sets]


def test_what_is_not_there_is_said():
    found = catalogue()
    assert names(found) == [*(m.spec.name for m in embedded_metrics()), "hog8"]
    reasons = " ".join(found.absent)
    for word in ("lpips_alex", "identity", "aed, apd", "emotion"):
        assert word in reasons
    found = catalogue(judges())
    own = ["identity_judge", "aed_second", "apd_second", "emotion_judge", "hog8", "judge"]
    assert names(found)[-6:] == own
    assert [c.name for c in found.components if c.sha256] == ["judge", "second"]
    assert not any("aed" in line for line in found.absent)


GUIDED = Origin("gan", losses=(Component("other-copy", "abc"),))


@pytest.mark.parametrize(
    ("origin", "gone"),
    [
        (Origin("warp"), set()),
        (GUIDED, {"identity_judge", "emotion_judge", "judge"}),
        (Origin("gan", trained_on=("300W",)), {"aed_second", "apd_second"}),
        (Origin("warp", estimators=(Component("second"),)), {"aed_second", "apd_second"}),
    ],
)
def test_circular_use_is_refused_and_told(origin, gone):
    wanted = catalogue(judges())
    found, circular = independent(wanted, [Origin("truth"), origin])
    assert set(names(wanted)) - set(names(found)) == gone and circular == []
    told = " ".join(line for line in found.absent if "--allow-circular" in line)
    assert all(name in told for name in gone)
    kept, circular = independent(wanted, [origin], allow_circular=True)
    assert kept is wanted and bool(circular) == bool(gone)


def test_landmark_metrics_are_circular_for_what_is_driven_by_the_same_landmarks():
    driven = Origin("warp", estimators=(FACE_MESH,))
    left = names(independent(catalogue(), [driven])[0])
    assert "akd" not in left and "jerk" not in left and "psnr" in left


def test_every_spec_is_pinned():
    """Names are unique, ranges hold the perfect value, the main part is what the metric gives."""
    metrics = catalogue(judges()).metrics
    assert len({m.spec.name for m in metrics}) == len(metrics)
    for metric in metrics:
        spec = metric.spec
        assert spec.version >= 1 and spec.source and spec.better in ("higher", "lower")
        assert math.isnan(spec.perfect) or spec.low <= spec.perfect <= spec.high
        pairs = [make_pair(flat(9), flat(9), index=k, face=make_face()) for k in range(3)]
        parts = scores(metric, pairs, replace(make_scene(), reference=flat(9)))
        assert spec.main in parts and spec.notes <= set(parts)
