"""Files of other trackers, made up in their published layouts."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.io import savemat

from facegen import assets
from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import rest_joints
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.flame.skinning import HeadLayer
from facegen.interchange import is_motion, open_motion
from facegen.interchange.rotations import to_six
from facegen.motion import Motion
from facegen.tracking.head_frame import head_centres
from tests.interchange.heads import official

RNG = np.random.default_rng(0)
T = 5


def table(width, scale=0.3):
    return RNG.normal(0, scale, (T, width)).astype(np.float32)


@pytest.fixture
def flame(head, tmp_path, monkeypatch):
    """A head of FLAME 2020's layout in the user's folder."""
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    model = official(head)
    target = tmp_path / "home" / "flame2020" / "head.npz"
    target.parent.mkdir(parents=True)
    model.save(target)
    return assets.load_head("flame2020")


def deca(**more):
    return {
        "shape": table(100), "exp": table(50), "pose": table(6, 0.2),
        "cam": np.array([8.0, 0.01, 0.02], np.float32) + table(3, 0.01), **more,
    }  # fmt: skip


def test_vhap(tmp_path):
    values = {
        "rotation": table(3), "translation": table(3, 0.05), "neck_pose": table(3),
        "jaw_pose": table(3), "eyes_pose": table(6), "shape": RNG.normal(size=300),
        "expr": table(100), "timestep_id": np.array(["0", "1", "2", "3", "4"]),
        "n_processed_frames": 5, "focal_length": np.array([1.5]),
        "image_size": np.array([600, 800]),
    }  # fmt: skip
    np.savez(tmp_path / "tracked_flame_params_30.npz", **values)
    motion = open_motion(tmp_path / "tracked_flame_params_30.npz")
    assert (motion.basis, motion.fps, len(motion)) == ("flame2023", Fraction(25), T)
    assert motion.camera == Camera(1200, 400, 300, 800, 600)
    np.testing.assert_array_equal(motion.expression, values["expr"])
    np.testing.assert_array_equal(motion.reye_pose, values["eyes_pose"][:, 3:])
    np.testing.assert_allclose(motion.transl, values["translation"] - (0, 0, 1), atol=1e-7)
    np.testing.assert_allclose(motion.betas, values["shape"], rtol=1e-6)
    del values["focal_length"]
    np.savez(tmp_path / "many_cameras.npz", **values)
    assert (open_motion(tmp_path / "many_cameras.npz").transl[:, 2] < -1).all()


def test_metrical_frames_pose_the_head_where_its_camera_saw_it(flame, tmp_path):
    """Vertices in the world seen by the file's OpenCV camera are those of the motion."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    betas = (RNG.normal(size=300) * 0.3).astype(np.float32)
    world_to_camera = [rotation_matrix(np.array([np.pi, 0, 0]) + 0.1 * v) for v in table(3)]
    shifts = np.array([0, 0, 1.2]) + table(3, 0.02)
    jaws, eyes = 0.2 * np.abs(table(3)), 0.2 * table(6)
    lens = np.array([[1100, 0, 250], [0, 1100, 260], [0, 0, 1]], np.float32)
    expressions = table(100)
    for i in range(T):
        six_eyes = np.concatenate([to_six(rotation_matrix(e)) for e in np.split(eyes[i], 2)])
        frame = {
            "flame": {
                "exp": expressions[i : i + 1], "shape": betas[None], "tex": table(140)[:1],
                "sh": RNG.normal(size=(1, 9, 3)), "eyes": six_eyes[None], "eyelids": table(2)[:1],
                "jaw": to_six(rotation_matrix(jaws[i]))[None],
            },
            "camera": {"R": np.zeros((1, 6)), "t": np.zeros((1, 3)), "fl": np.ones((1, 1))},
            "opencv": {"R": world_to_camera[i][None], "t": shifts[i][None], "K": lens[None]},
            "img_size": np.array([512, 500]), "frame_id": f"{i:05d}", "global_step": 7,
        }  # fmt: skip
        torch.save(frame, folder / f"{i:05d}.frame")
    motion = open_motion(folder)
    assert is_motion(folder) and len(motion) == T and motion.basis == "flame2020"
    assert motion.expression_names[-2:] == ("eyelid_left", "eyelid_right")
    assert (motion.camera.width, motion.camera.height) == (500, 512)
    np.testing.assert_allclose(motion.jaw_pose, jaws, atol=1e-6)
    np.testing.assert_allclose(motion.leye_pose, eyes[:, :3], atol=1e-6)
    layer = HeadLayer(flame)
    values = motion.tensors() | {"expression": torch.from_numpy(expressions)}
    values["betas"] = values["betas"][:, : flame.n_shape]
    still = {k: v for k, v in values.items() if k not in ("global_orient", "transl")}
    world = layer(**still).vertices.numpy()
    posed = layer(**values).vertices.numpy()
    for i in range(T):
        x, y, z = (world[i] @ world_to_camera[i].T + shifts[i]).T
        # The root joint of an expressed face moves a little; the tracker's own does not turn by it.
        np.testing.assert_allclose(posed[i], np.stack([x, -y, -z], 1), atol=2e-3)


