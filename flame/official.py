"""Reads the FLAME files of the Max Planck Institute as a :class:`HeadModel`.

FLAME 2020, 2023 and 2023 Open, as ``.pkl`` or ``.npz``. Layout: 5023 vertices, 9976 triangles,
300 identity and 100 expression columns, 5 joints (Li et al. 2017). The files of all versions have
the same keys and shapes, so the version is told by the file's own name or by the caller. Written
from public descriptions and tested on made-up files of that layout, not on the originals.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.archive import read_npz
from facegen.flame.model import HeadModel
from facegen.flame.unpickle import read_pickle

LICENCES = {
    "flame2020": "FLAME model licence of the MPI (as accepted at flame.is.tue.mpg.de)",
    "flame2023": "FLAME model licence of the MPI (as accepted at flame.is.tue.mpg.de)",
    "flame2023-open": "CC-BY-4.0",
}
REGION_NAMES = (
    "none",
    "skin",
    "lips",
    "ears",
    "scalp",
    "neck",
    "mouth",
    "teeth_upper",
    "teeth_lower",
    "tongue",
    "eye_left",
    "eye_right",
)
VERTICES, FACES, IDENTITY, EXPRESSION = 5023, 9976, 300, 100
MAX_FILE = 1 << 30
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
DOWNLOAD = "download FLAME 2023 Open from https://flame.is.tue.mpg.de"
# Radians; the open head's own limits, which are anatomy and not the model's.
_JOINT_BOUNDS = np.array(
    [
        [[-1.6, 1.6], [-1.6, 1.6], [-1.6, 1.6]],
        [[-1.6, 1.6], [-1.6, 1.6], [-1.6, 1.6]],
        [[-0.03, 0.55], [-0.15, 0.15], [-0.02, 0.02]],
        [[-0.6, 0.6], [-0.6, 0.6], [-0.02, 0.02]],
        [[-0.6, 0.6], [-0.6, 0.6], [-0.02, 0.02]],
    ],
    np.float32,
)


def _read_npz(path: Path) -> dict[str, Any]:
    def inert(data: bytes) -> Any:
        """Objects inside (a sparse matrix) go through the same reader as a pickle."""
        return read_pickle(data, str(path))

    try:
        return read_npz(path, max_bytes=MAX_FILE, only=_KEYS, objects=inert)
    except ValueError as error:
        raise ModelFileError(f"{path} is not a readable .npz ({error}); {DOWNLOAD}") from error


def read_arrays(path: Path) -> dict[str, Any]:
    """The named arrays of an official ``.pkl`` or ``.npz``; nothing in the file is run.

    Raises:
        ModelFileError: missing, too large, damaged, or with anything but arrays inside.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise ModelFileError(f"{path} has {size >> 20} MB, too many for a head; {DOWNLOAD}")
        with path.open("rb") as stream:
            zipped = stream.read(2) == b"PK"
        if zipped:
            return _read_npz(path)
        data = read_pickle(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ModelFileError(f"no file at {path}") from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error}") from error
    if not isinstance(data, dict):
        raise ModelFileError(f"{path} holds no named arrays; {DOWNLOAD}")
    return data


def detect_version(path: Path) -> str:
    """Version by the official file name, else by its folder (``FLAME2020/generic_model.pkl``).

    Raises:
        ModelFileError: neither tells, or a variant that this package does not use.
    """
    name, folder = path.name.lower(), path.parent.name.lower()
    if re.search(r"(fe)?male", name):
        raise ModelFileError(f"{path.name} is a one-sex FLAME; use generic_model.pkl beside it")
    if "no_jaw" in name:
        raise ModelFileError(f"{path.name} has no jaw joint motion; use flame2023.pkl beside it")
    for text in (name, folder):
        if "2023" in text:
            return "flame2023-open" if "open" in text else "flame2023"
        if "2020" in text:
            return "flame2020"
    raise ModelFileError(
        f"{path.name} does not say which FLAME it is; "
        f"add --version with one of {', '.join(LICENCES)}"
    )


