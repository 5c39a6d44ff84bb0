"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from facegen.errors import MediaError

# A block writes one file: longer than this is another run that hangs.
_PATIENCE_SECONDS = 10.0
_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ELOOP: "its links lead in a circle",
    errno.EMFILE: "too many files are open; raise the limit with ulimit -n",
    errno.ENOMEM: "out of memory",
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
    if target.exists() and not target.is_file():  # a rename would put a file in its place
        raise MediaError(f"cannot write {target}: it is a device or a pipe; give a file name")
    parent = target.parent
    if parent.exists() and not parent.is_dir():
        raise MediaError(f"cannot write {target}: {parent} is a file, not a folder")
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


def check_folder(target: Path) -> None:
    """Refuse a folder that could not be filled, before hours are spent on its content.

    Raises:
        MediaError: a file stands there, it holds something already, or it may not be written.
    """
    if target.is_dir():
        if any(target.iterdir()):
            raise MediaError(f"cannot write {target}: the folder is not empty; name a new one")
        check_target(target / "any")
    elif target.exists():
        raise MediaError(f"cannot write {target}: it is a file, not a folder; name a new one")
    check_target(beside(target, "lock"))


def check_outputs(*outputs: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Refuse files that cannot be written, are asked for twice, or are read in the same run.

    Raises:
        MediaError: names the file.
    """
    taken = {path.resolve(): "an input" for path in inputs}
    for path in outputs:
        if path is None:
            continue
        check_target(path)
        if (use := taken.get(path.resolve())) is not None:
            raise MediaError(f"{path} is {use}; choose another name")
        taken[path.resolve()] = "the name of another result"


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Where a target grows, under its lock; whatever is left there afterwards is removed."""
    from facegen.media.lock import TargetLock

    part, lock = part_path(target), TargetLock(target)
    lock.acquire(patience=_PATIENCE_SECONDS)
    try:
        remove(part)
        yield part
    except OSError as error:
        raise MediaError(f"cannot write {target}: {reason(error)}") from error
    finally:
        remove(part)
        lock.release()


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """A path to write to; renamed to ``target`` when the block ends well, else removed.

    Another run that writes the same target is waited for a few seconds, so that neither sees the
    other's unfinished file.

    Raises:
        MediaError: the target cannot be written, the disk filled up inside the block, or another
            run keeps writing it.
    """
    target = Path(target)
    check_target(target)
    with _staged(target) as part:
        yield part
        part.replace(target)


@contextmanager
def atomic_folder(target: Path | str) -> Iterator[Path]:
    """A new folder to fill; it becomes ``target`` when the block ends well, else it is removed.

    Raises:
        MediaError: as :func:`atomic_path`, or the target is a file or holds something.
    """
    target = Path(target)
    check_folder(target)
    with _staged(target) as part:
        part.mkdir()
        yield part
        if not target.exists():
            part.rename(target)
            return
        for entry in part.iterdir():
            entry.replace(target / entry.name)


class AtomicTexts(ExitStack):
    """Text files written line by line; all appear when the block ends well, else none."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[Path, IO[str]] = {}

    def text(self, file: Path, header: str = "") -> IO[str]:
        """The stream of a file, begun with ``header`` when it is first asked for."""
        if file not in self._open:
            part = self.enter_context(atomic_path(file))
            self._open[file] = self.enter_context(part.open("w", encoding="utf-8"))
            self._open[file].write(header)
        return self._open[file]


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
