"""Motions carried between heads: exact where they can be, with an honest residual elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from facegen.demo import MOTION
from facegen.errors import ModelFileError
from facegen.flame.correspondence import correspond
from facegen.flame.landmark_model import rest_joints
from facegen.motion import Motion
from facegen.tracking.head_frame import head_centres, head_rotations
from facegen.transfer.basis import BasisConversion, for_head
from facegen.transfer.residual import residual
from tests.interchange.heads import divided, mixed


@pytest.fixture(scope="module")
def motion(head):
    rng = np.random.default_rng(0)
    betas = (0.5 * rng.normal(size=head.n_shape) * head.shape_sigma).astype(np.float32)
    return replace(Motion.load(MOTION)[::15], betas=betas)


def carried(source, target, motion):
    conversion = BasisConversion.between(source, target)
    out = conversion(motion)
    return out, residual(conversion, motion, out)


def same_pictures(first, first_head, second, second_head):
    """Both heads turn alike, and their eyes are seen at the same pixels."""
    np.testing.assert_allclose(head_rotations(first), head_rotations(second), atol=1e-6)
    pixels = [
        m.camera.project(head_centres(m, rest_joints(h, m.betas)))[:, :2]
        for m, h in ((first, first_head), (second, second_head))
    ]
    np.testing.assert_allclose(*pixels, atol=0.05)


def test_there_and_back_between_bases_of_one_mesh(head, motion):
    flame = mixed(head)
    there, gap = carried(head, flame, motion)
    assert there.basis == "flame2020" and there.expression.shape == (len(motion), 100)
    assert gap.moved_mm > 1 and gap.rms_mm < 0.02 and gap.landmark_px < 0.02
    same_pictures(motion, head, there, flame)
    back, gap = carried(flame, head, there)
    assert gap.rms_mm < 0.02
    wanted = motion.expression * head.expression_free
    np.testing.assert_allclose(back.expression, wanted, atol=0.05)
    np.testing.assert_allclose(back.jaw_pose, motion.jaw_pose, atol=0.005)
    same_pictures(motion, head, back, head)
    low, high = head.expression_bounds.T
    assert (back.expression >= low - 1e-6).all() and (back.expression <= high + 1e-6).all()


def test_what_a_basis_cannot_say_is_reported(head, motion):
    poor = mixed(head, "flame2023", 1)
    poor = replace(poor, shapedirs=poor.shapedirs[:, :, : head.n_shape + 3],
                   expression_names=poor.expression_names[:3],
                   expression_bounds=poor.expression_bounds[:3],
                   expression_sigma=poor.expression_sigma[:3],
                   expression_free=poor.expression_free[:3])  # fmt: skip
    _, gap = carried(head, poor, motion)
    assert 0.1 < gap.rms_mm < gap.moved_mm
    assert gap.landmark_px > 0.1 and "mm of" in str(gap)


def test_a_jaw_that_is_a_blendshape_opens_a_jaw_that_is_a_joint(head, motion):
    """ICT and ARKit faces have no jaw joint: their jawOpen column moves the open head's joint."""
    from facegen.transfer.basis import skin_moves

    jaw = np.array([0.3, 0, 0], np.float32)
    one = replace(motion[:1], expression=np.zeros_like(motion.expression[:1]), jaw_pose=jaw[None])
    one = replace(one, betas=np.zeros_like(one.betas))
    column = next(iter(skin_moves(head, one)))
    face = mixed(head, "ict")
    dirs = face.shapedirs.copy()
    dirs[:, :, head.n_shape] = column
    face = replace(face, shapedirs=dirs)
    spoken = np.zeros((1, 100), np.float32)
    spoken[0, 0] = 1
    said = replace(one, basis="ict", expression=spoken, expression_names=face.expression_names,
                   jaw_pose=np.zeros((1, 3), np.float32))  # fmt: skip
    out, gap = carried(face, head, said)
    np.testing.assert_allclose(out.jaw_pose[0], jaw, atol=0.01)
    assert gap.rms_mm < 0.2 and gap.moved_mm > 4


@pytest.mark.slow
def test_another_mesh_of_the_same_face(head, motion):
    other = divided(mixed(head))
    points = correspond(head, other)
    assert points.misfit_mm < 0.05
    there, gap = carried(head, other, motion[:4])
    assert gap.rms_mm < 0.1 and gap.landmark_px < 0.05
    same_pictures(motion[:4], head, there, other)


def test_a_larger_head_stands_farther_away(head, motion):
    large = replace(head, version="flame2020", v_template=head.v_template * 2,
                    shapedirs=head.shapedirs * 2, posedirs=head.posedirs * 2)  # fmt: skip
    out, _ = carried(head, large, motion[:3])
    np.testing.assert_allclose(out.transl[:, 2], 2 * motion.transl[:3, 2], rtol=0.02)
    same_pictures(motion[:3], head, out, large)


def test_columns_by_name_and_foreign_heads(head, motion):
    part = replace(motion, expression=motion.expression[:, ::-1],
                   expression_names=motion.expression_names[::-1])  # fmt: skip
    np.testing.assert_array_equal(for_head(part, head).expression, motion.expression)
    assert for_head(motion, head) is motion
    with pytest.raises(ModelFileError, match="belongs to open-1"):
        BasisConversion.between(mixed(head), head)(motion)
