"""Readers for what DECA, EMOCA, SMIRK, VHAP, metrical-tracker and EMOTE write.

Layouts after their public repositories. Faces of the three regressors are seen by a 224 px crop
that their files do not name: the crop itself becomes the motion's camera.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import rest_joints
from facegen.flame.rotations import rotation_vector
from facegen.interchange.rotations import from_six
from facegen.interchange.source import Array, Layout, Source, default_camera, flame_motion
from facegen.motion import Motion

# A plain place in front of a crop camera, for files without one (EMOCA 1 saves none).
_CROP_CAMERA = np.array([8.0, 0.0, 0.0], np.float32)


def _crop_motion(
    source: Source,
    *,
    expression: Array,
    betas: Array,
    orient: Array,
    jaw: Array,
    cam: Array | None,
    lids: Array | None = None,
) -> Motion:
    """Weak perspective of a crop to a head in front of a camera that sees just the crop."""
    from facegen.assets import load_head
    from facegen.trackers.crops import SIDE, Window
    from facegen.trackers.place import place

    head = load_head("flame2020")
    mean = betas.mean(0)
    joints = rest_joints(head, mean)
    camera = Camera.from_fov(SIDE, SIDE)
    codes = np.tile(_CROP_CAMERA, (len(expression), 1)) if cam is None else cam
    window = Window(0.0, 0.0, float(SIDE))
    placed = [
        place(code.astype(float), turn.astype(float), joints, window, camera)
        for code, turn in zip(codes, orient, strict=True)
    ]
    return flame_motion(
        source,
        "flame2020",
        expression=expression,
        betas=mean,
        camera=camera,
        lids=lids,
        jaw_pose=jaw,
        global_orient=np.array([turn for turn, _ in placed]),
        transl=np.array([shift for _, shift in placed]),
    )


def read_deca(source: Source) -> Motion:
    """DECA's and EMOCA's codes: ``shape, exp, pose`` (root, then jaw), ``cam``."""
    data, cam = source.data, None
    if "cam" in data:
        cam = source.rows("cam", 3)
    if "jawpose" in data:  # the later inferno
        orient, jaw = source.rows("globalpose", 3), source.rows("jawpose", 3)
    else:
        pose = source.rows(source.either("pose", "posecode"), 6)
        orient, jaw = pose[:, :3], pose[:, 3:]
    return _crop_motion(
        source,
        expression=source.rows(source.either("exp", "expcode")),
        betas=source.rows(source.either("shape", "shapecode")),
        orient=orient,
        jaw=jaw,
        cam=cam,
    )


def read_smirk(source: Source) -> Motion:
    """SMIRK's answers: ``expression_params, jaw_params, pose_params, eyelid_params, cam``."""
    return _crop_motion(
        source,
        expression=source.rows("expression_params"),
        betas=source.rows("shape_params"),
        orient=source.rows("pose_params", 3),
        jaw=source.rows("jaw_params", 3),
        cam=source.rows("cam", 3),
        lids=source.rows("eyelid_params", 2) if "eyelid_params" in source.data else None,
    )


def read_vhap(source: Source) -> Motion:
    """VHAP's ``tracked_flame_params_N.npz``; FLAME 2023.

    Its camera stands one metre in front of the world's origin and looks along -z, with a focal
    length in larger image sides. A calibrated recording (many cameras) names none.
    """
    translation = source.rows("translation", 3)
    if "focal_length" in source.data:
        height, width = 512, 512
        if "image_size" in source.data:
            height, width = (int(n) for n in np.asarray(source.data["image_size"]).ravel()[:2])
        focal = float(np.asarray(source.data["focal_length"]).ravel()[0]) * max(height, width)
        camera = Camera(focal, width / 2, height / 2, width, height)
        transl: Array | None = translation - np.array([0, 0, 1], np.float32)
    else:
        camera, transl = default_camera(), None
    eyes = source.rows("eyes_pose", 6)
    return flame_motion(
        source,
        "flame2023",
        expression=source.rows(source.either("expr", "expression")),
        betas=source.rows("shape"),
        camera=camera,
        transl=transl,
        global_orient=source.rows("rotation", 3),
        neck_pose=source.rows("neck_pose", 3),
        jaw_pose=source.rows("jaw_pose", 3),
        leye_pose=eyes[:, :3],
        reye_pose=eyes[:, 3:],
    )


def read_metrical(source: Source) -> Motion:
    """metrical-tracker's ``.frame`` files: jaw and eyes in 6D, an OpenCV camera per frame.

    Its head stands unturned in the world and the camera moves; here the head moves. The camera of
    the first frame counts (the tracker keeps its lens fixed).
    """
    from facegen.assets import load_head

    shape = source.rows("flame.shape")
    root = rest_joints(load_head("flame2020"), shape.mean(0))[0]
    flip = np.diag([1.0, -1.0, -1.0])
    turn = flip @ np.asarray(source.data["opencv.R"], float).reshape(-1, 3, 3)
    shift = source.rows("opencv.t", 3) @ flip
    height, width = (int(n) for n in np.asarray(source.data["img_size"]).ravel()[:2])
    lens = np.asarray(source.data["opencv.K"], float).reshape(-1, 3, 3)[0]
    eyes = source.rows("flame.eyes", 12)
    return flame_motion(
        source,
        "flame2020",
        expression=source.rows("flame.exp"),
        betas=shape,
        camera=Camera(float(lens[0, 0]), float(lens[0, 2]), float(lens[1, 2]), width, height),
        global_orient=rotation_vector(turn).astype(np.float32),
        # The root turns about its own joint, the camera about the world's origin.
        transl=shift + turn @ root - root,
        jaw_pose=_vectors(source.rows("flame.jaw", 6)),
        leye_pose=_vectors(eyes[:, :6]),
        reye_pose=_vectors(eyes[:, 6:]),
        lids=source.rows("flame.eyelids", 2) if "flame.eyelids" in source.data else None,
    )


def read_emote(source: Source) -> Motion:
    """EMOTE's ``flame_*.pkl``: 25 frames a second, the head still."""
    count = len(source.rows("expression"))
    motion = flame_motion(
        source,
        "flame2020",
        expression=source.rows("expression"),
        betas=source.rows("shape"),
        jaw_pose=source.rows("jaw_pose", 3),
        global_orient=source.rows("global_pose", 3),
    )
    if len(motion.jaw_pose) != count:
        raise ModelFileError(f"{source.path}: tables of different lengths")
    return replace(motion, source_sha256=source.sha256)


def _layout(name: str, keys: str, read: object) -> Layout:
    return Layout(name, frozenset(keys.split()), read)  # type: ignore[arg-type]


LAYOUTS = (
    _layout("VHAP", "rotation translation neck_pose jaw_pose eyes_pose shape expr", read_vhap),
    _layout("metrical-tracker", "flame.exp flame.jaw opencv.R opencv.K", read_metrical),
    _layout("SMIRK", "pose_params cam shape_params expression_params jaw_params", read_smirk),
    _layout("EMOTE", "shape expression jaw_pose global_pose", read_emote),
    _layout("DECA or EMOCA", "shape exp pose", read_deca),
    _layout("EMOCA", "shapecode expcode posecode", read_deca),
    _layout("inferno", "shape exp jawpose globalpose", read_deca),
)


def _vectors(six: Array) -> Array:
    """Rotation vectors ``(T, 3)`` of 6-D rotations ``(T, 6)``."""
    return rotation_vector(from_six(six)).astype(np.float32)
