"""The loss curve: one JSON line per logged step."""

from __future__ import annotations

import json
from pathlib import Path

from facegen.media.atomic import atomic_path


class TrainLog:
    """``log.jsonl``; what a killed run logged beyond its last checkpoint is dropped on resume."""

    def __init__(self, path: Path, *, keep_until: int) -> None:
        self._path = path
        kept = [line for line in read_log(path) if line["step"] <= keep_until]
        with atomic_path(path) as part:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def write(self, step: int, values: dict[str, float]) -> None:
        """Append one line; ``step`` counts the optimiser steps done."""
        with self._path.open("a") as stream:
            stream.write(json.dumps({"step": step, **values}) + "\n")


def read_log(path: Path) -> list[dict[str, float]]:
    """Lines of a training's log, oldest first; a torn last line is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:  # the process died while it wrote
            break
    return lines
