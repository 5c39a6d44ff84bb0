"""The motion's camera as JSON, in the words of OpenCV and of OpenGL.

Meshes are written in camera space with OpenGL's axes (x right, y up, looking along -z), so the view
matrix is the identity there, and a flip of y and z for OpenCV (x right, y down, looking along +z).
OpenCV counts pixels from the centre of the first one: its principal point is half a pixel less.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.media import atomic_path
from facegen.motion import Motion
from facegen.reading import read_json

NEAR, FAR = 0.01, 100.0


def opencv_matrix(camera: Camera) -> NDArray[np.float64]:
    """``K (3, 3)`` for ``cv2.projectPoints``; perspective cameras only."""
    f = camera.focal
    return np.array([[f, 0, camera.cx - 0.5], [0, f, camera.cy - 0.5], [0, 0, 1]])


def opengl_matrix(camera: Camera) -> NDArray[np.float64]:
    """Projection ``(4, 4)`` from camera space to clip space, ``z`` in -1..1 from near to far."""
    f, w, h = camera.focal, camera.width, camera.height
    out = np.zeros((4, 4))
    out[2, 2], out[2, 3] = -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    out[3, 2] = -1
    out[0, 0], out[1, 1] = 2 * f / w, 2 * f / h
    out[0, 2], out[1, 2] = 1 - 2 * camera.cx / w, 2 * camera.cy / h - 1
    if camera.kind == "orthographic":
        out[:2, 3], out[:2, 2] = -out[:2, 2], 0
        out[2, 2], out[2, 3] = -2 / (FAR - NEAR), -(FAR + NEAR) / (FAR - NEAR)
        out[3] = 0, 0, 0, 1
    return out


def write_camera(path: Path | str, motion: Motion) -> Path:
    """Write the camera, the frame rate and the frames' times."""
    camera = motion.camera
    content: dict[str, Any] = {
        "width": camera.width,
        "height": camera.height,
        "kind": camera.kind,
        "fps": [motion.fps.numerator, motion.fps.denominator],
        "timestamps": [round(float(t), 6) for t in motion.timestamps],
        "opengl": {
            "axes": "x right, y up, looks along -z",
            "world_to_camera": np.eye(4).tolist(),
            "projection": opengl_matrix(camera).tolist(),
        },
    }
    if camera.kind == "perspective":
        content["opencv"] = {
            "axes": "x right, y down, looks along +z",
            "R": np.diag([1.0, -1.0, -1.0]).tolist(),
            "t": [0.0, 0.0, 0.0],
            "K": opencv_matrix(camera).tolist(),
            "distortion": [0.0] * 5,
        }
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return Path(path)


def read_camera(path: Path | str) -> Camera:
    """The camera of a file written by :func:`write_camera`.

    Raises:
        ModelFileError: not such a file.
    """
    try:
        content = read_json(Path(path))
        width, height = int(content["width"]), int(content["height"])
        p = np.array(content["opengl"]["projection"], float)
        flat = content["kind"] == "orthographic"
        shift = -p[:2, 3] if flat else p[:2, 2]
        return Camera(
            float(p[0, 0]) * width / 2,
            (1 - float(shift[0])) * width / 2,
            (1 + float(shift[1])) * height / 2,
            width,
            height,
            content["kind"],
        )
    except (OSError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileError(f"{path} is not a camera file ({error})") from error
