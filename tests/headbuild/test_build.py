"""Stages resume; missing data is named."""

import numpy as np
import pytest

from facegen.errors import UsageError
from facegen.headbuild import albedo, build, calibration, scans


def test_a_finished_stage_is_read_and_not_computed_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3.0)}

    for _ in range(2):
        np.testing.assert_array_equal(
            build.stage(tmp_path / "s" / "a.npz", compute)["x"], [0, 1, 2]
        )
    assert len(calls) == 1


def test_a_broken_stage_leaves_nothing(tmp_path):
    def compute():
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        build.stage(tmp_path / "a.npz", compute)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "read",
    [
        calibration.read_portraits,
        lambda folder: scans.load_scans(folder / "none.npz"),
        lambda folder: albedo.skin_colours(None, folder),
    ],
)
def test_missing_data_names_the_option(tmp_path, read):
    with pytest.raises(UsageError, match="--data"):
        read(tmp_path)


def test_scans_are_read_in_decimetres(dev_data):
    people = scans.load_scans(dev_data / "assets3d" / "ictfacekit_light_f16.npz")
    eyes = people.neutral[people.landmarks[[36, 45]]]
    assert 0.7 < np.linalg.norm(eyes[0] - eyes[1]) < 1.0
    assert people.directions.shape == (100, *people.neutral.shape)
    assert people.faces.max() < len(people.neutral)


def test_calibration_takes_back_a_known_offset(head):
    """Portraits posed with landmarks moved by a millimetre calibrate to that millimetre."""
    from dataclasses import replace

    from facegen.flame.camera import Camera
    from facegen.flame.fitting import LandmarkFitter
    from facegen.flame.landmark_model import LandmarkModel
    from facegen.headbuild.landmarks import place
    from facegen.headbuild.surface import at

    lmk = head.landmarks["mediapipe478"]
    points = at(head.v_template.astype(float), head.faces, lmk.faces, lmk.bary)
    brows = [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
    moved = points.copy()
    moved[brows, 1] += 0.002
    truth = replace(head, landmarks={"mediapipe478": place(head, moved, lmk.faces)})
    fitter, camera = LandmarkFitter(LandmarkModel.from_head(truth)), Camera.from_fov(512, 512)
    start = fitter.fit(_frontal(points, camera), camera)
    portraits = []
    for k in range(6):
        turned = replace(start, neck_pose=np.array([0.02 * k, 0.1 * (k - 2.5), 0], np.float32))
        portraits.append(calibration.Portrait(f"p{k}", fitter.landmarks(turned), 512, 512))
    fixed = calibration.calibrate(head, portraits).landmarks["mediapipe478"]
    found = at(head.v_template.astype(float), head.faces, fixed.faces, fixed.bary)
    before = np.linalg.norm(points - moved, axis=1)[brows].mean()
    after = np.linalg.norm(found - moved, axis=1)[brows].mean()
    assert after < 0.6 * before


def _frontal(points, camera):
    return camera.project(points + [0, -0.05, -camera.focal / 1500])[:, :2]
