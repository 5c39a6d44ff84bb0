"""Meshes of every frame: Wavefront OBJ or binary PLY, one file a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from facegen.errors import ModelFileError
from facegen.export import write_obj
from facegen.flame.model import HeadModel
from facegen.media.atomic import atomic_folder, atomic_path
from facegen.motion import Motion
from facegen.posing import pose_frames
from facegen.progress import progress


def write_ply(path: Path | str, vertices: ArrayLike, model: HeadModel) -> Path:
    """Write one mesh as binary little-endian PLY.

    Args:
        vertices: ``(V, 3)`` metres.

    Raises:
        ModelFileError: vertices do not fit the model.
    """
    points = np.asarray(vertices, "<f4")
    if points.shape != (model.n_vertices, 3):
        raise ModelFileError(f"{points.shape} vertices do not fit the head's {model.n_vertices}")
    header = [
        "ply", "format binary_little_endian 1.0", f"comment {model.version}, metres",
        f"element vertex {len(points)}", *(f"property float {axis}" for axis in "xyz"),
        f"element face {len(model.faces)}", "property list uchar int vertex_indices",
        "end_header\n",
    ]  # fmt: skip
    faces = np.zeros(len(model.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, model.faces
    with atomic_path(path) as part:
        part.write_bytes("\n".join(header).encode() + points.tobytes() + faces.tobytes())
    return Path(path)


def write_meshes(
    folder: Path | str, head: HeadModel, motion: Motion, kind: Literal["obj", "ply"]
) -> Path:
    """``00000.obj``, ``00001.obj`` ... of every frame, and ``camera.json`` beside them."""
    from facegen.interchange.camera_file import write_camera

    folder = Path(folder)
    write = write_obj if kind == "obj" else write_ply
    with atomic_folder(folder) as part:
        for index, vertices in enumerate(
            progress(pose_frames(head, motion), len(motion), "meshes")
        ):
            write(part / f"{index:05d}.{kind}", vertices, head)
        write_camera(part / "camera.json", motion)
    return folder
