"""What a reader of a foreign layout gets, and how it makes a ``Motion``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.motion import POSES, Motion

Array = NDArray[np.float32]

FLAME_EXPRESSIONS = 100
DEFAULT_FPS = Fraction(25)
_PICTURE = 512
# Metres that half the picture's height spans where the head stands, if a file says nothing.
_SPAN = 0.25


@dataclass(frozen=True)
class Source:
    """One recording of another program.

    Attributes:
        path: file or folder. data: its arrays; a folder's files are stacked over time.
        fps: frames per second, where the user knows. sha256: of the file, or "".
    """

    path: Path
    data: Mapping[str, Any]
    fps: Fraction | None = None
    sha256: str = ""

    def rows(self, name: str, width: int | None = None) -> Array:
        """An entry as ``(T, n)`` float32.

        Raises:
            ModelFileError: absent, not numbers, or not that wide.
        """
        try:
            values = np.asarray(self.data[name], np.float32)
            values = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{self.path}: {name} is not a table of numbers") from error
        if width is not None and values.shape[1] != width:
            raise ModelFileError(
                f"{self.path}: {name} has {values.shape[1]} columns, expected {width}"
            )
        if not np.isfinite(values).all():
            raise ModelFileError(f"{self.path}: {name} holds numbers that are not finite")
        return values

    def either(self, *names: str) -> str:
        """The first of several names that is there.

        Raises:
            ModelFileError: none.
        """
        for name in names:
            if name in self.data:
                return name
        raise ModelFileError(f"{self.path} has no {' or '.join(names)}")


@dataclass(frozen=True)
class Layout:
    """A published layout.

    Attributes:
        name: of the program. keys: entries that tell it. read: the reader.
    """

    name: str
    keys: frozenset[str]
    read: Callable[[Source], Motion]

    def matches(self, data: Any) -> bool:
        return isinstance(data, Mapping) and self.keys <= set(map(str, data))


def default_camera() -> Camera:
    """Of a file that names none: 512 px, the package's field of view."""
    return Camera.from_fov(_PICTURE, _PICTURE)


def default_place(count: int) -> Array:
    """``transl (T, 3)`` that shows a head in the middle of :func:`default_camera`."""
    depth = default_camera().focal * _SPAN / (_PICTURE / 2)
    return np.tile(np.array([0, 0, -depth], np.float32), (count, 1))


def flame_motion(
    source: Source,
    basis: str,
    *,
    expression: Array,
    betas: Array,
    transl: NDArray[np.floating] | None = None,
    camera: Camera | None = None,
    lids: Array | None = None,
    **poses: NDArray[np.floating],
) -> Motion:
    """A motion in FLAME coefficients: tables are widened with zeros, poses default to none.

    Args:
        basis: ``flame2020`` or ``flame2023``. expression: ``(T, n)``. betas: ``(S,)`` or one row
            a frame, of which the mean counts. lids: ``(T, 2)`` left and right, 0..1.
        poses: ``global_orient, neck_pose, jaw_pose, leye_pose, reye_pose``, ``(T, 3)``.

    Raises:
        ModelFileError: no frames, or tables of different lengths.
    """
    count = len(expression)
    if not count:
        raise ModelFileError(f"{source.path} has no frames")
    wide = np.zeros((count, FLAME_EXPRESSIONS), np.float32)
    used = min(FLAME_EXPRESSIONS, expression.shape[1])
    wide[:, :used] = expression[:, :used]
    names = tuple(f"exp_{i:03d}" for i in range(FLAME_EXPRESSIONS))
    if lids is not None:
        if len(lids) != count:
            raise ModelFileError(f"{source.path}: {len(lids)} rows of lids for {count} frames")
        wide = np.hstack([wide, lids])
        names += ("eyelid_left", "eyelid_right")
    fps = source.fps or DEFAULT_FPS
    none = np.zeros((count, 3), np.float32)
    return Motion(
        expression=wide,
        **{name: poses.get(name, none).astype(np.float32) for name in POSES},
        transl=default_place(count) if transl is None else transl.astype(np.float32),
        betas=betas.reshape(-1, betas.shape[-1]).mean(0).astype(np.float32),
        camera=camera or default_camera(),
        fps=fps,
        timestamps=np.arange(count) / float(fps),
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        basis=basis,
        expression_names=names,
        source_sha256=source.sha256,
    )
