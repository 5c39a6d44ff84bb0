"""Heads for other programs: Wavefront OBJ, and animated glTF 2.0 (``.glb``).

glTF's axes, units and camera are this package's own (``conventions.md``), so nothing is turned.
The format: https://registry.khronos.org/glTF/specs/2.0/
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from facegen.errors import ModelFileError
from facegen.flame.model import JOINT_NAMES, PARENTS, HeadModel
from facegen.media import atomic_path
from facegen.motion import POSES, Motion

# Metres: a morph target that never moves a vertex this far is left out.
UNUSED = 1e-5
CORRECTIVE = "corrective:"
NOTE = (
    "glTF has no pose-correctives: those of the head model are morph targets 'corrective:*', "
    "right while this animation plays; a joint turned by hand does not drive them"
)
_FLOAT, _U8, _U32 = 5126, 5121, 5125
_VERTEX_DATA, _INDEX_DATA = 34962, 34963
_KINDS = {(): "SCALAR", (3,): "VEC3", (2,): "VEC2", (4,): "VEC4", (4, 4): "MAT4"}
_COMPONENTS = {np.dtype("<f4"): _FLOAT, np.dtype("<u4"): _U32, np.dtype("u1"): _U8}
_SKIN_COLOUR = [0.62, 0.42, 0.34, 1.0]


def _write(path: Path, data: bytes) -> Path:
    """The file appears whole or not at all."""
    with atomic_path(path) as part:
        part.write_bytes(data)
    return path


def write_obj(path: Path | str, vertices: ArrayLike, model: HeadModel) -> Path:
    """Write one mesh with the model's triangles, texture coordinates and regions as groups.

    Args:
        vertices: ``(V, 3)`` metres.

    Raises:
        MediaError: the file cannot be written. ModelFileError: vertices do not fit the model.
    """
    points = np.asarray(vertices, float)
    if points.shape != (model.n_vertices, 3):
        raise ModelFileError(f"{points.shape} vertices do not fit the head's {model.n_vertices}")
    lines = [f"# {model.version}, {model.licence}, metres"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
    corners = np.char.mod("%d", model.faces + 1)
    if model.uv is not None and model.uv_faces is not None:
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in model.uv]
        corners = np.char.add(np.char.add(corners, "/"), np.char.mod("%d", model.uv_faces + 1))
    for region, name in enumerate(model.region_names):
        inside = corners[model.face_regions == region]
        if len(inside):
            lines += [f"g {name}", *(f"f {' '.join(row)}" for row in inside)]
    return _write(Path(path), ("\n".join(lines) + "\n").encode())


class _Buffer:
    """The binary part of a ``.glb`` and the tables that describe it.

    Every array here has rows of whole 4 bytes, so all stay aligned as glTF asks.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: NDArray, target: int | None = None, bounds: bool = False) -> int:
        """Index of a new accessor. Matrices are stored by columns, as glTF wants."""
        values = values.swapaxes(-1, -2) if values.shape[1:] == (4, 4) else values
        raw = np.ascontiguousarray(values).tobytes()
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)}
        if target is not None:
            view["target"] = target
        accessor: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": _COMPONENTS[values.dtype],
            "count": len(values),
            "type": _KINDS[values.shape[1:]],
        }
        if bounds:
            # Doubles of the very float32 values: JSON then gives them back exactly.
            accessor["min"] = np.atleast_1d(values.min(0)).astype(float).tolist()
            accessor["max"] = np.atleast_1d(values.max(0)).astype(float).tolist()
        self.data += raw
        self.views.append(view)
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def floats(self, values: ArrayLike, target: int | None = None, bounds: bool = False) -> int:
        return self.add(np.asarray(values, "<f4"), target, bounds)


def _corners(model: HeadModel) -> tuple[NDArray, NDArray, NDArray | None]:
    """glTF has one index per corner: model vertex and texture point of each, and triangles."""
    if model.uv is None or model.uv_faces is None:
        return np.arange(model.n_vertices), model.faces, None
    pairs = np.stack([model.faces, model.uv_faces], -1).reshape(-1, 2)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    # glTF counts texture rows from the top.
    uv = model.uv[unique[:, 1]] * (1, -1) + (0, 1)
    return unique[:, 0], inverse.reshape(-1, 3), uv


