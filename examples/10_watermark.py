"""How much the invisible mark endures: operation x detection rate, and false alarms.

    python examples/10_watermark.py table.md                           # the demo photo
    python examples/10_watermark.py table.md clips/*.mp4 photos/*.jpg  # your own, unmarked

Every clip (its first three seconds) and photo is marked, changed, compressed and searched; the same
unmarked gives the false alarms.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.demo import PHOTO
from facegen.media import VideoWriter, is_still, probe, read_image, read_video
from facegen.provenance import Marker, Payload, detect
from facegen.provenance.detection import MAX_FRAMES, THRESHOLD, Detection

Picture = NDArray[np.uint8]
Change = Callable[[Picture], Picture]
PAYLOAD = Payload("reenact", 0x1234)
SECONDS = 3


def same(picture: Picture) -> Picture:
    return picture


def half(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def crop(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return picture[height // 20 : height // 20 + height * 4 // 5, width // 8 :][:, : width * 4 // 5]


def brighter(picture: Picture) -> Picture:
    return np.clip(1.25 * picture + 8, 0, 255).astype(np.uint8)


# What is done to a clip's pictures, and the constant rate factor of the encoding after it.
OF_CLIPS: dict[str, tuple[Change, int]] = {
    "as written (crf 16)": (same, 16),
    "crf 28": (same, 28),
    "half size": (half, 16),
    "crop to 80 %": (crop, 16),
    "half size, crf 28": (half, 28),
    "crop to 80 %, crf 28": (crop, 28),
    "brighter, crf 28": (brighter, 28),
}
# And to a photo, with the JPEG quality after it.
OF_PHOTOS: dict[str, tuple[Change, int]] = {
    "jpeg 95": (same, 95),
    "jpeg 50": (same, 50),
    "half size, jpeg 90": (half, 90),
    "crop to 80 %, jpeg 90": (crop, 90),
    "half size, jpeg 50": (half, 50),
    "crop to 80 %, jpeg 50": (crop, 50),
}


def encoded(frames: list[Picture], crf: int) -> list[Picture]:
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, width, height, 25, crf=crf) as writer:
            for frame in frames:
                writer.write(np.ascontiguousarray(frame[:height, :width]))
        every = -(-len(frames) // MAX_FRAMES)  # spread over the clip, as `facegen verify` does
        return [frame.rgb for frame in read_video(path) if frame.index % every == 0]


def compressed(frames: list[Picture], quality: int) -> list[Picture]:
    _, data = cv2.imencode(".jpg", frames[0], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return [cv2.imdecode(data, cv2.IMREAD_COLOR)]


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def first_seconds(path: Path) -> list[Picture]:
    if is_still(path):
        return [read_image(path).rgb]
    frames = int(SECONDS * probe(path).fps)
    return [frame.rgb for frame in islice(read_video(path), frames)]


@dataclass
class Trials:
    """What came of one operation: scores and payloads of marked pictures, scores of unmarked."""

    marked: list[Detection] = field(default_factory=list)
    unmarked: list[Detection] = field(default_factory=list)

    def row(self, name: str) -> str:
        scores = [found.score for found in self.marked]
        count, top = len(scores), max(found.score for found in self.unmarked)
        return (
            f"| {name} | {sum(found.found for found in self.marked)} of {count} "
            f"| {sum(found.payload == PAYLOAD for found in self.marked)} of {count} "
            f"| {min(scores):.1f} / {np.median(scores):.1f} "
            f"| {sum(found.found for found in self.unmarked)} of {count} ({top:.1f}) |"
        )


def tried(paths: list[Path]) -> tuple[dict[str, Trials], list[float]]:
    """Every operation on every file, and the PSNR of each marked file in dB."""
    table: dict[str, Trials] = {}
    quality: list[float] = []
    for path in paths:
        frames = first_seconds(path)
        marker = Marker(frames[0].shape[1], frames[0].shape[0], PAYLOAD)
        marked = [marker(frame) for frame in frames]
        quality.append(np.mean([psnr(a, b) for a, b in zip(frames, marked, strict=True)]))
        still = len(frames) == 1
        for name, (change, amount) in (OF_PHOTOS if still else OF_CLIPS).items():
            press = compressed if still else encoded
            trials = table.setdefault(name, Trials())
            trials.marked.append(detect(press([change(f) for f in marked], amount)))
            trials.unmarked.append(detect(press([change(f) for f in frames], amount)))
    return table, quality


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "watermark.md")
    paths = [Path(name) for name in sys.argv[2:]] or [PHOTO]
    table, quality = tried(paths)
    lines = [
        f"{len(paths)} files; a mark begins at {THRESHOLD:.1f}; PSNR of the marked pictures "
        f"{min(quality):.1f} to {max(quality):.1f} dB.",
        "",
        "| operation | found | payload read | score least / median | false alarms (top score) |",
        "|---|---|---|---|---|",
        *(trials.row(name) for name, trials in table.items()),
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
