"""Puts a made set together: what trainers read follows from the rows of all units."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from facegen import __version__
from facegen.media.atomic import AtomicTexts
from facegen.synthesis.annotations import write_annotations
from facegen.synthesis.build import Job
from facegen.synthesis.card import Summary, data_card
from facegen.synthesis.dataset import ABOUT, FORMAT, flat
from facegen.synthesis.labels import CLASSES, LABEL_SPACE
from facegen.synthesis.lists import TrainerLists
from facegen.synthesis.making import write_bytes
from facegen.synthesis.record import Row
from facegen.synthesis.rows import UnitRows
from facegen.synthesis.shards import shuffled, write_shards
from facegen.synthesis.tables import write_face_tables, write_index


def assemble(job: Job) -> Path:
    """Write metadata, lists, tables, shards and the card.

    Rows are read again for each of them rather than held. The set exists when ``dataset.json``
    does, so it is written last.
    """
    out, rows = job.out, UnitRows(job.out)
    summary = Summary()
    columns: dict[str, None] = {}
    with TrainerLists(out) as lists, _Metadata(out) as metadata:
        for row in rows:
            summary.add(row)
            columns |= dict.fromkeys(flat(row))
            lists.add(row)
            metadata.add(row)
    write_index(out, rows, list(columns))
    write_face_tables(out, _stills(rows))
    shards: list[dict[str, Any]] = []
    for split in summary.splits:
        stills = (row for row in _stills(rows) if row["split"] == split)
        write_annotations(out, split, stills, job.plan.size)
        names = shuffled(row for row in rows if row["split"] == split)
        shards += write_shards(out, split, names, job.plan.shard, rows.__getitem__)
    about = _about(job, summary, shards)
    write_bytes(out / "README.md", data_card(about, summary).encode())
    write_bytes(out / ABOUT, json.dumps(about, indent=1).encode())
    return out / ABOUT


def _stills(rows: UnitRows) -> Iterator[Row]:
    return (row for row in rows if row["kind"] == "still")


def _about(job: Job, summary: Summary, shards: list[dict[str, Any]]) -> dict[str, Any]:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else datetime.now(timezone.utc)
    return {
        "format": FORMAT,
        "facegen": __version__,
        "created_utc": now.isoformat(timespec="seconds"),
        "name": job.plan.name,
        "plan": job.plan.fingerprint,
        "label_space": LABEL_SPACE,
        "classes": CLASSES,
        "splits": summary.splits,
        "split_rule": "by identity",
        "samples": summary.samples,
        "labels": {split: dict(summary.labels[split]) for split in summary.splits},
        "identities": {split: len(summary.people[split]) for split in summary.splits},
        "decisions": dict(summary.decisions),
        "judges": list(job.plan.judges),
        "synthetic": True,
        "shards": shards,
    }


class _Metadata(AtomicTexts):
    """``metadata.jsonl`` beside the stills and the clips of every split."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out

    def add(self, row: Row) -> None:
        """One more row; its ``file_name`` is relative to the file's folder."""
        kind = Path() if row["kind"] == "still" else Path("clips")
        folder = kind / row["split"]
        file = self._out / folder / "metadata.jsonl"
        name = Path(row["file"]).relative_to(folder).as_posix()
        self.text(file).write(json.dumps({"file_name": name} | row) + "\n")
