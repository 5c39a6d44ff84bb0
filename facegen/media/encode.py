"""Pictures to video packets.

Encoders run without reordered pictures: every packet is shown where it is decoded, so players that
ignore edit lists still keep sound in step, and segments join without touching a packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av import Packet, VideoFrame, VideoStream
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from facegen.media.color import SWS_FLAGS

# A fixed number, not the machine's: the thread count changes the bits an encoder writes.
_THREADS = 4


@dataclass(frozen=True)
class EncoderSettings:
    """A codec and how it is run.

    Attributes:
        codec: libav's encoder name.
        pixel_format: of the encoder.
        options: encoder options.
        even: width and height must be even.
    """

    codec: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    even: bool


def settings_for(container: str, crf: int | None = None, alpha: bool = False) -> EncoderSettings:
    """H.264 4:2:0 for MP4, MOV and MKV (plays everywhere), VP9 for WebM (which can hold alpha).

    Args:
        container: libav's name.
        crf: constant quality, smaller is better; 16 for H.264 and 24 for VP9 where not given.
        alpha: keep transparency; WebM only.
    """
    if container == "webm":
        options = {
            "crf": str(24 if crf is None else crf),
            "b": "0",
            "deadline": "good",
            "cpu-used": "4",
            "row-mt": "1",
            "auto-alt-ref": "0" if alpha else "1",
        }
        form = "yuva420p" if alpha else "yuv420p"
        return EncoderSettings("libvpx-vp9", form, tuple(options.items()), even=False)
    options = {"crf": str(16 if crf is None else crf), "preset": "fast", "bf": "0"}
    return EncoderSettings("libx264", "yuv420p", tuple(options.items()), even=True)


class Encoder:
    """One stream's encoder. Pictures go in and packets come out in the same order."""

    def __init__(
        self,
        output: OutputContainer,
        settings: EncoderSettings,
        width: int,
        height: int,
        fps: Fraction,
    ) -> None:
        self._settings = settings
        self.padding = (width % 2, height % 2) if settings.even else (0, 0)
        added = output.add_stream(settings.codec, rate=fps, options=dict(settings.options))
        stream = cast(VideoStream, added)
        stream.width, stream.height = width + self.padding[0], height + self.padding[1]
        stream.pix_fmt = settings.pixel_format
        context = stream.codec_context
        context.time_base = 1 / fps
        context.gop_size = max(1, round(2 * fps))
        context.thread_count = _THREADS
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        self.stream: VideoStream = stream
        self._reformatter = VideoReformatter()
        self._count = 0

    def encode(
        self, rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None
    ) -> Iterator[Packet]:
        """Packets that one more ``(H, W, 3)`` uint8 picture brings out."""
        with_alpha = self._settings.pixel_format.startswith("yuva")
        if with_alpha:
            opaque = np.full(rgb.shape[:2], 255, np.uint8)
            rgb = np.dstack([rgb, opaque if alpha is None else alpha])
        right, bottom = self.padding
        if right or bottom:
            rgb = np.pad(rgb, ((0, bottom), (0, right), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(
            np.ascontiguousarray(rgb), format="rgba" if with_alpha else "rgb24"
        )
        frame = self._reformatter.reformat(
            frame,
            format=self._settings.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            dst_color_trc=None,
            interpolation=SWS_FLAGS,
            threads=1,
        )
        frame.pts, frame.time_base = self._count, self.stream.codec_context.time_base
        frame.pict_type = 0
        self._count += 1
        yield from self.stream.encode(frame)

    def flush(self) -> Iterator[Packet]:
        """The packets still inside."""
        yield from self.stream.encode(None)
