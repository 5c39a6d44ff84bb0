"""Opens a motion of any known program, told by its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.interchange import liveportrait
from facegen.interchange.inert import SUFFIXES, read_arrays
from facegen.interchange.smplx import LAYOUT as SMPLX
from facegen.interchange.source import Source
from facegen.interchange.trackers import LAYOUTS
from facegen.media import file_sha256
from facegen.motion import Motion

_ALL = (*LAYOUTS, SMPLX)
_PER_FRAME = (".frame", ".npz", ".npy", ".pkl", ".pt")


def is_motion(path: Path | str) -> bool:
    """True for what :func:`open_motion` takes and a video reader does not: told by names alone."""
    path = Path(path)
    if path.is_dir():
        return any(p.suffix.lower() in _PER_FRAME for p in path.iterdir()) or any(
            path.glob("*/exp.npy")
        )
    return path.suffix.lower() in SUFFIXES


def open_motion(
    path: Path | str,
    head: HeadModel | None = None,
    *,
    fps: Fraction | None = None,
    templates: bool = False,
) -> Motion:
    """Read a motion of this package, of DECA, EMOCA, SMIRK, VHAP, metrical-tracker, EMOTE, smplx
    or a Live Link Face table; nothing in a file is run.

    Args:
        path: a file, or a folder with one file (or EMOCA folder) a frame in order of their names.
        head: carry the motion over to this head where it is of another (see
            :class:`facegen.transfer.basis.BasisConversion`); None leaves it as it is.
        fps: of files that do not say (25).
        templates: take LivePortrait's templates too.

    Raises:
        ModelFileError: missing, of no known layout, damaged, or of a head that is not here.
    """
    path = Path(path)
    motion = _read(path, fps, templates)
    if head is None or motion.basis == head.version:
        return motion
    return converted(motion, head)


def converted(motion: Motion, head: HeadModel) -> Motion:
    """A motion on another head.

    Raises:
        ModelFileError: the motion's own head is not on this machine.
    """
    from facegen.assets import load_head
    from facegen.transfer.basis import BasisConversion

    return BasisConversion.between(load_head(motion.basis), head)(motion)


def _read(path: Path, fps: Fraction | None, templates: bool) -> Motion:
    from facegen.assets import load_head

    if path.suffix.lower() == ".csv":
        from facegen.livelink import read_livelink

        return read_livelink(path, load_head("open"), fps=fps)
    data = _folder(path) if path.is_dir() else read_arrays(path)
    if isinstance(data, Mapping) and "header" in data and "betas" in data:
        return Motion.load(path)
    sha256 = file_sha256(path) if path.is_file() else ""
    if isinstance(data, Mapping) and set(data) >= liveportrait.KEYS:
        if not templates:
            raise ModelFileError(
                f"{path} " + liveportrait.REFUSAL.format(path=path, stem=path.stem)
            )
        return liveportrait.read_template(Source(path, data, fps, sha256), load_head("open"))
    flat = _flat(data) if isinstance(data, Mapping) else {}
    for layout in _ALL:
        if layout.matches(flat):
            return layout.read(Source(path, flat, fps, sha256))
    known = ", ".join(sorted({layout.name for layout in _ALL}))
    found = ", ".join(sorted(flat)[:6]) or type(data).__name__
    raise ModelFileError(
        f"{path} is no motion that is known here (it has {found}); known are facegen's own "
        f".motion.npz, Live Link Face .csv, {known}"
    )


def _flat(data: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries with dotted names."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out


def _folder(path: Path) -> dict[str, Any]:
    """One dictionary of stacked arrays from a folder of frames."""
    frames = sorted(p for p in path.iterdir() if p.suffix.lower() in _PER_FRAME)
    folders = sorted(p for p in path.iterdir() if (p / "exp.npy").is_file())
    if folders:
        parts = [
            {file.stem: read_arrays(file) for file in folder.glob("*.npy")} for folder in folders
        ]
    else:
        read = [(p, read_arrays(p)) for p in frames]
        strays = [p for p, content in read if not isinstance(content, Mapping)]
        if strays or not read:
            raise ModelFileError(f"{path} holds no frames of a known program")
        parts = [_flat(content) for _, content in read]
    names = set.intersection(*(set(part) for part in parts))
    try:
        # A frame is a row, with or without a leading axis of one.
        return {
            name: np.stack([_row(part[name]) for part in parts])
            for name in names
            if np.asarray(parts[0][name]).dtype.kind in "fiu"
        }
    except ValueError as error:
        raise ModelFileError(f"{path}: frames of different shapes ({error})") from error


def _row(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array[0] if array.ndim > 1 and len(array) == 1 else array


def retimed(motion: Motion, fps: Fraction) -> Motion:
    """The same frames at another rate."""
    return replace(motion, fps=fps, timestamps=np.arange(len(motion)) / float(fps))
