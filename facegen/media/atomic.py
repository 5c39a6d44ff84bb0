"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facegen.errors import MediaError

_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EFBIG: "the file is too large for this file system",
}


def reason(error: BaseException) -> str:
    """What went wrong in plain words, on one line."""
    known = _REASONS.get(getattr(error, "errno", None) or 0)
    return known or getattr(error, "strerror", None) or str(error).splitlines()[0]


def beside(target: Path, ending: str) -> Path:
    """``.NAME.ending`` in the folder of ``target``, so on the same file system."""
    if target.name in ("", ".."):  # the current folder has a name too
        target = target.resolve()
    return target.with_name(f".{target.name}.{ending}")


def part_path(target: Path) -> Path:
    """Where ``target`` grows until it is whole."""
    return beside(target, "part")


def side_folder(path: Path) -> Path:
    """Where unfinished work on ``path`` is kept: ``.NAME.facegen/`` beside it."""
    return beside(path, "facegen")


def check_target(target: Path) -> None:
    """Refuse a target that could not be written, before hours are spent on its content.

    Raises:
        MediaError: a folder stands there, the parent is missing, or it may not be written.
    """
    if target.is_dir():
        raise MediaError(f"cannot write {target}: it is a folder; give a file name")
    parent = target.parent
    if not parent.is_dir():
        raise MediaError(f"cannot write {target}: there is no folder {parent}; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise MediaError(f"cannot write {target}: no permission in {parent}")


def remove(path: Path) -> None:
    """Delete a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """A path to write to; renamed to ``target`` when the block ends well, else removed.

    Raises:
        MediaError: the target cannot be written, or the disk filled up inside the block.
    """
    target = Path(target)
    check_target(target)
    part = part_path(target)
    remove(part)
    try:
        yield part
        part.replace(target)
    except OSError as error:
        raise MediaError(f"cannot write {target}: {reason(error)}") from error
    finally:
        remove(part)


def file_sha256(path: Path | str) -> str:
    """SHA-256 of a file's bytes in hex, read in blocks.

    Raises:
        MediaError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise MediaError(f"cannot read {path}: {reason(error)}") from error
    return digest.hexdigest()
