import numpy as np

from facegen.demo import MOTION
from facegen.demo.author import author, blink
from facegen.flame.model import HeadModel
from facegen.motion import Motion


def test_packaged_motion_is_what_the_script_authors(head: HeadModel) -> None:
    packaged, authored = Motion.load(MOTION), author(head)
    for name, value in vars(authored).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(packaged, name), value, atol=1e-6, err_msg=name)
        else:
            assert getattr(packaged, name) == value


def test_it_stays_inside_the_heads_boxes(head: HeadModel) -> None:
    motion = author(head)
    low, high = head.expression_bounds.T
    assert (motion.expression >= low - 1e-6).all()
    assert (motion.expression <= high + 1e-6).all()
    jaw = head.joint_bounds[2, 0]
    assert motion.jaw_pose[:, 0].max() <= jaw[1]


def test_blinks_close_fully_and_open_again() -> None:
    t = np.linspace(0, 6, 601)
    closure = blink(t)
    assert closure.max() > 0.99
    assert closure[(t > 1.3) & (t < 2.4)].max() < 0.01