@pytest.mark.parametrize("ending", ["npz", "pkl", "pt", "mat"])
def test_deca_codes_in_any_container(flame, tmp_path, ending):
    codes = deca(tex=table(50), light=RNG.normal(size=(T, 9, 3)).astype(np.float32))
    path = tmp_path / f"codes.{ending}"
    if ending == "npz":
        np.savez(path, **codes)
    elif ending == "pkl":
        path.write_bytes(pickle.dumps(codes))
    elif ending == "pt":
        torch.save({k: torch.from_numpy(v) for k, v in codes.items()}, path)
    else:
        savemat(path, codes)
    motion = open_motion(path, fps=Fraction(30))
    assert (motion.basis, motion.fps, len(motion)) == ("flame2020", Fraction(30), T)
    np.testing.assert_allclose(motion.expression[:, :50], codes["exp"], rtol=1e-6)
    assert not motion.expression[:, 50:].any()
    np.testing.assert_allclose(motion.jaw_pose, codes["pose"][:, 3:], rtol=1e-6)
    np.testing.assert_allclose(motion.betas, codes["shape"].mean(0), rtol=1e-5)
    joints = rest_joints(flame, motion.betas[: flame.n_shape])
    eyes = motion.camera.project(head_centres(motion, joints))
    arm = joints[3:5].mean(0) - joints[0]
    for i in range(T):
        scale, shift = codes["cam"][i, 0], codes["cam"][i, 1:]
        seen = rotation_matrix(codes["pose"][i, :3]) @ arm + joints[0]
        u, v = 112 * (1 + scale * (seen[:2] + shift) * (1, -1))
        np.testing.assert_allclose(eyes[i, :2], [u, v], atol=0.01)


def test_emoca_folders(flame, tmp_path):
    codes = deca()
    for i in range(T):
        part = tmp_path / "results" / f"{i:06d}_000"
        part.mkdir(parents=True)
        for name in ("shape", "exp", "pose"):
            np.save(part / f"{name}.npy", codes[name][i])
        np.save(part / "detail.npy", table(128)[0])
    motion = open_motion(tmp_path / "results")
    np.testing.assert_array_equal(motion.expression[:, :50], codes["exp"])
    np.testing.assert_array_equal(motion.jaw_pose, codes["pose"][:, 3:])
    later = {"shape": codes["shape"], "exp": codes["exp"], "jawpose": codes["pose"][:, 3:]}
    np.savez(tmp_path / "inferno.npz", globalpose=codes["pose"][:, :3], **later)
    np.testing.assert_array_equal(open_motion(tmp_path / "inferno.npz").jaw_pose, motion.jaw_pose)


