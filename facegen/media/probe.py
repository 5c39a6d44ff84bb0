"""What a video file holds, without decoding it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av.error
from av import VideoStream
from av.container import InputContainer

from facegen.errors import MediaError
from facegen.media.color import hdr_kind
from facegen.media.container import open_input, read_error
from facegen.media.image import MAX_PIXELS
from facegen.media.orient import Orientation, orientation_of
from facegen.media.stills import ImageSequence, find_sequence

DEFAULT_FPS = Fraction(25)
_CLOCK = re.compile(r"(\d+):(\d+):([\d.]+)")
_LOOK_AHEAD = 64  # packets looked at to tell a variable frame rate


@dataclass(frozen=True)
class VideoInfo:
    """A video as it is shown.

    Attributes:
        path: the file, image or folder.
        width, height: pixels after rotation, with square pixels.
        fps: nominal frame rate, exact.
        time_base: unit of the file's own timestamps, seconds.
        start_time: the file's own time of its first frame, seconds; ``Frame.time`` counts from it.
        duration: seconds, or None where the file does not say.
        frame_count: number of frames, or None where unknown.
        frame_count_exact: False where the count is duration times rate.
        is_vfr: frame times are uneven; None where unknown.
        rotation: degrees counter-clockwise that the file asks for (already in width, height).
        pixel_aspect: width of a stored pixel over its height (already in width).
        video_codec, pixel_format: as libav names them.
        has_audio, audio_codec: first sound stream.
        hdr: ``"PQ"`` or ``"HLG"``; such frames are tone-mapped to sRGB.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    time_base: Fraction
    start_time: Fraction
    duration: float | None
    frame_count: int | None
    frame_count_exact: bool
    is_vfr: bool | None
    rotation: int
    pixel_aspect: Fraction
    video_codec: str
    pixel_format: str
    has_audio: bool
    audio_codec: str | None
    hdr: str | None


def probe(path: Path | str, *, fps: Fraction | int | None = None) -> VideoInfo:
    """Describe a video, an image, or a folder (or ``%05d`` pattern) of images.

    Args:
        fps: frame rate of an image sequence (25 where not given); files carry their own.

    Raises:
        MediaError: missing, empty, damaged, not media, or without a picture stream.
    """
    sequence = find_sequence(path)
    if sequence is not None:
        return _sequence_info(Path(path), sequence, Fraction(fps or DEFAULT_FPS))
    path = Path(path)
    with open_input(path) as container:
        stream = video_stream(container, path)
        orientation = _first_orientation(container, stream, path)
        vfr = _looks_vfr(container, stream)
        return _info(path, container, stream, orientation, vfr)


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The picture stream: the first that is not a cover image.

    Raises:
        MediaError: there is none, it cannot be decoded, or its frames are too large.
    """
    streams = container.streams.video
    if not streams:
        what = "it holds sound only; give a video" if container.streams.audio else "no video stream"
        raise MediaError(f"cannot use {path} as a video: {what}")
    stream = next((s for s in streams if not _is_cover(s)), None)
    if stream is None:
        raise MediaError(f"cannot use {path} as a video: it holds sound and a cover image only")
    if stream.codec_context is None:
        raise MediaError(f"cannot read {path}: its codec is not supported; convert it to H.264")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:  # a frame is decoded whole, whatever its file's size
        raise MediaError(
            f"{path} has frames of {width} x {height} pixels, more than {MAX_PIXELS}; shrink it"
        )
    return stream


def _is_cover(stream: VideoStream) -> bool:
    return bool(int(stream.disposition) & 0x400)  # AV_DISPOSITION_ATTACHED_PIC


def nominal_fps(stream: VideoStream) -> Fraction:
    """Frame rate of a stream: its average where sensible, else libav's guess."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return DEFAULT_FPS


def stream_start(stream: VideoStream) -> Fraction:
    """The stream's own time of its first frame, seconds."""
    return Fraction(stream.start_time or 0) * Fraction(stream.time_base or 0)


def display_size(
    width: int, height: int, aspect: Fraction | None, orientation: Orientation
) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """Size to scale a stored frame to (None: as it is), and size as shown after rotation."""
    aspect = Fraction(aspect or 1)
    square = (width, height)
    if aspect != 1 and Fraction(1, 5) < aspect < 5:
        square = (max(1, round(width * aspect)), height)
    shown = square[::-1] if orientation.swaps else square
    return (None if square == (width, height) else square), shown


def _first_orientation(container: InputContainer, stream: VideoStream, path: Path) -> Orientation:
    try:
        frame = next(container.decode(stream), None)
    except (av.error.FFmpegError, OSError) as error:
        raise read_error(path, error) from error
    if frame is None:
        raise MediaError(f"{path} has a video stream without a single frame")
    return orientation_of(frame)


def _looks_vfr(container: InputContainer, stream: VideoStream) -> bool | None:
    """Whether the first packets are unevenly spaced (beyond the rounding of the time base)."""
    try:
        container.seek(0)
        packets = islice(container.demux(stream), _LOOK_AHEAD)
        times = sorted({p.pts for p in packets if p.pts is not None})
    except (av.error.FFmpegError, OSError):
        return None
    steps = [b - a for a, b in zip(times, times[1:], strict=False)]
    # The last packets of a look-ahead may precede others in time, so their gap means nothing.
    if len(times) >= _LOOK_AHEAD // 2:
        steps = steps[:-16]
    return max(steps) - min(steps) > 1 if steps else None


def _info(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    orientation: Orientation,
    vfr: bool | None,
) -> VideoInfo:
    context, fps = stream.codec_context, nominal_fps(stream)
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    _, (width, height) = display_size(context.width, context.height, aspect, orientation)
    duration = _duration(container, stream)
    exact = bool(stream.frames)
    count = stream.frames or (round(duration * fps) if duration else None)
    sound = container.streams.audio[0] if container.streams.audio else None
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=fps,
        time_base=Fraction(stream.time_base or 1 / fps),
        start_time=stream_start(stream),
        duration=None if duration is None else float(duration),
        frame_count=count,
        frame_count_exact=exact,
        is_vfr=vfr,
        rotation=orientation.degrees,
        pixel_aspect=aspect,
        video_codec=context.name,
        pixel_format=context.pix_fmt or "",
        has_audio=sound is not None,
        audio_codec=sound.codec_context.name if sound and sound.codec_context else None,
        hdr=hdr_kind(context.color_trc),
    )


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return Fraction(stream.duration) * stream.time_base
    if tag := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):  # Matroska, per stream
        hours, minutes, seconds = tag.groups()
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    if container.duration:
        return Fraction(container.duration, 1_000_000)
    return None


def _sequence_info(path: Path, sequence: ImageSequence, fps: Fraction) -> VideoInfo:
    count = len(sequence.files)
    return VideoInfo(
        path=path,
        width=sequence.width,
        height=sequence.height,
        fps=fps,
        time_base=1 / fps,
        start_time=Fraction(0),
        duration=float(count / fps),
        frame_count=count,
        frame_count_exact=True,
        is_vfr=False,
        rotation=0,
        pixel_aspect=Fraction(1),
        video_codec="images",
        pixel_format="rgb24",
        has_audio=False,
        audio_codec=None,
        hdr=None,
    )
