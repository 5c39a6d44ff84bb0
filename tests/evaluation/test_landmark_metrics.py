"""Landmark, temporal, sync and expression metrics by hand, on a made-up face."""

import math

import numpy as np
import pytest

from facegen.evaluation.coherence import Seam, WarpingError
from facegen.evaluation.expression import euler_deg, pose_distance
from facegen.evaluation.geometry import angle_deg, gaze, similarity
from facegen.evaluation.identity import cosine
from facegen.evaluation.landmarks import (
    Akd,
    EyeClosure,
    Gaze,
    MouthCorrelation,
    MouthOpening,
    correlation,
)
from facegen.evaluation.metric import gap
from facegen.evaluation.sync import RATE, EnvelopeEmbedder, Sync, lse, offset_distances
from facegen.evaluation.temporal import Flicker, Jerk, Jitter, flicker, jerk, jitter
from tests.evaluation.faces import make_face, make_image, make_pair, make_scene, scores


def test_akd_by_hand():
    # Everything 4 px to the right at an inter-ocular distance of 40.
    pair = make_pair(face=make_face(shift=(4, 0)))
    assert scores(Akd(), [pair]) == {"all": pytest.approx(0.1)}
    assert scores(Akd(), [pair, make_pair()]) == {"all": pytest.approx(0.05)}


def test_mouth_and_lids_by_hand():
    pair = make_pair(face=make_face(opening=0.3, lids=0.1))
    assert scores(MouthOpening(), [pair]) == {"lips": pytest.approx(0.3)}
    assert scores(EyeClosure(), [pair]) == {"both": pytest.approx(0.2)}
    pair = make_pair(face=make_face(opening=0.1), truth_face=make_face(opening=0.5, lids=0.25))
    assert scores(MouthOpening(), [pair, make_pair()]) == {"lips": pytest.approx(0.2)}
    assert scores(EyeClosure(), [pair, make_pair()]) == {"both": pytest.approx(0.025)}


def test_gaze_by_hand():
    # An iris offset of 0.2 widths on an eyeball of 0.4 widths: sine 0.5.
    pair = make_pair(face=make_face(look=(0.2, 0)))
    assert scores(Gaze(), [pair])["angle"] == pytest.approx(30)
    # Sines 0.25 and -0.25, up and down; a shut eye does not count.
    pair = make_pair(face=make_face(look=(0, 0.1)), truth_face=make_face(look=(0, -0.1)))
    shut = make_pair(face=make_face(lids=0.02))
    expected = 2 * math.degrees(math.asin(0.25))
    assert scores(Gaze(), [pair, shut])["angle"] == pytest.approx(expected)
    assert gaze(make_face(lids=0.02)) is None
    assert angle_deg(np.array([1.0, 0, 0]), np.array([0, 2.0, 0])) == pytest.approx(90)


def talk(k):
    return 0.1 + 0.1 * math.sin(k * 0.9) + 0.05 * math.sin(k * 0.37)


def talking(delay, frames=40):
    return [
        make_pair(
            face=make_face(opening=talk(k - delay)),
            truth_face=make_face(opening=talk(k)),
            index=k,
        )
        for k in range(frames)
    ]


def test_mouth_correlation_finds_the_delay():
    found = scores(MouthCorrelation(), talking(0))
    assert found == {"zero_lag": pytest.approx(1), "lag_s": 0, "best_lag": pytest.approx(1)}
    found = scores(MouthCorrelation(), talking(3))
    assert found["lag_s"] == pytest.approx(3 / 25)
    assert found["zero_lag"] < 0.5 < found["best_lag"]


def test_correlation_of_something_still():
    moving, still = np.arange(4.0), np.zeros(4)
    assert correlation(still, moving) == 0
    assert math.isnan(correlation(moving, still))
    assert correlation(-moving, moving) == pytest.approx(-1)


def test_tracks_by_hand():
    cubic = (np.arange(6.0) ** 3)[:, None, None] * [1.0, 0.0]
    assert jerk([cubic], fps=2.0) == pytest.approx(6 * 8)
    line = np.arange(6.0)[:, None, None] * [1.0, 1.0]
    assert jerk([line], 25) == pytest.approx(0) and jitter([line]) == pytest.approx(0)
    saw = np.array([0.0, 1, 0, 1])[:, None, None] * [1.0, 0.0]
    assert jitter([saw]) == pytest.approx(1)


def swing(metric, pred, truth, frames=24):
    """Scores of faces that sway sideways by ``pred(k)`` and ``truth(k)`` pixels."""
    pairs = [
        make_pair(
            face=make_face(shift=(pred(k), 0)), truth_face=make_face(shift=(truth(k), 0)), index=k
        )
        for k in range(frames)
    ]
    return scores(metric, pairs)


@pytest.mark.parametrize(
    ("metric", "size"),
    # Steps +1, -1, ... of a pixel: third difference 8, bend 2; 40 pixels between the eyes.
    [(Jerk(), 8 / 40 * 25**3), (Jitter(), 2 / 40)],
)
def test_trembling_by_hand(metric, size):
    found = swing(metric, lambda k: (-1) ** k, lambda k: 3 * (-1) ** k)
    assert found["value"] == pytest.approx(size) and found["truth"] == pytest.approx(3 * size)
    assert found["gap"] == pytest.approx(0.5)
    still = swing(metric, lambda k: 0, lambda k: (-1) ** k)
    assert (still["gap"], still["value"]) == (1, pytest.approx(0))
    assert swing(metric, lambda k: k % 3, lambda k: k % 3)["gap"] == 0


