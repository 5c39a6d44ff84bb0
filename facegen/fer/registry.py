"""Sets by ``KIND:PATH``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path

from facegen.errors import UsageError
from facegen.fer.dataset import FerDataset

# Kind -> module of facegen.fer.sets and function in it.
_HOMES = {
    "affectnet7": ("affectnet", "affectnet7"),
    "affectnet8": ("affectnet", "affectnet8"),
    "bp4d": ("bp4d", "bp4d"),
    "ck+": ("ckplus", "ckplus"),
    "crema-d": ("crema_d", "crema_d"),
    "dfew": ("dfew", "dfew"),
    "disfa": ("disfa", "disfa"),
    "fer2013": ("fer2013", "fer2013"),
    "ferplus": ("fer2013", "ferplus"),
    "ferv39k": ("ferv39k", "ferv39k"),
    "folder": ("folder", "folder"),
    "mafw": ("mafw", "mafw"),
    "muxspace": ("muxspace", "muxspace"),
    "rafdb": ("rafdb", "rafdb"),
    "ravdess": ("ravdess", "ravdess"),
    "synthetic": ("synthetic", "synthetic"),
}
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")  # a bare Windows path begins with a letter and a colon too
_ALIASES = {"affectnet": "affectnet8", "ckplus": "ck+", "cremad": "crema-d"}


def dataset_kinds() -> tuple[str, ...]:
    """Kinds that :func:`open_fer_dataset` knows."""
    return tuple(_HOMES)


def open_fer_dataset(text: str) -> FerDataset:
    """A set by ``KIND:PATH``, as in ``rafdb:/data/RAF-DB``; a bare folder is a ``folder:``.

    Pictures are read when asked for; nothing is downloaded.

    Raises:
        UsageError: no such kind. MediaError: the folder has not the set's layout.
    """
    kind, colon, path = text.partition(":")
    if not colon or _DRIVE.match(text):
        kind, path = "folder", text
    kind = _ALIASES.get(kind.lower(), kind.lower())
    if kind not in _HOMES or not path:
        raise UsageError(f"{text!r}: give KIND:PATH; kinds are {', '.join(_HOMES)}")
    module, function = _HOMES[kind]
    home = importlib.import_module(f"facegen.fer.sets.{module}")
    open_it: Callable[[Path], FerDataset] = getattr(home, function)
    return open_it(Path(path))
