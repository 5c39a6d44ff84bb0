"""Every picture of a set carries the same invisible mark."""

from pathlib import Path

import cv2
import numpy as np

from facegen.provenance import detect
from facegen.synthesis.dataset import SyntheticDataset
from facegen.synthesis.marks import ProvenanceMark


def test_the_mark_is_faint_and_found_again() -> None:
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.uniform(60, 200, (24, 24, 3)), (512, 512), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(rough + rng.normal(0, 4, rough.shape), 0, 255).astype(np.uint8)
    mark = ProvenanceMark("plan")
    marked = mark(picture)
    change = np.abs(marked.astype(int) - picture)
    assert 0 < change.mean() < 4
    found = detect([marked])
    assert found.payload is not None
    assert found.payload.to_bytes().hex() == mark.payload
    assert ProvenanceMark("other").payload != mark.payload


def test_rows_name_the_mark(made: Path) -> None:
    rows = SyntheticDataset(made).rows
    assert {row["watermark_scheme"] for row in rows} == {"facegen"}
    assert len({row["watermark_payload"] for row in rows}) == 1
