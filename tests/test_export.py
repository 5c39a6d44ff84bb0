"""Exported files, parsed back: valid by the format's rules and posed like the head layer."""

import json
import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from facegen.errors import MediaError, ModelFileError
from facegen.export import write_glb, write_obj
from facegen.flame.camera import Camera
from facegen.flame.skinning import POSE_NAMES, HeadLayer
from facegen.motion import Motion

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
TYPES = {5126: np.dtype("<f4"), 5125: np.dtype("<u4"), 5121: np.dtype("u1")}


def a_motion(model, frames=6, seed=0):
    rng = np.random.default_rng(seed)
    low, high = model.joint_bounds[..., 0] / 2, model.joint_bounds[..., 1] / 2
    expression = rng.uniform(0, 0.7, (frames, model.n_expression))
    expression[:, 2] = 0
    expression[:, ~model.expression_free] = 0
    poses = {n: rng.uniform(low[j], high[j], (frames, 3)) for j, n in enumerate(POSE_NAMES)}
    values = {
        "expression": expression,
        **poses,
        "transl": rng.normal(0, 0.05, (frames, 3)) - (0, 0, 1),
    }
    return Motion(
        **{k: v.astype(np.float32) for k, v in values.items()},
        betas=(rng.normal(0, 0.7, model.n_shape) * model.shape_sigma).astype(np.float32),
        camera=Camera.from_fov(640, 480),
        fps=Fraction(25),
        timestamps=5 + np.cumsum(rng.uniform(0.02, 0.06, frames)),
        valid=np.ones(frames, bool),
        confidence=np.ones(frames, np.float32),
        basis=model.version,
        expression_names=model.expression_names,
    )


def parse(path):
    """Scene and accessors of a ``.glb``; every rule the writer could break is asserted."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    scene = json.loads(data[20 : 20 + size])
    length, kind = struct.unpack_from("<I4s", data, 20 + size)
    binary = data[28 + size :]
    assert kind == b"BIN\0" and length == len(binary) == scene["buffers"][0]["byteLength"]
    assert length % 4 == 0
    arrays = []
    for accessor in scene["accessors"]:
        view, dtype = scene["bufferViews"][accessor["bufferView"]], TYPES[accessor["componentType"]]
        width = WIDTHS[accessor["type"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteLength"] == accessor["count"] * width * dtype.itemsize
        assert view["byteOffset"] + view["byteLength"] <= length
        values = np.frombuffer(binary, dtype, accessor["count"] * width, view["byteOffset"])
        values = values.reshape(-1, width)
        assert np.isfinite(values).all()
        if "min" in accessor:
            np.testing.assert_array_equal(np.float32(accessor["min"]), values.min(0))
            np.testing.assert_array_equal(np.float32(accessor["max"]), values.max(0))
        arrays.append(values)
    return scene, arrays


def pose_gltf(scene, arrays, frame):
    """Vertices of the animated mesh by glTF's own rules, in numpy."""
    mesh = scene["meshes"][0]
    primitive = mesh["primitives"][0]
    nodes = [dict(n) for n in scene["nodes"]]
    animation = scene["animations"][0]
    weights = np.zeros(0)
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        times, values = arrays[sampler["input"]], arrays[sampler["output"]]
        values = values.reshape(len(times), -1)[frame]
        if channel["target"]["path"] == "weights":
            weights = values
        else:
            nodes[channel["target"]["node"]][channel["target"]["path"]] = values
    points = arrays[primitive["attributes"]["POSITION"]].astype(float)
    for weight, target in zip(weights, primitive.get("targets", []), strict=True):
        points = points + weight * arrays[target["POSITION"]]
    world = {}

    def visit(index, above):
        node, local = nodes[index], np.eye(4)
        if "rotation" in node:
            local[:3, :3] = Rotation.from_quat(node["rotation"]).as_matrix()
            local[:3, 3] = node["translation"]
        world[index] = above @ local
        for child in node.get("children", []):
            visit(child, world[index])

    for root in scene["scenes"][scene["scene"]]["nodes"]:
        visit(root, np.eye(4))
    skin = scene["skins"][0]
    bind = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = np.array([world[j] @ b for j, b in zip(skin["joints"], bind, strict=True)])
    index = arrays[primitive["attributes"]["JOINTS_0"]]
    blend = arrays[primitive["attributes"]["WEIGHTS_0"]]
    per_vertex = np.einsum("vk,vkab->vab", blend, matrices[index])
    return np.einsum("vab,vb->va", per_vertex, np.pad(points, ((0, 0), (0, 1)), constant_values=1))[
        :, :3
    ]


def pose_layer(model, motion):
    names = ("expression", *POSE_NAMES, "transl")
    values = {n: torch.from_numpy(getattr(motion, n)) for n in names}
    posed = HeadLayer(model)(betas=torch.from_numpy(motion.betas[None]), **values)
    return posed.vertices.numpy()


def corner_vertices(model):
    if model.uv is None:
        return np.arange(model.n_vertices)
    pairs = np.stack([model.faces, model.uv_faces], -1).reshape(-1, 2)
    return np.unique(pairs, axis=0)[:, 0]


