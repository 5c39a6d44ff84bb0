"""Small real and broken inputs, made on the spot from the packaged photo."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from facegen.demo import PHOTO


def portrait(width: int = 512, height: int = 512) -> Image.Image:
    return Image.open(PHOTO).convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def moving_face(frames: int, width: int = 256, height: int = 256) -> list[np.ndarray]:
    """The photo drifting two pixels a frame: enough for a tracker to follow."""
    face = np.asarray(portrait(width, height))
    return [np.roll(face, 2 * (i % 8), axis=1) for i in range(frames)]


def write_clip(
    path: Path,
    frames: list[np.ndarray],
    *,
    fps: Fraction = Fraction(25),
    times: list[Fraction] | None = None,
    sound: bool = False,
    rotate: int = 0,
) -> Path:
    """Encode RGB frames; ``times`` in seconds makes a variable frame rate."""
    with av.open(str(path), "w") as container:
        codec = {"webm": "libvpx-vp9", "gif": "gif", "mpg": "mpeg2video"}
        stream = container.add_stream(codec.get(path.suffix[1:], "libx264"), rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "rgb8" if path.suffix == ".gif" else "yuv420p"
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 90000)
        tone = container.add_stream("aac", rate=16000) if sound else None
        for i, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            if times is not None:
                frame.time_base = Fraction(1, 90000)
                frame.pts = int(times[i] * 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone is not None:
            write_tone(container, tone, float(len(frames) / fps))
    if rotate:
        rotated = path.with_name("r_" + path.name)
        _set_rotation(path, rotated, rotate)
        rotated.replace(path)
    return path


def write_tone(container: av.container.OutputContainer, stream: av.AudioStream, s: float) -> None:
    samples = (np.sin(np.arange(int(16000 * s)) * 0.2) * 8000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = 16000
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _set_rotation(source: Path, target: Path, degrees: int) -> None:
    """Remux with a display matrix: only the 9 numbers of the ``tkhd`` box change."""
    data = bytearray(source.read_bytes())
    box = data.index(b"tkhd")
    start = box + 4 + 40  # version/flags, times, id, duration, layer, group, volume
    one = 1 << 16
    turn = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    a, b, c, d = turn
    matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[start : start + 36] = b"".join(n.to_bytes(4, "big", signed=True) for n in matrix)
    target.write_bytes(bytes(data))


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        write_tone(container, container.add_stream("aac", rate=16000), 1.0)
    return path


def cut(source: Path, target: Path, share: float) -> Path:
    """The first part of a file's bytes."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target
