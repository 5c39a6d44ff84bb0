"""Silence for native libraries that write to file descriptor 2 whatever Python's logging says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from facegen.errors import ModelFileError


@contextmanager
def native_loading() -> Iterator[None]:
    """Where MediaPipe's networks load: silent, and a failure is one of ours.

    Raises:
        ModelFileError: a network cannot be loaded.
    """
    try:
        with native_quiet():
            yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelFileError(
            f"MediaPipe's networks cannot be loaded ({reason}); free memory and open files, or "
            "install mediapipe again"
        ) from error


@contextmanager
def native_quiet() -> Iterator[None]:
    """Drop what C++ code writes to standard error inside the block.

    MediaPipe reports every model it loads there and takes no setting against it. Only the
    descriptor is redirected and only for the block; it does nothing where there is none.
    """
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(sink)
        os.close(saved)