def test_flicker_gap_by_hand():
    fast, slow = (lambda k: (-1) ** k), (lambda k: math.sin(k * 0.5))
    found = swing(Flicker(), fast, slow, 40)
    assert found["value"] > 0.98 and found["truth"] < 0.05
    assert found["gap"] == pytest.approx(gap(found["value"], found["truth"]))
    assert swing(Flicker(), slow, slow, 40)["gap"] == 0


def test_flicker_tells_slow_from_fast():
    t = np.arange(100) / 25
    slow, fast = (np.sin(2 * np.pi * f * t)[:, None, None] for f in (2, 10))
    assert flicker([slow], 25) < 0.01
    assert flicker([fast], 25) > 0.98
    assert math.isnan(flicker([fast], 12))


def test_gap_by_hand():
    assert (gap(2, 2), gap(0, 3), gap(3, 1), gap(0, 0)) == (0, 1, 0.5, 0)
    assert math.isnan(gap(math.nan, 1))


def steps(brightness):
    flat = np.full((64, 64, 3), 100, np.uint8)
    return [
        make_pair(flat + np.uint8(b), flat + np.uint8(2 * k), index=k)
        for k, b in enumerate(brightness)
    ]


def test_seam_by_hand():
    scene = make_scene(window=4)
    even = steps(range(0, 16, 2))
    found = scores(Seam(), even, scene)
    assert found["gap"] == 0 and found["value"] == 1
    jump = steps([0, 2, 4, 6, 14, 16, 18, 20])
    found = scores(Seam(), jump, scene)
    assert found["value"] == pytest.approx(4) and found["gap"] == pytest.approx(3 / 5)


def test_warping_error_of_flicker_on_a_still_truth():
    truth = np.minimum(make_image(), 200)
    pairs = [make_pair(truth + np.uint8(10 * (k % 2)), truth, index=k) for k in range(4)]
    found = scores(WarpingError(), pairs)
    assert found["value"] == pytest.approx(10, abs=0.01)
    assert found["truth"] == pytest.approx(0, abs=0.01)
    assert scores(WarpingError(), [make_pair(index=k) for k in range(3)])["excess"] == 0


def test_metrics_over_time_do_not_reach_across_runs():
    pairs = [make_pair(index=k, run=k) for k in range(3)]
    comparison = WarpingError().begin(make_scene())
    assert [comparison.add(p) for p in pairs] == [None] * 3


def turn(axis, degrees):
    a = math.radians(degrees)
    c, s = math.cos(a), math.sin(a)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    r = np.eye(3)
    r[i, i] = r[j, j] = c
    r[i, j], r[j, i] = -s, s
    return r


def test_pose_distance_by_hand():
    for axis in range(3):
        assert euler_deg(turn(axis, 20))[axis] == pytest.approx(20)
        euler, geodesic = pose_distance(turn(axis, 20), turn(axis, -10))
        assert (euler, geodesic) == (pytest.approx(10), pytest.approx(30))
    assert pose_distance(np.eye(3), np.eye(3)) == (0, 0)
    skew = turn(0, 31.7) @ turn(2, 12.3)
    assert pose_distance(skew, skew) == (0, 0)
    assert pose_distance(turn(1, 90), turn(1, -90))[1] == pytest.approx(180)


def test_cosine_by_hand():
    assert cosine(np.array([1.0, 0]), np.array([1.0, 1])) == pytest.approx(math.sqrt(0.5))
    assert cosine(np.zeros(2), np.ones(2)) == 0


def test_similarity_is_recovered():
    source = np.random.default_rng(0).normal(size=(9, 2))
    angle = 0.4
    linear = 1.7 * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    matrix, error = similarity(source, source @ linear.T + (3, -2))
    assert np.allclose(matrix, np.column_stack([linear, (3, -2)]))
    assert error == pytest.approx(0, abs=1e-12)


def test_lse_by_hand():
    x = np.arange(12.0)[:, None]
    distances = offset_distances(x, x, reach=2)
    assert distances.tolist() == [2, 1, 0, 1, 2]
    assert lse(distances) == (0, 1, 0)
    assert lse(offset_distances(x, x - 1, reach=2))[2] == 1


def test_sync_tells_a_clip_from_its_control():
    frames = 60
    loud = np.repeat([talk(k) + 0.05 for k in range(frames)], RATE // 25)
    noise = np.random.default_rng(0).normal(size=len(loud))
    scene = make_scene(audio=(0.1 * loud * noise).astype(np.float32))
    pairs = talking(0, frames)
    found = scores(Sync(EnvelopeEmbedder()), pairs, scene)
    assert found["offset_frames"] == 0
    assert found["lse_c"] > found["control_c"] + 0.3
    assert math.isnan(scores(Sync(EnvelopeEmbedder()), pairs[:20], scene)["lse_c"])
