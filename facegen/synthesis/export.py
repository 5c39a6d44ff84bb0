"""Puts a made set together: what trainers read follows from the rows of all units."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from facegen import __version__
from facegen.synthesis.build import WORK, Job, write_bytes
from facegen.synthesis.dataset import ABOUT, FORMAT
from facegen.synthesis.labels import CLASSES, LABEL_SPACE
from facegen.synthesis.plan import SPLITS
from facegen.synthesis.record import Row


def all_rows(out: Path) -> list[Row]:
    """Rows of every finished unit, by sample."""
    rows: list[Row] = []
    for file in sorted((out / WORK / "units").glob("*.jsonl")):
        rows += [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: row["sample_id"])


def assemble(job: Job) -> Path:
    """Write metadata, lists, shards and the card; the set exists when ``dataset.json`` does."""
    rows = all_rows(job.out)
    for split in SPLITS:
        own = [row for row in rows if row["split"] == split]
        if own:
            write_bytes(job.out / split / "metadata.jsonl", _lines(own, split))
    about = {
        "format": FORMAT,
        "facegen": __version__,
        "name": job.plan.name,
        "plan": job.plan.fingerprint,
        "label_space": LABEL_SPACE,
        "classes": CLASSES,
        "splits": [s for s in SPLITS if any(row["split"] == s for row in rows)],
        "split_rule": "by identity",
        "samples": len(rows),
        "labels": dict(Counter(row["label"] for row in rows)),
    }
    write_bytes(job.out / ABOUT, json.dumps(about, indent=1).encode())
    return job.out / ABOUT


def _lines(rows: list[Row], split: str) -> bytes:
    """``metadata.jsonl`` of one split: ``file_name`` is relative to its folder."""
    named = ({"file_name": Path(r["file"]).relative_to(split).as_posix()} | r for r in rows)
    return "".join(json.dumps(row) + "\n" for row in named).encode()
