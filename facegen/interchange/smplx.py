"""FLAME parameters under smplx's own names, for ``smplx.FLAME`` and what grew around it.

``smplx.create(..., model_type="flame", num_betas=S, num_expression_coeffs=E)`` takes the arrays of
the file as they are. smplx turns the head about the same joints and adds ``transl`` last, as here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facegen.flame.camera import Camera
from facegen.interchange.source import Layout, Source, flame_motion
from facegen.media import atomic_path
from facegen.motion import POSES, Motion

_KEYS = ("expression", *POSES, "transl", "betas")
_LENS = ("focal_length", "principal_point", "image_size")


def write_smplx(path: Path | str, motion: Motion) -> Path:
    """Write ``betas (1, S)``, ``expression (T, E)``, the five poses and ``transl`` ``(T, 3)``.

    Beside them: ``mocap_frame_rate``, ``flame_version``, ``expression_names`` and the pinhole
    (``focal_length``, ``principal_point`` in pixels, ``image_size`` as width and height).
    """
    camera = motion.camera
    values = {name: getattr(motion, name) for name in _KEYS}
    values["betas"] = motion.betas[None]
    with atomic_path(path) as part, part.open("wb") as stream:
        np.savez_compressed(
            stream,
            **values,
            mocap_frame_rate=np.float64(float(motion.fps)),
            flame_version=np.array(motion.basis),
            expression_names=np.array(motion.expression_names),
            focal_length=np.float64(camera.focal),
            principal_point=np.array([camera.cx, camera.cy]),
            image_size=np.array([camera.width, camera.height]),
        )
    return Path(path)


def _read(source: Source) -> Motion:
    from dataclasses import replace
    from fractions import Fraction

    data = source.data
    rate = source.fps
    if rate is None and "mocap_frame_rate" in data:
        rate = Fraction(float(data["mocap_frame_rate"])).limit_denominator(1001)
    camera = None
    if all(name in data for name in _LENS):
        cx, cy = (float(n) for n in data["principal_point"])
        width, height = (int(n) for n in data["image_size"])
        camera = Camera(float(data["focal_length"]), cx, cy, width, height)
    basis = str(data["flame_version"]) if "flame_version" in data else "flame2020"
    motion = flame_motion(
        replace(source, fps=rate),
        basis,
        expression=source.rows("expression"),
        betas=source.rows("betas"),
        transl=source.rows("transl", 3) if "transl" in data else None,
        camera=camera,
        **{name: source.rows(name, 3) for name in POSES if name in data},
    )
    if "expression_names" not in data:
        return motion
    names = tuple(str(name) for name in data["expression_names"])
    return replace(motion, expression=source.rows("expression", len(names)), expression_names=names)


LAYOUT = Layout("smplx", frozenset(("expression", "betas", "jaw_pose")), _read)
