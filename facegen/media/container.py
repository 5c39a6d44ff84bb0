"""Opening media files, with every failure turned into one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from facegen.errors import MediaError
from facegen.media.atomic import reason


def check_readable(path: Path) -> None:
    """Refuse what cannot be media before a parser sees it.

    Raises:
        MediaError: missing, a folder, empty or unreadable.
    """
    try:
        if path.is_dir():
            raise MediaError(f"{path} is a folder, not a file")
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes)")
        with path.open("rb"):
            pass
    except OSError as error:
        raise MediaError(f"cannot read {path}: {reason(error)}") from error


def read_error(path: Path, error: BaseException) -> MediaError:
    """The ``MediaError`` for a libav failure while reading ``path``."""
    if isinstance(error, av.error.InvalidDataError):
        return MediaError(
            f"cannot read {path}: it is not a media file or it is damaged; copy it again"
        )
    if isinstance(error, av.error.DecoderNotFoundError | av.error.DemuxerNotFoundError):
        return MediaError(f"cannot read {path}: its codec is not supported; convert it to H.264")
    return MediaError(f"cannot read {path}: {reason(error)}")


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading.

    Only local files are followed: a playlist cannot make the parser reach for the network. The
    ``file:`` prefix keeps names such as ``a:b.mp4`` from being read as protocols.

    Raises:
        MediaError: missing, a folder, empty, not media, or a codec this build cannot read.
    """
    check_readable(path)
    try:
        container = av.open(
            f"file:{path}",
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file"},
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise read_error(path, error) from error
    with container:
        yield container
