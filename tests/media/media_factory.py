"""Tiny media made on the spot."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace


def picture(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth picture that tells its index: a bright bar moves right."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 3 % 256, y * 4 % 256, np.full_like(x, 90)], -1).astype(np.uint8)
    at = index * 2 % width
    rgb[: height // 3, at : at + 4] = 250
    return rgb


def make_video(
    path: Path,
    frames: int = 10,
    size: tuple[int, int] = (64, 48),
    fps: Fraction | int = 25,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    hflip: bool = False,
    sound: np.ndarray | None = None,
    sound_codec: str = "aac",
    rate: int = 44100,
    flash: int | None = None,
    draw=picture,
    color: dict[str, int] | None = None,
) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=Fraction(fps), options=options or {})
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        for key, value in (color or {}).items():
            setattr(video.codec_context, key, value)
        if rotation or hflip:
            video.set_display_rotation(rotation, hflip=hflip)
        audio = None
        if sound is not None:
            audio = out.add_stream(sound_codec, rate=rate, layout="mono")
        for i in range(frames):
            rgb = draw(i, *size)
            if flash is not None:
                rgb = np.full_like(rgb, 255 if i == flash else 0)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame = frame.reformat(
                format=pix_fmt,
                dst_colorspace=Colorspace.ITU709
                if (color or {}).get("colorspace") == 1
                else Colorspace.ITU601,
                src_color_range=ColorRange.JPEG,
                dst_color_range=(color or {}).get("color_range", ColorRange.MPEG),
            )
            frame.pts, frame.time_base = i, 1 / Fraction(fps)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None:
            block = av.AudioFrame.from_ndarray(
                sound[None].astype(np.float32), format="fltp", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
            out.mux(audio.encode(block))
            out.mux(audio.encode(None))
    return path


def click(seconds: float, at: float, rate: int = 44100) -> np.ndarray:
    """Silence with a loud 5 ms burst."""
    wave = np.zeros(round(seconds * rate))
    n = np.arange(round(0.005 * rate))
    wave[round(at * rate) :][: len(n)] = 0.9 * np.sin(2 * np.pi * 2000 * n / rate)
    return wave


def make_sound(path: Path, wave: np.ndarray, codec: str = "pcm_s16le", rate: int = 44100) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        block = av.AudioFrame.from_ndarray(
            wave[None].astype(np.float32), format="fltp", layout="mono"
        )
        block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
        out.mux(stream.encode(block))
        out.mux(stream.encode(None))
    return path


def hear(path: Path) -> tuple[np.ndarray, int, float]:
    """Mono samples, rate, and the time of the first sample."""
    blocks, first, rate = [], None, 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            first = frame.time if first is None else first
            rate = frame.sample_rate
            data = frame.to_ndarray().astype(np.float64)
            if not frame.format.is_planar:
                data = data.reshape(-1, len(frame.layout.channels)).T
            blocks.append(data.mean(0))
    return np.concatenate(blocks), rate, float(first or 0)


def click_time(path: Path) -> float:
    """Seconds at which the burst begins."""
    wave, rate, first = hear(path)
    loud = np.flatnonzero(np.abs(wave) > 0.4 * np.abs(wave).max())
    return first + loud[0] / rate


def packets(path: Path) -> list[bytes]:
    """The picture stream's packets."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(video=0) if p.size]
