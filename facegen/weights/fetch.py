"""One file over HTTP: resumed where it stopped, checked, and there only when whole.

Why not a library: pooch (1.9) checks hashes but begins every broken download anew, and these files
have gigabytes. ``huggingface_hub`` resumes, but its public functions want a server that speaks the
hub's protocol (a mirror that serves plain files does not), compare no pinned hash, and keep a cache
of their own beside the files; the one function of it that takes any address is not part of its
public interface, and what it raises differs between its releases.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from facegen import __version__
from facegen.errors import ModelFileError
from facegen.media.atomic import beside, file_sha256
from facegen.progress import progress

_BLOCK = 1 << 20
_TIMEOUT = 60.0
_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416


def fetch(url: str, target: Path, *, sha256: str | None = None, size: int | None = None) -> str:
    """Download ``url`` into ``target``; the answer is its SHA-256.

    An interrupted download leaves ``.NAME.download`` beside the target and goes on from there.

    Args:
        sha256, size: what the file must have, where known.

    Raises:
        ModelFileError: the server cannot be reached, refuses, or sends another file.
    """
    part = beside(target, "download")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _receive(url, part, target.name)
    except urllib.error.HTTPError as error:
        raise ModelFileError(f"{url}: the server answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise ModelFileError(
            f"{url} cannot be reached ({reason}); the same command goes on where it stopped"
        ) from error
    except OSError as error:
        raise ModelFileError(f"cannot write {target}: {error.strerror or error}") from error
    found = file_sha256(part)
    length = part.stat().st_size
    if (sha256 and found != sha256) or (size is not None and length != size):
        part.unlink()
        raise ModelFileError(
            f"{url} sent another file than the pinned one (sha256 {found[:12]}..., {length} bytes);"
            " it was deleted, try again"
        )
    part.replace(target)
    return found


def _receive(url: str, part: Path, name: str) -> None:
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"facegen/{__version__}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if have and error.code == _BEYOND:  # all of it was here already
            return
        raise
    with response:
        going_on = response.status == _PARTIAL
        length = response.headers.get("Content-Length")
        expected = None if length is None else int(length)
        blocks = None if expected is None else -(-expected // _BLOCK)
        received = 0
        with part.open("ab" if going_on else "wb") as stream:
            for block in progress(_blocks(response), blocks, name):
                stream.write(block)
                received += len(block)
    if expected is not None and received < expected:
        raise http.client.IncompleteRead(b"", expected - received)


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := response.read(_BLOCK):
        yield block
