"""Plain arrays from an ``.npz`` of unknown origin."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 1 << 30
_SUFFIX = ".npy"


def read_npz(
    path: Path,
    *,
    max_bytes: int = MAX_BYTES,
    only: Container[str] | None = None,
    objects: Callable[[bytes], Any] | None = None,
) -> dict[str, Any]:
    """Arrays of the archive; nothing is allocated on its word.

    Args:
        max_bytes: what all arrays together may take once unpacked.
        only: names to read, None for every one.
        objects: reads the pickle of an array of objects; None refuses such arrays.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, larger than ``max_bytes``, or with anything but plain arrays inside.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # The archive's own word; ``read`` stops there, so a false one ends as damage.
            size = sum(member.file_size for member in members)
            if size > max_bytes:
                raise ValueError(f"unpacks to {size >> 20} MB, the limit is {max_bytes >> 20} MB")
            named = {member.filename.removesuffix(_SUFFIX): member for member in members}
            return {
                name: _array(archive.read(member), objects)
                for name, member in named.items()
                if only is None or name in only
            }
    except FileNotFoundError:
        raise
    except (
        OSError, EOFError, RuntimeError, NotImplementedError, SyntaxError, zipfile.BadZipFile,
        zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(str(error) or "damaged") from error


def read_npy(path: Path) -> Any:
    """The array of an ``.npy``; objects are refused, and nothing is allocated on its word.

    Raises:
        OSError: it cannot be read. ValueError: damaged, or with anything but plain numbers inside.
    """
    try:
        return _array(path.read_bytes(), None)
    except (EOFError, SyntaxError) as error:
        raise ValueError(str(error) or "damaged") from error


def _array(data: bytes, objects: Callable[[bytes], Any] | None) -> Any:
    stream = io.BytesIO(data)
    old = np.lib.format.read_magic(stream) == (1, 0)
    read_header = (
        np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject and objects is not None:
        return objects(stream.read())
    if dtype.hasobject:
        raise ValueError("holds Python objects, which facegen never unpacks")
    # ``numpy.load`` would allocate what the header claims before it looks at the data.
    flat = np.frombuffer(data, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()
