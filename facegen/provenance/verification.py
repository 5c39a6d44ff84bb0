"""Looks for every trace of provenance in a file: invisible mark, tags, signed credentials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.media import is_still, probe, read_image, read_video
from facegen.media.container import open_input
from facegen.media.image import read_xmp
from facegen.progress import progress
from facegen.provenance.credentials import Signed, read_credentials
from facegen.provenance.detection import MAX_FRAMES, THRESHOLD, Detection, detect
from facegen.provenance.statement import Statement, from_xmp

LONGEST = 60.0  # seconds of a video that are looked at


@dataclass(frozen=True)
class Report:
    """What :func:`verify` found in a file.

    Attributes:
        mark: the invisible mark's search. statement: the tags, or None.
        signed: the C2PA manifest, or None.
    """

    path: Path
    mark: Detection
    statement: Statement | None
    signed: Signed | None

    @property
    def synthetic(self) -> bool:
        """Any of the three says that facegen made it."""
        ours = self.signed is not None and self.signed.statement is not None
        return self.mark.found or self.statement is not None or ours

    def to_dict(self) -> dict[str, object]:
        """For ``--json``."""
        mark, tags, signed = self.mark, self.statement, self.signed
        return {
            "file": str(self.path),
            "synthetic": self.synthetic,
            "watermark": {
                "found": mark.found,
                "score": round(mark.score, 2),
                "threshold": round(THRESHOLD, 2),
                "task": mark.payload and mark.payload.kind,
                "tag": mark.payload and f"{mark.payload.tag:04x}",
                "scale": round(mark.scale, 3),
                "mirrored": mark.mirrored,
                "frames": mark.frames,
            },
            "tags": tags and tags.tags(),
            "credentials": signed
            and {"state": signed.state, "tool": signed.tool, "issuer": signed.issuer},
        }

    def lines(self) -> list[str]:
        """For people."""
        yes = "made with facegen" if self.synthetic else "no trace of facegen"
        return [
            f"{self.path}: {yes}",
            f"  watermark    {self._mark_line()}",
            f"  tags         {self._tags_line()}",
            f"  credentials  {self._signed_line()}",
        ]

    def _mark_line(self) -> str:
        mark = self.mark
        if not mark.found:
            return f"none (score {mark.score:.1f}, a mark begins at {THRESHOLD:.1f})"
        says = str(mark.payload) if mark.payload else "its content is damaged"
        changes = [f"size x {1 / mark.scale:.2f}"] if abs(mark.scale - 1) > 0.01 else []
        changes += ["mirrored"] if mark.mirrored else []
        return ", ".join([f"found (score {mark.score:.1f}): {says}", *changes])

    def _tags_line(self) -> str:
        tags = self.statement
        if tags is None:
            return "none"
        return f"facegen {tags.version}, {tags.task}, generator {tags.generator}"

    def _signed_line(self) -> str:
        signed = self.signed
        return "none" if signed is None else f"{signed.state}, {signed.tool}, by {signed.issuer}"


def verify(path: Path | str, *, max_frames: int = MAX_FRAMES) -> Report:
    """Look for provenance in a picture, a video or a folder of frames.

    Args:
        max_frames: of the video's first minute, spread evenly, that are pooled.

    Raises:
        MediaError: the file cannot be read.
    """
    path = Path(path)
    if is_still(path):
        picture = read_image(path)
        mark, tags = detect([picture.rgb]), from_xmp(read_xmp(path))
    else:
        mark = detect(_frames(path, max_frames), max_frames=max_frames)
        tags = _container_tags(path)
    return Report(path, mark, Statement.from_tags(tags), read_credentials(path))


def _frames(path: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    info = probe(path)
    expected = min(info.frame_count or count, round(LONGEST * float(info.fps)))
    step = max(1, expected // count)
    for frame in progress(read_video(path, stop=LONGEST), expected, "looking"):
        if frame.index % step == 0:
            yield frame.rgb


def _container_tags(path: Path) -> dict[str, str]:
    if path.is_dir() or not path.is_file():
        first = next((p for p in sorted(path.glob("*.png"))), None) if path.is_dir() else None
        return {} if first is None else from_xmp(read_xmp(first))
    with open_input(path) as container:
        return dict(container.metadata)