def _wrong_file(data: dict[str, Any]) -> str | None:
    """Says what a file is when it is not a FLAME head."""
    if {"mean", "tex_dir"} <= data.keys():
        return "it is the FLAME texture space, not the head"
    if {"lmk_face_idx", "lmk_b_coords"} & data.keys():
        return "it is a landmark embedding, not the head"
    if {"face", "scalp"} <= data.keys():
        return "it holds FLAME's vertex masks, not the head"
    missing = [k for k in _KEYS if k not in data]
    if missing:
        return f"it has no {', '.join(missing)}"
    if not all(isinstance(data[k], np.ndarray) and data[k].dtype.kind in "fiu" for k in _KEYS):
        return "some entries are not arrays of numbers"
    bodies = {6890: "SMPL", 10475: "SMPL-X", 778: "MANO"}
    n = len(data["v_template"])
    if n in bodies:
        return f"its {n} vertices are {bodies[n]}'s, a different model"
    expected = {
        "v_template": (VERTICES, 3),
        "shapedirs": (VERTICES, 3, IDENTITY + EXPRESSION),
        "posedirs": (VERTICES, 3, 36),
        "J_regressor": (5, VERTICES),
        "weights": (VERTICES, 5),
        "kintree_table": (2, 5),
        "f": (FACES, 3),
    }
    for key, shape in expected.items():
        if data[key].shape != shape:
            return f"{key} has shape {data[key].shape}, FLAME's is {shape}"
    return _wrong_values(data)


def _wrong_values(data: dict[str, Any]) -> str | None:
    if not all(np.isfinite(data[k]).all() for k in _KEYS):
        return "it holds numbers that are not finite"
    if data["f"].min() < 0 or data["f"].max() >= VERTICES:
        return "its triangles point outside the vertices"
    if [int(p) for p in data["kintree_table"][0, 1:]] != [0, 1, 1, 1]:
        return "its joints are not FLAME's"
    height = float(np.ptp(data["v_template"][:, 1]))
    if not 0.1 < height < 1:
        return f"its head is {height:.3g} m tall; FLAME is in metres"
    joints = data["J_regressor"] @ data["v_template"]
    if not joints[3, 0] > joints[4, 0]:
        return "its left eye is not at the left (+x)"
    if np.abs(data["weights"].sum(1) - 1).max() > 1e-3:
        return "its skinning weights do not sum to 1"
    return None


def face_regions(weights: NDArray[np.floating], faces: NDArray[np.integer]) -> NDArray[np.uint8]:
    """What the skinning alone tells: eyes by their joints, neck by the root, the rest skin.

    Args:
        weights: ``(V, 5)``. faces: ``(F, 3)``.

    Returns:
        ``(F,)`` index into ``REGION_NAMES``.
    """
    per_face = weights[faces].mean(1)
    out = np.full(len(faces), REGION_NAMES.index("skin"), np.uint8)
    out[per_face[:, 0] > 0.5] = REGION_NAMES.index("neck")
    out[per_face[:, 3] > 0.5] = REGION_NAMES.index("eye_left")
    out[per_face[:, 4] > 0.5] = REGION_NAMES.index("eye_right")
    return out


def read_official(path: Path | str, version: str | None = None) -> HeadModel:
    """Read an official FLAME file. It has no landmarks yet: see ``transfer.py``.

    Args:
        path: ``.pkl`` or ``.npz``.
        version: ``flame2020``, ``flame2023`` or ``flame2023-open``; told by the name if None.

    Returns:
        300 identity and 100 expression coefficients (``exp_000`` ...), all of unit spread.

    Raises:
        ModelFileError: not a FLAME head, of unknown version, damaged or hostile.
    """
    path = Path(path)
    if version is not None and version not in LICENCES:
        raise ModelFileError(f"no FLAME version {version!r}; use one of {', '.join(LICENCES)}")
    data = read_arrays(path)
    problem = _wrong_file(data)
    if problem:
        raise ModelFileError(f"{path} is not a FLAME head: {problem}; {DOWNLOAD}")
    version = version or detect_version(path)
    f32: dict[str, Any] = {k: np.ascontiguousarray(data[k], np.float32) for k in _KEYS[:5]}
    faces = np.ascontiguousarray(data["f"], np.int32)
    return HeadModel(
        version=version,
        **f32,
        faces=faces,
        face_regions=face_regions(f32["weights"], faces),
        region_names=REGION_NAMES,
        expression_names=tuple(f"exp_{i:03d}" for i in range(EXPRESSION)),
        # Coefficients are in standard deviations of FLAME's training scans.
        expression_bounds=np.tile(np.array([-4, 4], np.float32), (EXPRESSION, 1)),
        expression_sigma=np.ones(EXPRESSION, np.float32),
        expression_free=np.ones(EXPRESSION, bool),
        shape_sigma=np.ones(IDENTITY, np.float32),
        joint_bounds=_JOINT_BOUNDS.copy(),
        licence=LICENCES[version],
        source=f"https://flame.is.tue.mpg.de, {path.name}",
    )
