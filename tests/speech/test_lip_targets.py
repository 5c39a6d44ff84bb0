"""Curves read off landmarks: known curves of the open head come back, whatever the pose."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from facegen.data.speech.geometry import STILL
from facegen.errors import FaceNotFoundError
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC, TWO_SIDED, arkit_names, both_sides
from facegen.speech.lip_targets import CurveFitter, aligned, measure, mouth_targets
from facegen.speech.mouth import MouthShape

FRAMES = 30


@pytest.fixture(scope="module")
def fitter(head: HeadModel) -> CurveFitter:
    return CurveFitter.of(head)


def moved(head: HeadModel, fitter: CurveFitter, curves: np.ndarray) -> np.ndarray:
    """Landmarks ``(T, 478, 3)`` in pixels of a turning, shifting head with these curves."""
    model = LandmarkModel.from_head(head, n_shape=0)
    unit = np.linalg.norm(model.points[33] - model.points[263])
    points = np.repeat(model.points[None], len(curves), 0)
    points[:, fitter.rows] += np.einsum("lck,tk->tlc", fitter.basis, curves) * unit
    turn = Rotation.from_rotvec(
        np.linspace(-0.1, 0.1, len(curves))[:, None] * [0, 0, 1]
    ).as_matrix()
    points = (
        np.einsum("tij,tlj->tli", turn, points) * np.linspace(900, 1000, len(curves))[:, None, None]
    )
    return points * [1, -1, -1] + [200, 150, 0]


def test_names_of_both_sides() -> None:
    names = arkit_names(SYMMETRIC)
    assert len(names) == len(SYMMETRIC) + len(TWO_SIDED)
    both = both_sides(np.eye(len(SYMMETRIC), dtype=np.float32), SYMMETRIC)
    assert both.shape == (len(SYMMETRIC), len(names))
    assert both[SYMMETRIC.index("mouthSmile")].nonzero()[0].tolist() == [
        names.index("mouthSmileLeft"),
        names.index("mouthSmileRight"),
    ]


def test_pose_and_scale_drop_out(head: HeadModel, fitter: CurveFitter) -> None:
    still = aligned(moved(head, fitter, np.zeros((FRAMES, len(SYMMETRIC)))))
    assert np.ptp(still, axis=0).max() < 1e-6
    assert not set(STILL) & set(fitter.rows.tolist())


def test_known_curves_come_back(head: HeadModel, fitter: CurveFitter) -> None:
    true = np.zeros((FRAMES, len(SYMMETRIC)))
    wave = 0.5 - 0.5 * np.cos(np.linspace(0, 6 * np.pi, FRAMES - 10))
    true[10:, SYMMETRIC.index("jawOpen")] = 0.4 * wave
    true[10:, SYMMETRIC.index("mouthPucker")] = 0.6 * wave[::-1]
    points = aligned(moved(head, fitter, true))
    found = fitter.fit(points, points[0])
    assert np.abs(found - true).max() < 0.15
    for name in ("jawOpen", "mouthPucker"):
        k = SYMMETRIC.index(name)
        assert np.corrcoef(found[:, k], true[:, k])[0, 1] > 0.97


def test_the_opening_of_the_curves_is_the_opening_seen(
    head: HeadModel, fitter: CurveFitter
) -> None:
    true = np.zeros((FRAMES, len(SYMMETRIC)))
    true[10:, SYMMETRIC.index("jawOpen")] = np.linspace(0, 0.3, FRAMES - 10)
    points = aligned(moved(head, fitter, true))
    curves = both_sides(fitter.fit(points, points[0]), SYMMETRIC)
    mouth = MouthShape.of(head, arkit_names(SYMMETRIC))
    seen = measure(points)[:, GEOMETRY.index("opening")]
    assert np.abs(mouth.opening(curves) - (seen - seen[0])).max() < 0.01


def test_targets_stand_at_the_middle_of_their_frames(head: HeadModel, fitter: CurveFitter) -> None:
    true = np.zeros((FRAMES, len(SYMMETRIC)))
    true[:, 0] = np.linspace(0, 0.3, FRAMES)
    landmarks = moved(head, fitter, true)
    landmarks[5] = np.nan
    out = mouth_targets(landmarks, np.arange(FRAMES) / 25, fitter, frames=2 * FRAMES, lead=0.08)
    assert out.curves.shape == (2 * FRAMES, len(SYMMETRIC))
    assert np.isfinite(out.geometry).all()
    per_video = measure(aligned(landmarks))[:, GEOMETRY.index("opening")]
    # Frame 20 of 25 covers frames 40 and 41 of 50.
    got = out.geometry[40:42, GEOMETRY.index("opening")].mean()
    assert got == pytest.approx(per_video[20], rel=0.01)


def test_a_clip_without_a_face_says_so() -> None:
    with pytest.raises(FaceNotFoundError, match="0 of 7"):
        aligned(np.full((7, 478, 3), np.nan))