def _quaternions(axis_angle: NDArray) -> NDArray[np.float64]:
    """``(T, 3)`` radians to unit ``(T, 4)`` x, y, z, w without jumps of sign."""
    out = Rotation.from_rotvec(axis_angle).as_quat()
    flips = np.sign((out[1:] * out[:-1]).sum(1))
    out[1:] *= np.cumprod(np.where(flips < 0, -1, 1))[:, None]
    return out


def _srgb_to_linear(colour: NDArray) -> NDArray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


class _Morphs(NamedTuple):
    """K targets: names, directions ``(V, 3, K)`` and animated weights ``(T, K)``."""

    names: tuple[str, ...]
    directions: NDArray
    weights: NDArray

    def moving(self) -> _Morphs:
        """Those that move something."""
        reach = np.abs(self.directions).max((0, 1)) * np.abs(self.weights).max(0)
        used = np.flatnonzero(reach > UNUSED)
        names = tuple(self.names[i] for i in used)
        return _Morphs(names, self.directions[:, :, used], self.weights[:, used])


def _morphs(model: HeadModel, motion: Motion, correctives: bool) -> _Morphs:
    """Expressions, then pose-correctives with ``R - I`` of every frame as their weights."""
    expressions = _Morphs(
        model.expression_names, model.shapedirs[:, :, model.n_shape :], motion.expression
    ).moving()
    if not correctives:
        return expressions
    turns = [Rotation.from_rotvec(getattr(motion, name)).as_matrix() for name in POSES[1:]]
    features = (np.stack(turns, 1) - np.eye(3)).reshape(len(motion), 36)
    names = tuple(
        f"{CORRECTIVE}{joint}:{r}{c}"
        for joint in JOINT_NAMES[1:]
        for r in range(3)
        for c in range(3)
    )
    baked = _Morphs(names, model.posedirs, features).moving()
    return _Morphs(
        expressions.names + baked.names,
        np.concatenate([expressions.directions, baked.directions], 2),
        np.concatenate([expressions.weights, baked.weights], 1),
    )


def _primitive(
    buffer: _Buffer, model: HeadModel, shaped: NDArray, morphs: _Morphs
) -> dict[str, Any]:
    """The mesh: shaped identity, morph targets, four skin weights per vertex."""
    from facegen.flame.normals import frame_normals

    vertex, faces, uv = _corners(model)
    strongest = np.argsort(-model.weights, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(model.weights, strongest, 1)
    weights = weights / weights.sum(1, keepdims=True)
    # A joint without weight must be joint 0 (glTF 3.7.3.3).
    strongest[weights == 0] = 0
    normals = frame_normals(shaped, model.faces)
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 0, 1)
    attributes = {
        "POSITION": buffer.floats(shaped[vertex], _VERTEX_DATA, bounds=True),
        "NORMAL": buffer.floats(normals[vertex], _VERTEX_DATA),
        "JOINTS_0": buffer.add(strongest[vertex].astype("u1"), _VERTEX_DATA),
        "WEIGHTS_0": buffer.floats(weights[vertex], _VERTEX_DATA),
    }
    if uv is not None:
        attributes["TEXCOORD_0"] = buffer.floats(uv, _VERTEX_DATA)
    if model.albedo_mean is not None:
        colour = _srgb_to_linear(np.clip(model.albedo_mean[vertex], 0, 1))
        attributes["COLOR_0"] = buffer.floats(colour, _VERTEX_DATA)
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": buffer.add(faces.reshape(-1).astype("<u4"), _INDEX_DATA),
        "material": 0,
    }
    if morphs.names:
        columns = morphs.directions[vertex]
        primitive["targets"] = [
            {"POSITION": buffer.floats(columns[:, :, k], _VERTEX_DATA, bounds=True)}
            for k in range(len(morphs.names))
        ]
    return primitive


def _nodes(joints: NDArray, motion: Motion) -> list[dict[str, Any]]:
    """Five joints at their rest places, turned as in the first frame, then the mesh."""
    nodes: list[dict[str, Any]] = []
    for j, parent in enumerate(PARENTS):
        place = joints[j] - joints[parent] if parent >= 0 else joints[j] + motion.transl[0]
        turn = _quaternions(getattr(motion, POSES[j])[:1].astype(float))[0]
        node = {"name": JOINT_NAMES[j], "translation": place.tolist(), "rotation": turn.tolist()}
        children = [c for c, p in enumerate(PARENTS) if p == j]
        nodes.append(node | ({"children": children} if children else {}))
    return [*nodes, {"name": "head", "mesh": 0, "skin": 0}]


