from fractions import Fraction

import numpy as np
import pytest

from facegen.arkit import ARKIT, jaw_open
from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.motion import Motion
from facegen.transfer.arkit import ArkitSolver, arkit_curves


def motion_of(head, expression: np.ndarray, **poses: np.ndarray) -> Motion:
    t = len(expression)
    zeros = np.zeros((t, 3), np.float32)
    return Motion(
        expression=expression.astype(np.float32),
        global_orient=zeros, neck_pose=zeros, transl=zeros,
        jaw_pose=poses.get("jaw_pose", zeros),
        leye_pose=poses.get("leye_pose", zeros),
        reye_pose=poses.get("reye_pose", zeros),
        betas=np.zeros(head.n_shape, np.float32),
        camera=Camera.from_fov(64, 64), fps=Fraction(25), timestamps=np.arange(t) / 25,
        valid=np.ones(t, bool), confidence=np.ones(t, np.float32), basis=head.version,
        expression_names=head.expression_names,
    )  # fmt: skip


def test_names_are_the_52_of_arkit(head):
    assert len(ARKIT) == len(set(ARKIT)) == 52
    assert set(ARKIT) <= set(head.expression_names)


def test_arkit_columns_come_back(head):
    rng = np.random.default_rng(0)
    names = list(head.expression_names)
    blended = [n for n in ARKIT if not n.startswith(("eyeLook", "jaw", "tongueOut"))]
    expression = np.zeros((20, head.n_expression))
    for frame in expression:
        for name in rng.choice(blended, 3, replace=False):
            frame[names.index(name)] = rng.uniform(0.2, 1)
    curves = arkit_curves(motion_of(head, expression), head)
    truth = expression[:, [names.index(n) for n in ARKIT]]
    np.testing.assert_allclose(curves, truth, atol=0.03)


def test_other_columns_become_the_nearest_arkit_shape(head):
    names = list(head.expression_names)
    expression = np.zeros((1, head.n_expression))
    expression[0, names.index("mh:mouth-corner-puller")] = 1
    curves = arkit_curves(motion_of(head, expression), head)[0]
    assert ((curves >= 0) & (curves <= 1)).all()
    basis = head.shapedirs[:, :, head.n_shape :]
    goal = basis[:, :, names.index("mh:mouth-corner-puller")]
    made = basis[:, :, [names.index(n) for n in ARKIT]] @ curves
    assert np.square(made - goal).sum() < 0.5 * np.square(goal).sum()
    assert curves[ARKIT.index("mouthSmileLeft")] > 0.2


def test_joints_become_their_curves(head):
    def turn(x: float, y: float) -> np.ndarray:
        return np.array([[x, y, 0]], np.float32)

    curves = arkit_curves(
        motion_of(
            head,
            np.zeros((1, head.n_expression)),
            jaw_pose=turn(jaw_open(head) / 2, 0),
            leye_pose=turn(0.1, 0.2),
            reye_pose=turn(0.1, 0.2),
        ),  # fmt: skip
        head,
    )[0]
    got = {name: float(v) for name, v in zip(ARKIT, curves, strict=True) if v > 1e-6}
    assert got.pop("jawOpen") == pytest.approx(0.5, abs=1e-3)
    assert set(got) == {
        "eyeLookDownLeft", "eyeLookDownRight", "eyeLookOutLeft", "eyeLookInRight",
    }  # fmt: skip


def test_a_motion_of_another_model_is_refused(head, tiny_head):
    with pytest.raises(ModelFileError, match="no ARKit expressions"):
        ArkitSolver.of(tiny_head)
    foreign = motion_of(head, np.zeros((1, head.n_expression)))
    object.__setattr__(foreign, "expression_names", ("x",) * head.n_expression)
    with pytest.raises(ModelFileError, match="fit the clip again"):
        arkit_curves(foreign, head)
