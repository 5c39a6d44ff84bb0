"""JSON and YAML of unknown origin: bounded in size and depth, and every damage a ``ValueError``."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

MAX_BYTES = 1 << 28
# What a document may hold once its aliases are written out.
MAX_NODES = 1_000_000


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises:
        OSError: it cannot be read. ValueError: not text, or larger than 256 MB.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size >> 20} MB of text, the limit is {MAX_BYTES >> 20} MB")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The named values of a JSON file.

    Raises:
        OSError: it cannot be read. ValueError: not JSON, nested too deeply, or not named values.
    """
    return named(parse_json(read_text(path)))


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The named values of a YAML file; tags that would run something are refused.

    Raises:
        OSError: it cannot be read. ValueError: not YAML, nested too deeply, not named values, or
            aliases that write out to a million values.
    """
    import yaml

    try:
        text = read_text(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None and _written_out(root, {}) > MAX_NODES:
            raise ValueError(f"its aliases write out to more than {MAX_NODES} values")
        found = yaml.safe_load(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    return named(found)


def inside(folder: Path, name: object) -> Path:
    """A file that a listing names, in the folder of the listing.

    Raises:
        ValueError: the name leads out of the folder (``..``, absolute, a drive) or is none.
    """
    for way in (PurePosixPath(str(name)), PureWindowsPath(str(name))):
        if way.is_absolute() or way.drive or way.root or ".." in way.parts or not way.parts:
            raise ValueError(f"{str(name)!r} is no file in {folder}")
    return folder / str(name)


def named(found: Any) -> dict[str, Any]:
    """What a document holds, if it is named values.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(found, dict):
        raise ValueError(f"expected named values, found {type(found).__name__}")
    return found


def _written_out(node: Any, known: dict[int, int | None]) -> int:
    """Number of values below a YAML node, a shared one counted as often as it is named.

    Raises:
        ValueError: a node holds itself.
    """
    key = id(node)
    if key in known:
        size = known[key]
        if size is None:
            raise ValueError("an alias names what holds it")
        return size
    known[key] = None
    inner = node.value if isinstance(node.value, list) else []
    flat = (part for item in inner for part in (item if isinstance(item, tuple) else (item,)))
    known[key] = size = 1 + sum(_written_out(part, known) for part in flat)
    return size