def test_smirk_lids_become_blinks_of_the_open_head(flame, head, tmp_path):
    lids = np.linspace(0, 1, 2 * T, dtype=np.float32).reshape(T, 2)
    answers = {
        "pose_params": table(3, 0.1), "cam": np.tile(np.float32([7, 0, 0]), (T, 1)),
        "shape_params": 0.1 * table(300), "expression_params": np.zeros((T, 50), np.float32),
        "jaw_params": np.zeros((T, 3), np.float32), "eyelid_params": lids,
    }  # fmt: skip
    torch.save({k: torch.from_numpy(v) for k, v in answers.items()}, tmp_path / "smirk.pt")
    motion = open_motion(tmp_path / "smirk.pt")
    np.testing.assert_array_equal(motion.expression[:, 100:], lids)
    carried = open_motion(tmp_path / "smirk.pt", head)
    assert carried.basis == "open-1" and carried.expression.shape == (T, head.n_expression)
    blinks = [head.expression_index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight")]
    np.testing.assert_allclose(carried.expression[:, blinks], lids, atol=0.02)


def test_emote(tmp_path):
    content = {
        "shape": table(300), "expression": table(100), "jaw_pose": table(3),
        "global_pose": np.zeros((T, 3), np.float32),
    }  # fmt: skip
    path = tmp_path / "flame_happy.pkl"
    path.write_bytes(pickle.dumps(content))
    motion = open_motion(path)
    assert motion.fps == 25 and motion.basis == "flame2020"
    np.testing.assert_array_equal(motion.jaw_pose, content["jaw_pose"])


def template(keys=("R", "c_eyes_lst", "c_lip_lst")):
    """Head turning to its left and up, right eye shut, mouth half open."""
    flip = np.diag([1.0, -1, -1])
    turns = np.outer(np.linspace(0, 1, T), [-0.1, 0.3, 0.05])
    frames = [
        {
            "scale": np.float32([[1.6]]), keys[0]: (flip @ rotation_matrix(v) @ flip).T[None],
            "exp": np.zeros((1, 21, 3), np.float32), "t": np.float32([[0.1, 0.2, 0]]),
        }
        for v in turns
    ]  # fmt: skip
    eyes = [np.float32([[0.0, 0.3]])] * T
    return turns, {
        "n_frames": T, "output_fps": 30, "motion": frames, keys[1]: eyes,
        keys[2]: [np.float32([[0.5]])] * T,
    }  # fmt: skip


@pytest.mark.parametrize("old", [True, False])
def test_liveportrait_templates_are_refused_and_converted(tmp_path, head, old):
    keys = ("R_d", "c_d_eyes_lst", "c_d_lip_lst") if old else ("R", "c_eyes_lst", "c_lip_lst")
    turns, content = template(keys)
    path = tmp_path / "d0.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelFileError, match=r"facegen export .*d0.pkl -o d0.motion.npz"):
        open_motion(path, head)
    motion = open_motion(path, templates=True)
    np.testing.assert_allclose(motion.neck_pose, turns, atol=1e-6)
    assert motion.fps == 30
    right, left = (head.expression_index(f"eyeBlink{s}") for s in ("Right", "Left"))
    assert (motion.expression[:, right] == 1).all() and (motion.expression[:, left] == 0).all()
    np.testing.assert_allclose(motion.jaw_pose[:, 0], 0.16, atol=1e-6)
    u, v, _ = motion.camera.project(motion.transl).T
    np.testing.assert_allclose([u[0], v[0]], [128 * 1.1, 128 * 1.2], atol=1e-3)


def test_a_trap_in_a_pickle_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "trap"), "w")

    for content in ({"motion": Trap(), "n_frames": 1}, {"exp": Trap(), "shape": 1, "pose": 2}):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(ModelFileError, match="nothing in it was run"):
            open_motion(tmp_path / "x.pkl", templates=True)
    assert not (tmp_path / "trap").exists()


def test_own_motions_and_unknown_files(tmp_path, head):
    from facegen.demo import MOTION

    own = open_motion(MOTION, head)
    np.testing.assert_array_equal(own.expression, Motion.load(MOTION).expression)
    np.savez(tmp_path / "x.npz", a=np.ones(3))
    with pytest.raises(ModelFileError, match=r"it has a\).*VHAP"):
        open_motion(tmp_path / "x.npz")
    with pytest.raises(ModelFileError, match="no motion file at"):
        open_motion(tmp_path / "absent.npz")
    (tmp_path / "x.pt").write_bytes(b"nonsense")
    with pytest.raises(ModelFileError):
        open_motion(tmp_path / "x.pt")
    np.savez(tmp_path / "nan.npz", **deca(exp=np.full((T, 50), np.nan)))
    with pytest.raises(ModelFileError, match="not finite"):
        open_motion(tmp_path / "nan.npz")


def test_without_the_head_the_fix_is_named(tmp_path, monkeypatch, head):
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "codes.npz", **deca())
    with pytest.raises(ModelFileError, match=r"'flame2020'.*facegen assets import"):
        open_motion(tmp_path / "codes.npz", head)


def test_angles_of_a_vector_survive(tmp_path):
    vector = np.array([[0.2, -0.1, 0.4]])
    np.testing.assert_allclose(rotation_vector(rotation_matrix(vector)), vector, atol=1e-12)
