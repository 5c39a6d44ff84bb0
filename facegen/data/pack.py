"""A smaller cache out of a large one, to carry it to another machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from facegen import __version__
from facegen.data.windows import read_manifest, write_manifest
from facegen.errors import UsageError
from facegen.media.atomic import atomic_folder, check_folder


def pack_windows(
    cache: Path, out: Path, megabytes: float, *, held: float = 0.1, seed: int = 0
) -> dict[str, Any]:
    """Copy whole shards, drawn at random, kind by kind in turn, until the room is full.

    Args:
        megabytes: room for all shards together. held: share of it for held-out windows.
        seed: another number draws other shards.

    Returns:
        the new cache's manifest.

    Raises:
        ModelFileError: ``cache`` is none. MediaError: ``out`` holds something or cannot
            be written. UsageError: not one shard fits.
    """
    manifest = read_manifest(cache)
    check_folder(out)
    rng = np.random.default_rng(seed)
    chosen: list[dict[str, Any]] = []
    for split, share in (("train", 1 - held), ("held", held)):
        entries = [entry for entry in manifest["shards"] if entry["split"] == split]
        chosen += _draw(entries, share * megabytes * 1e6, rng)
    if not chosen:
        raise UsageError(f"no shard of {cache} fits into {megabytes} MB")
    with atomic_folder(out) as part:
        for entry in chosen:
            shutil.copyfile(cache / entry["file"], part / entry["file"])
        write_manifest(part, chosen, {"facegen": __version__, "size": manifest["size"]})
    return read_manifest(out)


def _draw(
    entries: list[dict[str, Any]], room: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Shards of all kinds by turns; a kind that has none left, or none that fits, is passed by."""
    kinds = sorted({str(entry["kind"]) for entry in entries})
    piles = {
        kind: list(rng.permutation([i for i, e in enumerate(entries) if e["kind"] == kind]))
        for kind in kinds
    }
    chosen: list[dict[str, Any]] = []
    while any(piles.values()):
        for kind in kinds:
            if piles[kind]:
                entry = entries[int(piles[kind].pop())]
                if entry["bytes"] <= room:
                    room -= entry["bytes"]
                    chosen.append(entry)
    return chosen
