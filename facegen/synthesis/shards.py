"""WebDataset shards: tar files whose bytes depend on their samples alone."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from facegen.media import atomic_path, file_sha256
from facegen.synthesis.identities import seed_of
from facegen.synthesis.record import Row


def shuffled(rows: Iterable[Row]) -> list[str]:
    """Names of samples in an order that mixes people and never depends on who made them."""
    return sorted(
        (row["sample_id"] for row in rows), key=lambda name: (seed_of("shard", name), name)
    )


def write_shards(
    out: Path, split: str, names: list[str], size: int, row_of: Callable[[str], Row]
) -> Iterator[dict[str, Any]]:
    """Write ``shards/SPLIT-NNNNNN.tar`` of ``size`` samples each.

    Args:
        out: folder of the set. names: samples in the order of :func:`shuffled`.
        row_of: gives a sample's row.

    Yields:
        entries for ``dataset.json``: file, sha256, count.
    """
    folder = out / "shards"
    folder.mkdir(exist_ok=True)
    for number, start in enumerate(range(0, len(names), size)):
        part = names[start : start + size]
        file = folder / f"{split}-{number:06d}.tar"
        with (
            atomic_path(file) as aside,
            tarfile.open(aside, "w", format=tarfile.GNU_FORMAT) as tar,
        ):
            for name in part:
                for ending, data in _members(out, row_of(name)):
                    tar.addfile(_info(f"{name}.{ending}", len(data)), io.BytesIO(data))
        yield {
            "file": file.relative_to(out).as_posix(),
            "sha256": file_sha256(file),
            "count": len(part),
            "split": split,
        }


def _members(out: Path, row: Row) -> Iterator[tuple[str, bytes]]:
    picture = out / row["file"]
    yield picture.suffix[1:], picture.read_bytes()
    yield "json", json.dumps(row, sort_keys=True).encode()
    yield "npz", (out / "params" / f"{row['sample_id']}.npz").read_bytes()


def _info(name: str, size: int) -> tarfile.TarInfo:
    """A member without a time, owner or anything else that differs between machines."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info
