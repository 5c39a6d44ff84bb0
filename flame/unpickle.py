"""Reads the arrays of a pickle without unpickling it (see ``pickle_machine.py``)."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.pickle_machine import Array, Machine, Record

MAX_DENSE = 10_000_000
MAX_KEYS = 100
_MAX_DEPTH = 8
FAILURES = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def unwrap(value: Any) -> Any:
    """The array behind numpy, scipy and chumpy records; other values unchanged.

    Raises:
        ValueError: a record without data, or nested without end.
    """
    for _ in range(8):
        if isinstance(value, Array):
            value = value.value
        elif isinstance(value, Record) and value.kind == "chumpy":
            value = value.state["x"]
        elif isinstance(value, Record) and value.kind in ("csc", "csr"):
            return _dense(value)
        else:
            return value
    raise ValueError("array nested without end")


def _dense(matrix: Record) -> NDArray[np.float64]:
    shape = matrix.state.get("_shape", matrix.state.get("shape"))
    names = ("data", "indices", "indptr")
    data, indices, starts = (np.asarray(unwrap(matrix.state[n])) for n in names)
    if not isinstance(shape, tuple) or len(shape) != 2 or math.prod(shape) > MAX_DENSE:
        raise ValueError(f"sparse matrix of shape {shape!r:.60}")
    axis = 1 if matrix.kind == "csc" else 0
    counts = np.diff(starts)
    if (counts < 0).any() or not int(counts.sum()) == len(indices) == len(data):
        raise ValueError("malformed sparse matrix")
    lines = np.repeat(np.arange(shape[axis]), counts)
    dense = np.zeros(shape)
    index = (indices, lines) if axis else (lines, indices)
    np.add.at(dense, index, data)
    return dense


def read_pickle(data: bytes, what: str) -> Any:
    """The top object of a pickle with arrays in place of foreign objects.

    Args:
        data: the whole file.
        what: its name for messages.

    Returns:
        A dict of plain values and numpy arrays, or one such value.

    Raises:
        ModelFileError: not a pickle, damaged, or holding anything but arrays and plain values.
    """
    try:
        value = unwrap(Machine(data).run())
        if isinstance(value, dict):
            if len(value) > MAX_KEYS:
                raise ValueError(f"{len(value)} entries")
            return {key: unwrap(item) for key, item in value.items()}
        return value
    except FAILURES as error:
        raise ModelFileError(
            f"{what} is not a file of plain arrays ({error}); nothing in it was run. "
            "Download the model again from https://flame.is.tue.mpg.de"
        ) from error


def plain(value: Any, depth: int = 0) -> Any:
    """Arrays, numbers, text, lists and dictionaries in place of records, to any depth.

    Raises:
        ValueError: nested deeper than any array file is.
    """
    if depth > _MAX_DEPTH:
        raise ValueError("nested without end")
    if isinstance(value, Record) and value.kind == "container":
        value = value.state
    value = unwrap(value)
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return value


def read_tree(data: bytes, what: str) -> Any:
    """The top object of a pickle of arrays in lists and dictionaries.

    Raises:
        ModelFileError: as :func:`read_pickle`.
    """
    try:
        return plain(Machine(data).run())
    except FAILURES as error:
        raise ModelFileError(
            f"{what} is not a file of plain arrays ({error}); nothing in it was run"
        ) from error
