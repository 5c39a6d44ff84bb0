"""Which recognizers shaped weights: written beside them, read before anybody judges the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from facegen.errors import ModelFileError, UsageError
from facegen.media import atomic_path
from facegen.recognizer.registry import Use

_FILE = "guides.json"


def write_guides(folder: Path, uses: Sequence[Use]) -> None:
    """Name the recognizers that shaped exported weights, in ``guides.json`` beside them."""
    with atomic_path(folder / _FILE) as part:
        part.write_text(json.dumps([use.to_dict() for use in uses], indent=1), encoding="utf-8")


def read_guides(folder: Path) -> tuple[Use, ...]:
    """Those of :func:`write_guides`; none where nothing was written.

    Raises:
        ModelFileError: the file is damaged, so nobody can say who is independent.
    """
    file = folder / _FILE
    if not file.is_file():
        return ()
    try:
        return tuple(Use.from_dict(row) for row in json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, UsageError) as error:
        raise ModelFileError(f"{file} is damaged ({error}); export the weights anew") from error