@pytest.mark.parametrize("which", ["tiny_head", "head"])
def test_glb_poses_like_the_layer(which, request, tmp_path):
    model = request.getfixturevalue(which)
    if which == "tiny_head":
        # Expressions of the tiny head move its joints, which no skin can follow.
        model = replace(model, J_regressor=np.zeros_like(model.J_regressor))
    motion = a_motion(model)
    full = pose_layer(model, motion)
    vertex = corner_vertices(model)
    scene, arrays = parse(write_glb(tmp_path / "head.glb", model, motion))
    for frame in range(len(motion)):
        posed = pose_gltf(scene, arrays, frame)
        np.testing.assert_allclose(posed, full[frame][vertex], atol=2e-5)
    moved = zip(model.expression_names, motion.expression.T, strict=True)
    names = scene["meshes"][0]["extras"]["targetNames"]
    assert [n for n in names if not n.startswith("corrective:")] == [n for n, c in moved if c.any()]


def test_without_correctives_it_is_plain_skinning(head, tmp_path):
    motion = a_motion(head)
    scene, arrays = parse(write_glb(tmp_path / "head.glb", head, motion, correctives=False))
    linear = pose_layer(replace(head, posedirs=np.zeros_like(head.posedirs)), motion)
    full = pose_layer(head, motion)
    vertex = corner_vertices(head)
    posed = np.array([pose_gltf(scene, arrays, i) for i in range(len(motion))])
    np.testing.assert_allclose(posed, linear[:, vertex], atol=2e-5)
    left_out = np.linalg.norm(posed - full[:, vertex], axis=-1)
    assert 1e-4 < left_out.mean() < 1e-3 and left_out.max() < 0.01


def test_triangles_survive_the_texture_seams(head, tmp_path):
    scene, arrays = parse(write_glb(tmp_path / "head.glb", head, a_motion(head)))
    primitive = scene["meshes"][0]["primitives"][0]
    corners = arrays[primitive["indices"]].reshape(-1, 3)
    np.testing.assert_array_equal(corner_vertices(head)[corners], head.faces)
    uv = arrays[primitive["attributes"]["TEXCOORD_0"]][corners] * (1, -1) + (0, 1)
    np.testing.assert_allclose(uv, head.uv[head.uv_faces], atol=1e-6)
    weights = arrays[primitive["attributes"]["WEIGHTS_0"]]
    assert (arrays[primitive["attributes"]["JOINTS_0"]][weights == 0] == 0).all()
    normals = arrays[primitive["attributes"]["NORMAL"]]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def test_times_quaternions_and_camera(tiny_head, tmp_path):
    motion = a_motion(tiny_head, frames=9)
    turn = np.linspace(2.5, 4, 9)
    turn = (turn + np.pi) % (2 * np.pi) - np.pi  # past half a turn the vector jumps
    motion = replace(motion, neck_pose=np.outer(turn, [0, 1, 0]).astype(np.float32))
    scene, arrays = parse(write_glb(tmp_path / "head.glb", tiny_head, motion))
    animation = scene["animations"][0]
    times = arrays[animation["samplers"][0]["input"]][:, 0]
    np.testing.assert_allclose(times, motion.timestamps - motion.timestamps[0], atol=1e-6)
    for channel in animation["channels"]:
        if channel["target"]["path"] == "rotation":
            q = arrays[animation["samplers"][channel["sampler"]]["output"]].astype(float)
            np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1, atol=1e-6)
            assert ((q[1:] * q[:-1]).sum(1) > 0).all()
    lens = scene["cameras"][0]["perspective"]
    assert 2 * motion.camera.focal * np.tan(lens["yfov"] / 2) == pytest.approx(480)


def test_a_still_face_has_no_morph_targets(tiny_head, tmp_path):
    motion = a_motion(tiny_head, frames=1)
    zeros = {n: np.zeros_like(getattr(motion, n)) for n in ("expression", *POSE_NAMES)}
    still = replace(motion, **zeros)
    scene, _ = parse(write_glb(tmp_path / "head.glb", tiny_head, still))
    assert "targets" not in scene["meshes"][0]["primitives"][0]
    assert "weights" not in {c["target"]["path"] for c in scene["animations"][0]["channels"]}


def test_colours_become_linear(tiny_head, tmp_path):
    model = replace(tiny_head, albedo_mean=np.full((60, 3), 0.5, np.float32))
    scene, arrays = parse(write_glb(tmp_path / "head.glb", model, a_motion(model)))
    colour = arrays[scene["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    np.testing.assert_allclose(colour, 0.2140, atol=1e-4)


def test_motions_that_do_not_fit_are_refused(tiny_head, head, tmp_path):
    motion = a_motion(tiny_head)
    with pytest.raises(ModelFileError, match="does not drive"):
        write_glb(tmp_path / "head.glb", head, motion)
    with pytest.raises(ModelFileError, match="no frames"):
        write_glb(tmp_path / "head.glb", tiny_head, motion[:0])
    with pytest.raises(MediaError, match="cannot write"):
        write_glb(tmp_path / "absent" / "head.glb", tiny_head, motion)
    assert not list(tmp_path.iterdir())


def test_obj_is_read_back(head, tmp_path):
    path = write_obj(tmp_path / "head.obj", head.v_template, head)
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([r[1:] for r in rows if r[0] == "v"], float)
    np.testing.assert_allclose(vertices, head.v_template, atol=1e-6)
    corners = np.array([[c.split("/") for c in r[1:]] for r in rows if r[0] == "f"], int) - 1
    order = np.argsort(head.face_regions, kind="stable")
    np.testing.assert_array_equal(corners[..., 0], head.faces[order])
    np.testing.assert_array_equal(corners[..., 1], head.uv_faces[order])
    assert {r[1] for r in rows if r[0] == "g"} <= set(head.region_names)
    with pytest.raises(ModelFileError, match="do not fit"):
        write_obj(path, head.v_template[:5], head)