def _animation(
    buffer: _Buffer, joints: NDArray, motion: Motion, weights: NDArray
) -> dict[str, Any]:
    time = buffer.floats(motion.timestamps - motion.timestamps[0], bounds=True)
    tracks: list[tuple[int, str, int]] = [
        (j, "rotation", buffer.floats(_quaternions(getattr(motion, name).astype(float))))
        for j, name in enumerate(POSES)
    ]
    tracks.append((0, "translation", buffer.floats(joints[0] + motion.transl)))
    if weights.shape[1]:
        tracks.append((len(PARENTS), "weights", buffer.floats(weights.reshape(-1))))
    return {
        "name": "motion",
        "samplers": [{"input": time, "output": output} for _, _, output in tracks],
        "channels": [
            {"sampler": i, "target": {"node": node, "path": path}}
            for i, (node, path, _) in enumerate(tracks)
        ],
    }


def _camera(motion: Motion) -> dict[str, Any]:
    """The camera of the motion; its principal point is taken as the centre."""
    c = motion.camera
    if c.kind == "orthographic":
        size = {"xmag": c.width / 2 / c.focal, "ymag": c.height / 2 / c.focal}
        return {"type": c.kind, c.kind: {**size, "znear": 0.01, "zfar": 100.0}}
    yfov = 2 * math.atan(c.height / 2 / c.focal)
    return {
        "type": c.kind,
        c.kind: {"yfov": yfov, "aspectRatio": c.width / c.height, "znear": 0.01},
    }


def write_glb(
    path: Path | str, model: HeadModel, motion: Motion, *, correctives: bool = True
) -> Path:
    """Write an animated head: skin of five joints, named morph targets, the motion's camera.

    Only expressions that the motion uses become morph targets (``mesh.extras.targetNames``).
    Frames stand at the motion's timestamps, counted from the first.

    Args:
        correctives: bake the pose-correctives of this motion as further morph targets, after
            the expressions. Without them lids do not follow the gaze and an open jaw differs by
            millimetres from what :class:`HeadLayer` makes.

    Raises:
        ModelFileError: the motion is empty or of another basis.
        MediaError: the file cannot be written.
    """
    if motion.expression_names != model.expression_names or len(motion.betas) > model.n_shape:
        raise ModelFileError(f"a motion of basis {motion.basis} does not drive {model.version}")
    if not len(motion):
        raise ModelFileError("the motion has no frames to export")
    betas = motion.betas.astype(float)
    shaped = model.v_template + model.shapedirs[:, :, : len(betas)].astype(float) @ betas
    joints = model.J_regressor.astype(float) @ shaped
    morphs = _morphs(model, motion, correctives)
    buffer = _Buffer()
    bind = np.tile(np.eye(4), (len(joints), 1, 1))
    bind[:, :3, 3] = -joints
    mesh: dict[str, Any] = {
        "name": "head",
        "primitives": [_primitive(buffer, model, shaped, morphs)],
    }
    if morphs.names:
        mesh["weights"] = morphs.weights[0].astype(float).tolist()
        mesh["extras"] = {"targetNames": list(morphs.names)}
    nodes = [*_nodes(joints, motion), {"name": "camera", "camera": 0}]
    scene = {
        "asset": {
            "version": "2.0",
            "generator": "facegen",
            "extras": {"note": NOTE, "head": model.version, "licence": model.licence},
        },
        "scene": 0,
        "scenes": [{"nodes": [0, len(PARENTS), len(PARENTS) + 1]}],
        "nodes": nodes,
        "cameras": [_camera(motion)],
        "meshes": [mesh],
        "materials": [_material(model)],
        "skins": [
            {
                "inverseBindMatrices": buffer.floats(bind),
                "joints": list(range(len(PARENTS))),
                "skeleton": 0,
            }
        ],
        "animations": [_animation(buffer, joints, motion, morphs.weights)],
        "buffers": [{"byteLength": len(buffer.data)}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    return _write(Path(path), _container(scene, bytes(buffer.data)))


def _material(model: HeadModel) -> dict[str, Any]:
    colour = _SKIN_COLOUR if model.albedo_mean is None else [1.0, 1.0, 1.0, 1.0]
    surface = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 0.6}
    return {"name": "head", "pbrMetallicRoughness": surface, "doubleSided": True}


def _container(scene: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(scene, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
