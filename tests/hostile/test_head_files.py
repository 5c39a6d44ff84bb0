"""Head packages from strangers: compiled code reads where their indices point."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facegen.errors import ModelFileError
from facegen.flame.archive import read_npz
from facegen.flame.model import HeadModel

Arrays = dict[str, np.ndarray]


def _set(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays, dict], object]:
    def apply(arrays: Arrays, meta: dict) -> object:
        arrays[name] = change(arrays[name])
        return meta

    return apply


def _with(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """The same array with one value changed."""

    def change(array: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed.reshape(-1)[0] = value
        return changed

    return change


FORGERIES: dict[str, Callable[[Arrays, dict], object]] = {
    "corner beyond the vertices": _set("faces", _with(10**6)),
    "corner before the first": _set("faces", _with(-1)),
    "corners between vertices": _set("faces", lambda a: a.astype(np.float32) + 0.5),
    "region without a name": _set("face_regions", _with(250)),
    "vertex of no place": _set("v_template", _with(np.nan)),
    "endless shape": _set("shapedirs", _with(np.inf)),
    "weights of nothing": _set("weights", lambda a: a * 0),
    "joints of another head": _set("J_regressor", lambda a: a[:, :-1]),
    "words for vertices": _set("v_template", lambda a: a.astype("U8")),
    "landmark beyond the triangles": _set("landmark/ibug68/faces", _with(10**6)),
    "one number for a table": _set("posedirs", lambda a: a[0, 0, 0]),
    "meta of a list": lambda arrays, meta: [meta],
    "meta a mile deep": lambda arrays, meta: b"[" * 200_000,
    "meta cut off": lambda arrays, meta: json.dumps(meta).encode()[:-7],
    "names of numbers": lambda arrays, meta: meta | {"region_names": 5},
    "no version": lambda arrays, meta: {k: v for k, v in meta.items() if k != "version"},
    "newer format": lambda arrays, meta: meta | {"format": 10**9},
    "missing array": lambda arrays, meta: arrays.pop("weights") is None or meta,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_head: HeadModel) -> Path:
    path = tmp_path_factory.mktemp("head") / "head.npz"
    tiny_head.save(path)
    return path


def test_the_whole_is_read(whole: Path, tiny_head: HeadModel) -> None:
    assert HeadModel.load(whole).n_vertices == tiny_head.n_vertices
    assert [p.name for p in whole.parent.iterdir()] == ["head.npz"]


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_heads_are_refused(name: str, whole: Path, tmp_path: Path) -> None:
    arrays = read_npz(whole)
    meta = json.loads(bytes(arrays.pop("meta")).decode())
    assert name != "landmark beyond the triangles" or "landmark/ibug68/faces" in arrays
    forged = FORGERIES[name](arrays, meta)
    text = forged if isinstance(forged, bytes) else json.dumps(forged).encode()
    path = tmp_path / "forged.npz"
    np.savez(path, meta=np.frombuffer(text, np.uint8), **arrays)
    with pytest.raises(ModelFileError, match=r"forged\.npz"):
        HeadModel.load(path)
