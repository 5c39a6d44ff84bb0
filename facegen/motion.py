"""The ``Motion`` contract: what a face does over time, apart from whose face it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.archive import read_npz
from facegen.flame.camera import Camera
from facegen.media.atomic import atomic_path

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
_MAX_FPS = 1000
_MAX_SIDE = 1 << 16  # pixels
POSES = ("global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose")
_ARRAYS = ("expression", *POSES, "transl", "betas", "timestamps", "valid", "confidence")


@dataclass(frozen=True, eq=False)
class Motion:
    """Per-frame head parameters of one person (names of smplx; see ``conventions.md``).

    T frames, E expression and S identity coefficients of the basis ``basis``.

    Attributes:
        expression: ``(T, E)``.
        global_orient, neck_pose, jaw_pose, leye_pose, reye_pose: ``(T, 3)`` radians.
        transl: ``(T, 3)`` metres, camera space.
        betas: ``(S,)`` identity of the person who made the motion.
        camera: the camera the motion was fitted with.
        fps: nominal frame rate. timestamps: ``(T,)`` seconds, strictly increasing.
        valid: ``(T,)`` bool, False where no face was seen (values there are filled by policy).
        confidence: ``(T,)`` 0..1.
        basis: version of the head model the coefficients belong to.
        expression_names: E names.
        source_sha256: of the file the motion was read from, or "".
    """

    expression: NDArray[np.float32]
    global_orient: NDArray[np.float32]
    neck_pose: NDArray[np.float32]
    jaw_pose: NDArray[np.float32]
    leye_pose: NDArray[np.float32]
    reye_pose: NDArray[np.float32]
    transl: NDArray[np.float32]
    betas: NDArray[np.float32]
    camera: Camera
    fps: Fraction
    timestamps: NDArray[np.float64]
    valid: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    basis: str
    expression_names: tuple[str, ...]
    source_sha256: str = ""

    def __post_init__(self) -> None:
        t = len(self.expression)
        for name in (*POSES, "transl"):
            if getattr(self, name).shape != (t, 3):
                raise ModelFileError(
                    f"motion: {name} has shape {getattr(self, name).shape}, expected {(t, 3)}"
                )
        for name in ("timestamps", "valid", "confidence"):
            if getattr(self, name).shape != (t,):
                raise ModelFileError(f"motion: {name} does not have {t} frames")
        if self.expression.shape != (t, len(self.expression_names)):
            raise ModelFileError("motion: expression columns do not match expression_names")

    def __len__(self) -> int:
        return len(self.expression)

    def __getitem__(self, frames: slice) -> Motion:
        """A run of frames as a Motion of its own."""
        cut = {n: getattr(self, n)[frames] for n in _ARRAYS if n != "betas"}
        return replace(self, **cut)

    def frames(self) -> Iterator[Motion]:
        """One-frame motions in order."""
        for i in range(len(self)):
            yield self[i : i + 1]

    def tensors(self) -> dict[str, Tensor]:
        """Arguments of ``HeadLayer.forward``: ``(T, n)`` float32 each, ``betas`` ``(1, S)``."""
        import torch

        names = ("expression", *POSES, "transl")
        given = {n: torch.as_tensor(getattr(self, n), dtype=torch.float32) for n in names}
        return given | {"betas": torch.as_tensor(self.betas, dtype=torch.float32)[None]}

    def save(self, path: Path | str) -> None:
        """Write ``.motion.npz`` (arrays plus a JSON header); appears whole or not at all.

        Raises:
            MediaError: it cannot be written.
        """
        path = Path(path)
        header = {
            "format": FORMAT,
            "fps": [self.fps.numerator, self.fps.denominator],
            "basis": self.basis,
            "expression_names": self.expression_names,
            "source_sha256": self.source_sha256,
            "camera": {f.name: getattr(self.camera, f.name) for f in fields(Camera)},
        }
        data = {name: getattr(self, name) for name in _ARRAYS}
        data["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        with atomic_path(path) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **data)

    @classmethod
    def load(cls, path: Path | str) -> Motion:
        """Read a ``.motion.npz``.

        Raises:
            ModelFileError: missing, not a motion, or of a newer format.
        """
        path = Path(path)
        try:
            data = read_npz(path)
            header = json.loads(bytes(data.pop("header")).decode())
            if header["format"] != FORMAT:
                raise ModelFileError(
                    f"motion format {header['format']}, this facegen reads {FORMAT}"
                )
            motion = cls(
                **{name: data[name] for name in _ARRAYS},
                camera=Camera(**header["camera"]),
                fps=Fraction(*header["fps"]),
                basis=str(header["basis"]),
                expression_names=tuple(map(str, header["expression_names"])),
                source_sha256=str(header["source_sha256"]),
            )
        except FileNotFoundError:
            raise ModelFileError(f"no motion file at {path}") from None
        except ModelFileError as error:
            raise ModelFileError(f"{path}: {error}") from None
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError,
            RecursionError,
        ) as error:  # fmt: skip
            raise ModelFileError(f"{path} is not a facegen motion file ({error})") from error
        wrong = _implausible(motion)
        if wrong:
            raise ModelFileError(f"{path}: {wrong}; write the motion anew with facegen fit")
        return motion


def _implausible(motion: Motion) -> str | None:
    """What no fit could have written, or None."""
    for name in _ARRAYS:
        values = getattr(motion, name)
        if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
            return f"{name} holds something that is no number"
    if len(motion) == 0:
        return "no frames"
    if motion.betas.ndim != 1:
        return "betas is not one row"
    if not 0 < motion.fps <= _MAX_FPS:
        return f"frame rate {motion.fps}"
    if not (np.diff(motion.timestamps) > 0).all():
        return "timestamps do not rise"
    camera = motion.camera
    if not (0 < camera.focal < np.inf and 0 < camera.width <= _MAX_SIDE):
        return f"camera {camera}"
    return None if 0 < camera.height <= _MAX_SIDE else f"camera {camera}"
