"""Motions from strangers: read whole or refused in one line, nothing run, nothing allocated."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegen.demo import MOTION
from facegen.errors import FacegenError, ModelFileError
from facegen.flame.archive import read_npz
from facegen.flame.model import HeadModel
from facegen.motion import Motion

_WHOLE = MOTION.read_bytes()


def _parts() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays = read_npz(MOTION)
    return arrays, json.loads(bytes(arrays.pop("header")).decode())


def _write(path: Path, arrays: dict[str, np.ndarray], header: object) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with path.open("wb") as stream:
        np.savez_compressed(stream, header=np.frombuffer(text, np.uint8), **arrays)
    return path


def _header(**changes: object) -> Callable[[dict, dict], object]:
    return lambda arrays, header: header | changes


def _array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict, dict], object]:
    def apply(arrays: dict, header: dict) -> object:
        arrays[name] = change(arrays[name])
        return header

    return apply


def _missing(arrays: dict, header: dict) -> object:
    del arrays["jaw_pose"]
    return header


FORGERIES: dict[str, Callable[[dict, dict], object]] = {
    "frame rate by zero": _header(fps=[25, 0]),
    "frame rate of zero": _header(fps=[0, 1]),
    "negative frame rate": _header(fps=[-25, 1]),
    "absurd frame rate": _header(fps=[10**30, 1]),
    "frame rate of words": _header(fps=["fast"]),
    "camera of zero focal length": _header(camera=_parts()[1]["camera"] | {"focal": 0}),
    "camera of endless focal length": _header(camera=_parts()[1]["camera"] | {"focal": 1e999}),
    "camera of a planet": _header(camera=_parts()[1]["camera"] | {"width": 10**12}),
    "camera of no height": _header(camera=_parts()[1]["camera"] | {"height": -1}),
    "camera with a stranger's field": _header(camera={"eval": "1"}),
    "names that are a number": _header(expression_names=5),
    "newer format": _header(format=10**9),
    "header of a list": lambda arrays, header: [header],
    "header of nothing": lambda arrays, header: None,
    "header cut off": lambda arrays, header: json.dumps(header).encode()[:-9],
    "header not text": lambda arrays, header: b"\xff\xfe\x00",
    "header a mile deep": lambda arrays, header: b"[" * 200_000,
    "missing array": _missing,
    "not a number": _array("expression", lambda a: a * np.nan),
    "endless head": _array("transl", lambda a: a + np.inf),
    "words for numbers": _array("neck_pose", lambda a: a.astype("U8")),
    "complex numbers": _array("betas", lambda a: a.astype(np.complex64)),
    "wrong width": _array("jaw_pose", lambda a: a[:, :2]),
    "fewer frames": _array("timestamps", lambda a: a[:-1]),
    "time backwards": _array("timestamps", lambda a: a[::-1]),
    "time stands still": _array("timestamps", lambda a: a * 0),
    "table of betas": _array("betas", lambda a: a[None]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_motion_is_refused(name: str, tmp_path: Path) -> None:
    arrays, header = _parts()
    forged = FORGERIES[name](arrays, header)
    with pytest.raises(ModelFileError, match=r"m\.npz"):
        Motion.load(_write(tmp_path / "m.npz", arrays, forged))


def test_no_frames_are_refused(tmp_path: Path) -> None:
    Motion.load(MOTION)[:0].save(tmp_path / "m.npz")
    with pytest.raises(ModelFileError, match="no frames"):
        Motion.load(tmp_path / "m.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(flips=st.lists(st.tuples(st.integers(0, len(_WHOLE) - 1), st.integers(0, 255)), max_size=6))
def test_flipped_bytes_never_surprise(flips: list[tuple[int, int]], tmp_path: Path) -> None:
    data = bytearray(_WHOLE)
    for place, value in flips:
        data[place] = value
    path = tmp_path / "m.npz"
    path.write_bytes(data)
    try:
        motion = Motion.load(path)
    except FacegenError:
        return
    assert len(motion) == len(motion.timestamps)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(length=st.integers(0, len(_WHOLE) - 1))
def test_cut_files_are_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(_WHOLE[:length])
    with pytest.raises(ModelFileError):
        Motion.load(path)


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A megabyte or so that unpacks to more than a gigabyte."""
    path = tmp_path_factory.mktemp("bomb") / "m.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("expression.npy", "w", force_zip64=True) as stream,
    ):
        block = bytes(1 << 24)
        for _ in range(66):
            stream.write(block)
    return path


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A header that claims a terabyte over sixteen bytes."""
    path = tmp_path_factory.mktemp("liar") / "m.npz"
    member = io.BytesIO()
    np.save(member, np.zeros(2))
    # As many blanks fewer as digits more: the header keeps its length.
    claim = member.getvalue().replace(b"(2,), }" + b" " * 11, b"(137438953472,), }")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("expression.npy", claim)
    return path


@pytest.mark.parametrize("forgery", ["bomb", "liar"])
@pytest.mark.parametrize("reader", [Motion, HeadModel])
def test_nothing_is_allocated_on_a_files_word(
    forgery: str, reader: type[Motion] | type[HeadModel], request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(forgery)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            reader.load(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_names_that_climb_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in" / "m.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.npy", b"x")
    with pytest.raises(ModelFileError):
        Motion.load(path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "m.npz"]
