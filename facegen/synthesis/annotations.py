"""COCO-like annotations: boxes, five keypoints, category, and what else is known of a face."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from facegen.media import atomic_path
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.record import Row

KEYPOINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
_VISIBLE = 2
_ATTRIBUTES = ("identity_id", "target_valence", "target_arousal", "target_au", "soft_label",
               "pitch", "yaw", "roll", "decision", "synthetic")  # fmt: skip


def write_annotations(out: Path, split: str, rows: Iterable[Row], size: int) -> Path:
    """``annotations/faces_SPLIT.json``, written row by row.

    Args:
        size: side of the pictures, pixels.
    """
    folder = out / "annotations"
    folder.mkdir(exist_ok=True)
    file = folder / f"faces_{split}.json"
    categories = [{"id": i, "name": name, "keypoints": KEYPOINTS} for i, name in enumerate(CLASSES)]
    with (
        atomic_path(file) as part,
        part.open("w", encoding="utf-8") as stream,
        TemporaryFile("w+", encoding="utf-8", dir=folder) as names,
    ):
        stream.write(f'{{"categories": {json.dumps(categories)},\n"annotations": [')
        for number, row in enumerate(rows):
            comma = ",\n" if number else "\n"
            stream.write(comma + json.dumps(_annotation(row, number)))
            image = {"id": number, "file_name": row["file"], "width": size, "height": size}
            names.write(comma + json.dumps(image))
        stream.write('\n],\n"images": [')
        names.seek(0)
        for line in names:
            stream.write(line)
        stream.write("\n]}\n")
    return file


def _annotation(row: Row, number: int) -> dict[str, Any]:
    points = [value for point in row["keypoints"] for value in (*point, _VISIBLE)]
    return {
        "id": number,
        "image_id": number,
        "category_id": CLASSES.index(row["label"]),
        "bbox": row["crop_box"],
        "area": round(row["crop_box"][2] * row["crop_box"][3], 2),
        "iscrowd": 0,
        "keypoints": points,
        "num_keypoints": len(KEYPOINTS),
        "attributes": {name: row[name] for name in _ATTRIBUTES},
    }
