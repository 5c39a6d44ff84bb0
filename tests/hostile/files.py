"""Hostile files and names, made on the spot."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

Maker = Callable[[Path], Path]


def holding(name: str, data: bytes) -> Maker:
    """A file of that name and content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return make


def _folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def _broken(folder: Path) -> Path:
    (folder / "broken").symlink_to(folder / "gone")
    return folder / "broken"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "pool")
    (folder / "pool").symlink_to(folder / "loop")
    return folder / "loop"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"a file")
    return folder / "file" / "below"


NOISE = bytes((i * 7919 + i // 251) % 256 for i in range(4096))

# Wrong wherever a path is read.
ANYWHERE: dict[str, Maker] = {
    "missing": lambda folder: folder / "nobody",
    "empty": holding("empty", b""),
    "noise": holding("noise", NOISE),
    "zeros": holding("zeros", bytes(4096)),
    "empty folder": _folder,
    "broken link": _broken,
    "link loop": _loop,
    "named pipe": _pipe,
    "below a file": _below_a_file,
    "endless name": lambda folder: folder / ("n" * 300),
    "line break": lambda folder: folder / "two\nlines",
    "windows path": lambda folder: folder / "C:\\Users\\me\\x. ",
    "not utf-8": lambda folder: folder / os.fsdecode(b"\xff\xfe"),
}

_YAML_BOMB = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12)
)
_DEEP = 100_000

# Wrong wherever YAML is read.
YAML: dict[str, Maker] = {
    "yaml: python tag": holding("p.yaml", b"!!python/object/apply:os.system ['touch OWNED']\n"),
    "yaml: alias bomb": holding("p.yaml", _YAML_BOMB),
    "yaml: bomb as a list": holding("p.yaml", _YAML_BOMB + b"clips: *a11\nname: *a11\n"),
    "yaml: eats itself": holding("p.yaml", b"a: &a [*a]\nclips: *a\n"),
    "yaml: a mile deep": holding("p.yaml", b"[" * _DEEP),
    "yaml: a list": holding("p.yaml", b"- 1\n- 2\n"),
    "yaml: nothing": holding("p.yaml", b"# nothing\n"),
    "yaml: not text": holding("p.yaml", b"\xff\xfe\x00\x01"),
    "yaml: odd keys": holding("p.yaml", b"? [1, 2]\n: 3\n"),
    "yaml: timestamp keys": holding("p.yaml", b"2001-01-01: .nan\nsize: .inf\n"),
}

# Wrong wherever a folder is told by a JSON file in it.
JSON: dict[str, bytes] = {
    "json: cut off": b'{"format": 1, ',
    "json: a mile deep": b"[" * _DEEP,
    "json: a list": b"[1, 2, 3]",
    "json: null": b"null",
    "json: a number": b"7",
    "json: text": b'"config"',
    "json: not text": b"\xff\xfe\x00\x01",
    "json: not finite": b'{"format": NaN}',
    "json: endless number": b'{"format": ' + b"9" * 5000 + b"}",
    "json: nothing inside": b"{}",
    "json: wrong kinds": json.dumps(
        {name: [{"a": 1}] for name in ("format", "model_type", "network", "spec", "shards", "items",
                                       "sources", "protocol", "_class_name", "generator", "head")}
    ).encode(),
}  # fmt: skip


def in_folder(name: str, data: bytes) -> Maker:
    """A folder that holds one file."""

    def make(folder: Path) -> Path:
        return holding(f"of/{name}", data)(folder).parents[len(Path(name).parts) - 1]

    return make


def json_folders(name: str) -> dict[str, Maker]:
    """Folders with every wrong JSON as ``name``."""
    return {key: in_folder(name, data) for key, data in JSON.items()}


def zip_of(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with these members, names as they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def torch_of(members: dict[str, bytes]) -> bytes:
    """The same as torch writes it: nothing packed."""
    return zip_of(members, zipfile.ZIP_STORED)


def tar_of(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A gzipped tar archive with these members and symbolic links."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return gzip.compress(stream.getvalue())


def bomb(name: str, pack: Callable[[dict[str, bytes]], bytes], member: str) -> Maker:
    """A file of some 100 kB that unpacks to 100 MB; made only when it is asked for."""
    return lambda folder: holding(name, pack({member: bytes(100 << 20)}))(folder)


SAFETENSORS: dict[str, bytes] = {
    "safetensors: header of exabytes": (2**62).to_bytes(8, "little") + b"{}",
    "safetensors: header not json": (4).to_bytes(8, "little") + b"oops",
    "safetensors: beyond its end": (
        lambda h: len(h).to_bytes(8, "little") + h
    )(b'{"w":{"dtype":"F32","shape":[99999999],"data_offsets":[0,399999996]}}'),
    "safetensors: negative": (
        lambda h: len(h).to_bytes(8, "little") + h
    )(b'{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}    ') + b"abcd",
}  # fmt: skip
