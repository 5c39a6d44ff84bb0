"""Animated head as Universal Scene Description: a mesh whose points are sampled in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from facegen._optional import require
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.posing import pose_frames
from facegen.progress import progress

# USD gives lenses in tenths of a scene unit; with a scene in metres any film size does.
_FILM = 36.0


def write_usd(path: Path | str, head: HeadModel, motion: Motion) -> Path:
    """Write ``.usd``, ``.usda`` or ``.usdc``: metres, y up, camera space, frames as time codes.

    Raises:
        MissingExtraError: usd-core is not installed.
    """
    require("pxr", "usd")
    from pxr import Gf, Sdf, Usd, UsdGeom, Vt

    path = Path(path)
    # The library writes by itself: beside the target, then renamed.
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        stage = Usd.Stage.CreateNew(str(part))
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        stage.SetTimeCodesPerSecond(float(motion.fps))
        stage.SetFramesPerSecond(float(motion.fps))
        codes = (motion.timestamps - motion.timestamps[0]) * float(motion.fps)
        stage.SetStartTimeCode(float(codes[0]))
        stage.SetEndTimeCode(float(codes[-1]))
        root = UsdGeom.Xform.Define(stage, "/scene")
        stage.SetDefaultPrim(root.GetPrim())
        mesh = UsdGeom.Mesh.Define(stage, "/scene/head")
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(head.faces)))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(head.faces.reshape(-1)))
        points, extent = mesh.CreatePointsAttr(), mesh.CreateExtentAttr()
        frames = zip(codes, pose_frames(head, motion), strict=True)
        for code, vertices in progress(frames, len(motion), "usd"):
            points.Set(Vt.Vec3fArray.FromNumpy(vertices), float(code))
            box = np.stack([vertices.min(0), vertices.max(0)])
            extent.Set(Vt.Vec3fArray.FromNumpy(box), float(code))
        if head.uv is not None and head.uv_faces is not None:
            coordinates = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
                "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying
            )
            coordinates.Set(Vt.Vec2fArray.FromNumpy(head.uv[head.uv_faces.reshape(-1)]))
        _camera(UsdGeom.Camera.Define(stage, "/scene/camera"), motion, Gf)
        stage.GetRootLayer().Save()
        del stage
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _camera(lens: Any, motion: Motion, gf: Any) -> None:
    camera = motion.camera
    lens.CreateHorizontalApertureAttr(_FILM)
    lens.CreateVerticalApertureAttr(_FILM * camera.height / camera.width)
    lens.CreateHorizontalApertureOffsetAttr(_FILM * (0.5 - camera.cx / camera.width))
    lens.CreateVerticalApertureOffsetAttr(_FILM * (camera.cy - camera.height / 2) / camera.width)
    lens.CreateClippingRangeAttr(gf.Vec2f(0.01, 100))
    if camera.kind == "perspective":
        lens.CreateFocalLengthAttr(_FILM * camera.focal / camera.width)
    else:
        lens.CreateProjectionAttr("orthographic")
