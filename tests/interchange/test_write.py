"""What other programs read: meshes, cameras, smplx, tables, scenes; with independent readers."""

import csv
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
import trimesh

from facegen.arkit import ARKIT, from_motion
from facegen.demo import MOTION
from facegen.errors import ModelFileError, UsageError
from facegen.flame.camera import Camera
from facegen.flame.rotations import rotation_matrix
from facegen.interchange import open_motion
from facegen.interchange.camera_file import read_camera, write_camera
from facegen.interchange.meshes import write_meshes
from facegen.interchange.smplx import write_smplx
from facegen.interchange.write import export_motion, kind_of
from facegen.livelink import read_livelink, write_livelink
from facegen.motion import POSES, Motion
from facegen.posing import pose_frames


@pytest.fixture(scope="module")
def motion():
    return Motion.load(MOTION)


@pytest.mark.parametrize("kind", ["obj", "ply"])
def test_trimesh_reads_every_frame(head, motion, tmp_path, kind):
    part = motion[10:13]
    folder = write_meshes(tmp_path / kind, head, part, kind)
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["00000." + kind, "00001." + kind, "00002." + kind, "camera.json"]
    for index, expected in enumerate(pose_frames(head, part)):
        mesh = trimesh.load(folder / f"{index:05d}.{kind}", process=False, maintain_order=True)
        if kind == "ply":
            np.testing.assert_array_equal(mesh.vertices.astype(np.float32), expected)
            np.testing.assert_array_equal(mesh.faces, head.faces)
        corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)]
        assert mesh.area == pytest.approx(
            trimesh.Trimesh(expected, head.faces, process=False).area, rel=1e-4
        )
        assert corners.shape == (len(head.faces), 3, 3)


def test_cameras_come_back(motion, tmp_path):
    for camera in (
        Camera(900, 310.5, 260, 640, 480),
        Camera(1500, 256, 200, 512, 512, "orthographic"),
    ):
        path = write_camera(tmp_path / "camera.json", replace(motion, camera=camera))
        back = read_camera(path)
        assert (back.width, back.height, back.kind) == (camera.width, camera.height, camera.kind)
        np.testing.assert_allclose(
            [back.focal, back.cx, back.cy], [camera.focal, camera.cx, camera.cy], rtol=1e-9
        )
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ModelFileError, match="not a camera"):
        read_camera(tmp_path / "x.json")


