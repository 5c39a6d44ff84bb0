"""How much the invisible mark endures: operation x detection rate, and false alarms.

    python examples/10_watermark.py table.md                # the demo photo, moved a little
    python examples/10_watermark.py table.md clips/*.mp4    # your own unmarked clips

Every clip is marked, changed, encoded and searched; the same unmarked gives the false alarms.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.demo import PHOTO
from facegen.media import VideoWriter, probe, read_image, read_video
from facegen.provenance import Marker, Payload, detect
from facegen.provenance.detection import THRESHOLD, Detection

Picture = NDArray[np.uint8]
Change = Callable[[Picture], Picture]
PAYLOAD = Payload("reenact", 0x1234)
FRAMES = 20


def same(picture: Picture) -> Picture:
    return picture


def half(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def crop(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return picture[height // 20 : height // 20 + height * 4 // 5, width // 8 :][:, : width * 4 // 5]


def brighter(picture: Picture) -> Picture:
    return np.clip(1.25 * picture + 8, 0, 255).astype(np.uint8)


# What is done to the pictures, and the constant quality (CRF) of each encoding after it.
OPERATIONS: dict[str, tuple[Change, tuple[int, ...]]] = {
    "as written (crf 16)": (same, (16,)),
    "crf 28": (same, (28,)),
    "crf 28 twice": (same, (28, 28)),
    "half size, crf 28": (half, (28,)),
    "crop to 80 %, crf 28": (crop, (28,)),
    "crop to 80 %, half size, crf 28": (lambda p: half(crop(p)), (28,)),
    "brighter, crf 28": (brighter, (28,)),
    "crf 34": (same, (34,)),
}


def moving_photo() -> list[Picture]:
    """The demo photo with the light of its middle breathing."""
    photo = read_image(PHOTO).rgb
    frames = []
    for index in range(FRAMES):
        frame = photo.copy()
        part = frame[100:260, 160:330]
        part[:] = cv2.add(part, np.full_like(part, index % 5 * 4))
        frames.append(frame)
    return frames


def encode(frames: list[Picture], crf: int, folder: Path) -> list[Picture]:
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    path = folder / "clip.mp4"
    with VideoWriter(path, width, height, 25, crf=crf) as writer:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[:height, :width]))
    return [frame.rgb for frame in read_video(path)]


def changed(frames: list[Picture], change: Change, crfs: tuple[int, ...]) -> list[Picture]:
    frames = [change(frame) for frame in frames]
    with tempfile.TemporaryDirectory() as folder:
        for crf in crfs:
            frames = encode(frames, crf, Path(folder))
    return frames


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def clips(paths: list[str]) -> Iterator[list[Picture]]:
    if not paths:
        yield moving_photo()
    for path in paths:
        step = max(1, (probe(path).frame_count or FRAMES) // FRAMES)
        frames = (frame.rgb for frame in read_video(path) if frame.index % step == 0)
        yield list(islice(frames, FRAMES))


def row(name: str, marked: list[Detection], unmarked: list[Detection]) -> str:
    scores = sorted(found.score for found in marked)
    return (
        f"| {name} | {np.mean([found.found for found in marked]):.0%} "
        f"| {np.mean([found.payload == PAYLOAD for found in marked]):.0%} "
        f"| {scores[0]:.1f} / {np.median(scores):.1f} "
        f"| {alarms_of(unmarked)} |"
    )


def alarms_of(unmarked: list[Detection]) -> str:
    if not unmarked:
        return "-"
    top = max(found.score for found in unmarked)
    return f"{sum(found.found for found in unmarked)} of {len(unmarked)} ({top:.1f})"


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "watermark.md")
    found: dict[str, list[Detection]] = {name: [] for name in OPERATIONS}
    alarms: dict[str, list[Detection]] = {name: [] for name in OPERATIONS}
    quality: list[float] = []
    for frames in clips(sys.argv[2:]):
        marker = Marker(frames[0].shape[1], frames[0].shape[0], PAYLOAD)
        marked = [marker(frame) for frame in frames]
        quality.append(np.mean([psnr(a, b) for a, b in zip(frames, marked, strict=True)]))
        for name, (change, crfs) in OPERATIONS.items():
            found[name].append(detect(changed(marked, change, crfs)))
            if name in ("as written (crf 16)", "crf 28", "crop to 80 %, crf 28"):
                alarms[name].append(detect(changed(frames, change, crfs)))
    lines = [
        f"{len(quality)} clips of at most {FRAMES} frames; a mark begins at {THRESHOLD:.1f}; "
        f"PSNR of the marked frames {min(quality):.1f} to {max(quality):.1f} dB.",
        "",
        "| operation | found | payload read | score least / median | false alarms (top score) |",
        "|---|---|---|---|---|",
        *(row(name, found[name], alarms[name]) for name in OPERATIONS),
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
