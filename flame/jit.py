"""Compiled loops that keep their machine code on disk where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

# Annotations for readers: numba itself infers types from the arguments.
F64: TypeAlias = NDArray[np.float64]
F32: TypeAlias = NDArray[np.float32]
I32: TypeAlias = NDArray[np.int32]
U8: TypeAlias = NDArray[np.uint8]


def jit(function: F) -> F:
    """Compile ``function`` with numba: no GIL while it runs, IEEE arithmetic, cached on disk.

    Installations on read-only disks have nowhere to cache; they compile once per process.
    """
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(nogil=True)(function))