def test_smplx_poses_the_same_vertices(head, motion, tmp_path):
    smplx = pytest.importorskip("smplx")
    from tests.flame.smplx_files import write_smplx_flame

    write_smplx_flame(head, tmp_path, "npz")
    part = motion[::40]
    part = replace(part, betas=np.linspace(-1, 1, head.n_shape, dtype=np.float32))
    with np.load(write_smplx(tmp_path / "motion.npz", part), allow_pickle=False) as data:
        values = {k: torch.from_numpy(data[k]) for k in ("expression", *POSES, "transl", "betas")}
    model = smplx.FLAME(
        str(tmp_path), ext="npz", num_betas=head.n_shape, num_expression_coeffs=head.n_expression
    )
    values["betas"] = values["betas"].expand(len(part), -1)
    vertices = model(**values).vertices.detach().numpy()
    for got, expected in zip(vertices, pose_frames(head, part), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_smplx_files_come_back(motion, tmp_path):
    back = open_motion(write_smplx(tmp_path / "motion.npz", motion))
    for name in ("expression", *POSES, "transl", "betas", "expression_names"):
        np.testing.assert_array_equal(getattr(back, name), getattr(motion, name))
    assert (back.fps, back.basis, back.camera) == (motion.fps, motion.basis, motion.camera)


def test_tables_come_back(head, motion, tmp_path):
    """Curves, turns and times; what ARKit has no word for stays behind."""
    path = write_livelink(tmp_path / "take.csv", motion, head)
    back = read_livelink(path, head)
    np.testing.assert_allclose(from_motion(back, head), from_motion(motion, head), atol=2e-5)
    turned = rotation_matrix(motion.global_orient) @ rotation_matrix(motion.neck_pose)
    np.testing.assert_allclose(rotation_matrix(back.neck_pose), turned, atol=2e-5)
    np.testing.assert_allclose(back.jaw_pose, motion.jaw_pose, atol=2e-5)
    np.testing.assert_allclose(back.timestamps, motion.timestamps - motion.timestamps[0], atol=1e-3)
    assert back.fps == motion.fps
    assert read_livelink(path, head, fps=Fraction(50)).timestamps[1] == pytest.approx(0.02)
    again = write_livelink(tmp_path / "again.csv", back, head)
    rows = [np.loadtxt(p, delimiter=",", skiprows=1, usecols=range(2, 63)) for p in (path, again)]
    np.testing.assert_allclose(rows[0], rows[1], atol=5e-5)


def test_tables_of_the_app_as_they_are(head, tmp_path):
    """Other order and case, a byte-order mark, rows without a face."""
    names = ["TongueOut", "jawOpen", "EyeBlinkLeft", "HeadYaw"]
    path = tmp_path / "phone.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        out = csv.writer(stream)
        out.writerow(["Timecode", "BlendShapeCount", *names])
        out.writerow(["14:03:52:58.207", 61, 0, 0.5, 1, 0.3])
        out.writerow(["14:03:52:59.207", 0])
        out.writerow(["14:03:53:00.207", 61, 0, 0, 0, 0])
    motion = read_livelink(path, head)
    assert motion.fps == 60 and len(motion) == 2
    np.testing.assert_allclose(motion.timestamps, [0, 2 / 60], atol=1e-9)
    np.testing.assert_allclose(motion.neck_pose[0], [0, 0.3, 0], atol=1e-6)
    curves = from_motion(motion, head)
    assert curves[0, ARKIT.index("jawOpen")] == pytest.approx(0.5)
    assert curves[0, ARKIT.index("eyeBlinkLeft")] == 1
    for text in ("a,b\n1,2\n", "Timecode,BlendShapeCount,JawOpen\n", "Timecode,n,JawOpen\n0,1,x\n"):
        path.write_text(text)
        with pytest.raises(ModelFileError, match="not a Live Link Face table"):
            read_livelink(path, head)


def test_another_program_decodes_our_curves(head, motion, tmp_path):
    """PyLiveLinkFace names the values by itself, and takes them through Live Link's packets."""
    pylivelinkface = pytest.importorskip("pylivelinkface")
    path = write_livelink(tmp_path / "take.csv", motion[::30], head)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    shapes = pylivelinkface.FaceBlendShape
    assert {s.name for s in shapes} == set(rows[0]) - {"Timecode", "BlendShapeCount"}
    for row in rows:
        sender = pylivelinkface.PyLiveLinkFace(fps=60)
        for shape in shapes:
            sender.set_blendshape(shape, float(row[shape.name]), no_filter=True)
        seen, receiver = pylivelinkface.PyLiveLinkFace.decode(sender.encode())
        assert seen
        for shape in shapes:
            assert receiver.get_blendshape(shape) == pytest.approx(float(row[shape.name]), abs=1e-6)


def test_pygltflib_reads_the_scene(head, motion, tmp_path):
    pygltflib = pytest.importorskip("pygltflib")
    scene = pygltflib.GLTF2().load(str(export_motion(motion[:20], tmp_path / "head.glb")))
    assert scene.asset.version == "2.0" and len(scene.skins[0].joints) == 5
    names = scene.meshes[0].extras["targetNames"]
    assert len(names) == len(scene.meshes[0].primitives[0].targets)
    paths = {c.target.path for c in scene.animations[0].channels}
    assert paths == {"rotation", "translation", "weights"}
    mesh = trimesh.load(tmp_path / "head.glb", process=False)
    assert sum(len(g.faces) for g in mesh.geometry.values()) == len(head.faces)


def test_usd_samples_every_frame(head, motion, tmp_path):
    usd = pytest.importorskip("pxr.Usd", reason="usd-core is not installed")
    from pxr import UsdGeom

    part = motion[:4]
    stage = usd.Stage.Open(str(export_motion(part, tmp_path / "head.usda")))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetTimeCodesPerSecond() == float(part.fps)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/scene/head"))
    samples = mesh.GetPointsAttr().GetTimeSamples()
    np.testing.assert_allclose(samples, np.arange(4), atol=1e-6)
    for code, expected in zip(samples, pose_frames(head, part), strict=True):
        got = np.array(mesh.GetPointsAttr().Get(code))
        np.testing.assert_allclose(got, expected, atol=1e-6)
    lens = UsdGeom.Camera(stage.GetPrimAtPath("/scene/camera")).GetCamera()
    field = lens.GetFieldOfView(lens.FOVHorizontal)
    expected = 2 * np.degrees(np.arctan(part.camera.width / 2 / part.camera.focal))
    assert field == pytest.approx(expected, rel=1e-4)


def test_names_say_what_is_meant(motion, tmp_path):
    assert [kind_of(n) for n in ("a.glb", "b.motion.npz", "c.npz", "d/obj", "e.ply", "f.json")] == [
        "glb", "motion", "smplx", "obj", "ply", "camera",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="give .glb"):
        kind_of("out.bvh")
    with pytest.raises(UsageError, match="choose from"):
        export_motion(motion, tmp_path / "x", kind="bvh")
    own = export_motion(motion, tmp_path / "x.motion.npz")
    np.testing.assert_array_equal(Motion.load(own).expression, motion.expression)


def test_extra_columns_do_not_hinder_the_export(head, motion, tmp_path):
    lids = np.ones((len(motion), 2), np.float32)
    wide = replace(
        motion,
        expression=np.hstack([motion.expression, lids]),
        expression_names=(*motion.expression_names, "eyelid_left", "eyelid_right"),
    )
    path = export_motion(wide[:2], tmp_path / "head.glb")
    assert path.read_bytes()[:4] == b"glTF"
