import numpy as np
import pytest

from facegen.arkit import ARKIT
from facegen.assets import load_head
from facegen.data.speech.faces import Clip, load_face, track_clips
from facegen.data.speech.geometry import GEOMETRY, mouth_geometry
from facegen.data.speech.grid_source import grid_clips
from facegen.flame.rotations import rotation_matrix
from facegen.speech.lip_targets import CurveFitter
from facegen.speech.mouth import open_mouth
from facegen.transfer.arkit import ArkitSolver


def face(opening: float = 0.0) -> np.ndarray:
    """Landmarks ``(478, 3)`` in pixels of a made-up flat face with a mouth."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-60, 60, (478, 3)) * [1, 1, 0.3]
    points[33], points[263] = (-45, -20, 5), (45, -20, 5)
    points[168], points[152] = (0, -25, 10), (0, 80, 0)
    upper, lower = [13, 82, 312, 81, 311], [14, 87, 317, 178, 402]
    points[upper, 1], points[lower, 1] = 40, 40 + opening
    # In the plane of bridge and chin, so that measuring down is measuring along it.
    points[upper, 2], points[lower, 2] = (
        10 - (points[q, 1] + 25) * 10 / 105 for q in (upper, lower)
    )
    return points


def test_opening_is_measured_in_eye_distances_in_any_pose():
    openings = np.linspace(0, 18, 12)
    frames = []
    for i, opening in enumerate(openings):
        turn = rotation_matrix(np.array([0.1 * np.sin(i), 0.3 * np.cos(i), 0.2 * np.sin(2 * i)]))
        frames.append((face(opening) @ turn.T) * (1 + 0.1 * np.sin(i)) + [200, 150, 3])
    got = mouth_geometry(np.stack(frames))
    slant = np.hypot(105, 10) / 105
    np.testing.assert_allclose(got[:, GEOMETRY.index("opening")], openings * slant / 90, atol=1e-3)
    still = np.delete(got, [GEOMETRY.index("opening")], 1)
    assert still.std(0).max() < 1e-3


def test_frames_without_a_face_are_nan():
    frames = np.stack([face(), np.full((478, 3), np.nan), face(9)])
    got = mouth_geometry(frames)
    assert np.isnan(got[1]).all()
    assert np.isfinite(got[[0, 2]]).all()
    assert np.isnan(mouth_geometry(frames[1:2])).all()


@pytest.mark.slow
def test_a_clip_is_tracked_once_and_read_at_50_hz(dev_data, tmp_path):
    head = load_head("open")
    clip = next(c for c in grid_clips(dev_data) if c.speaker == "grid_f1")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    failed = track_clips([clip, Clip(broken, "broken", "x")], head, tmp_path)
    assert len(failed) == 1
    assert "broken" in failed[0]
    before = (tmp_path / f"{clip.key}.motion.npz").stat().st_mtime_ns
    track_clips([clip], head, tmp_path)
    assert (tmp_path / f"{clip.key}.motion.npz").stat().st_mtime_ns == before
    lips = CurveFitter.of(head)
    found = load_face(tmp_path, clip.key, 149, ArkitSolver.of(head), lips)
    assert found is not None
    assert found.curves.shape == (149, 52)
    assert found.valid.mean() > 0.9
    opening = found.geometry[:, 0]
    assert opening.max() > 0.05
    # The curves say what the landmarks show.
    said = open_mouth(ARKIT).opening(found.curves)
    assert np.corrcoef(opening, said)[0, 1] > 0.98
    assert load_face(tmp_path, "nobody", 10, ArkitSolver.of(head), lips) is None
