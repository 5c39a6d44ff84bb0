"""The driver's sound, carried into the output in step with its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.error
from av import AudioFrame, AudioStream, Packet
from av.container import InputContainer, OutputContainer
from av.filter import Graph

from facegen.media.container import open_input, read_error
from facegen.media.probe import stream_start

# Codecs each container holds and common players open.
_COPYABLE = {
    "mp4": {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "flac"},
    "mov": {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"},
    "webm": {"opus", "vorbis"},
    "matroska": None,
}
_ENCODERS = {"webm": ("libopus", 48000, "s16")}
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_BITS_PER_SECOND = 192_000


def can_copy(codec: str, container: str) -> bool:
    """Whether packets of ``codec`` go into ``container`` as they are."""
    allowed = _COPYABLE.get(container, set())
    return allowed is None or codec in allowed


def has_sound(path: Path) -> bool:
    """Whether a media file holds a readable sound stream; False for pictures and folders.

    Raises:
        MediaError: the file is missing or damaged.
    """
    if path.is_dir():
        return False
    with open_input(path) as container:
        return any(s.codec_context is not None for s in container.streams.audio)


class AudioFeed:
    """Copies or re-encodes one file's first sound stream, piece by piece as the picture grows.

    Time 0 of the output is ``origin`` seconds after the source's first video frame (after its
    first sound where it has no video). Sound before it is cut: exactly when re-encoding or by the
    MP4 edit list, to a packet (about 20 ms) otherwise. Sound that begins after the last picture
    ends is left out.
    """

    def __init__(self, source: Path, output: OutputContainer, kind: str, origin: Fraction) -> None:
        self._source = source
        self._output = output
        self._stack = ExitStack()
        self._input = self._stack.enter_context(open_input(source))
        streams = self._input.streams
        self._from: AudioStream = next(s for s in streams.audio if s.codec_context is not None)
        self._origin = origin + time_zero(self._input, self._from)
        self.copied = can_copy(self._from.codec_context.name, kind)
        # A decoder needs one packet before the cut (AAC overlaps them); an edit list hides it.
        self._hides_lead = kind in ("mp4", "mov")
        self._keeps_negative = self._hides_lead or origin == 0
        self._to: AudioStream = (
            output.add_stream_from_template(self._from) if self.copied else self._encoder(kind)
        )
        packets = self._copied() if self.copied else self._encoded()
        self._packets: Iterator[Packet] = packets
        self._next: Packet | None = None

    def _encoder(self, kind: str) -> AudioStream:
        context = self._from.codec_context
        name, rate, form = _ENCODERS.get(kind, ("aac", context.sample_rate, "fltp"))
        if name == "aac" and rate not in _AAC_RATES:
            rate = 48000
        layout = "mono" if context.channels == 1 else "stereo"
        added = self._output.add_stream(name, rate=rate, layout=layout, format=form)
        stream = cast(AudioStream, added)
        stream.bit_rate = _BITS_PER_SECOND if layout == "stereo" else _BITS_PER_SECOND // 2
        return stream

    def feed(self, until: Fraction) -> None:
        """Write the sound that begins before ``until`` (seconds of the output)."""
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            packet = self._next
            if packet is None or (packet.pts or 0) * packet.time_base >= until:
                return
            self._next = None
            packet.stream = self._to
            self._output.mux_one(packet)

    def close(self) -> None:
        """Let the source go."""
        self._stack.close()

    def _guarded(self, packets: Callable[[], Iterator[Packet]]) -> Iterator[Packet]:
        """Sound that turns out damaged midway ends there; the pictures go on."""
        try:
            yield from packets()
        except (av.error.InvalidDataError, av.error.EOFError):
            return
        except (av.error.FFmpegError, OSError) as error:
            raise read_error(self._source, error) from error

    def _copied(self) -> Iterator[Packet]:
        def packets() -> Iterator[Packet]:
            for packet in self._input.demux(self._from):
                if packet.pts is None or packet.size == 0:
                    continue
                base = packet.time_base
                shift = round(self._origin / base)
                length = packet.duration or 0
                end = packet.pts - shift + length * (2 if self._hides_lead else 1)
                if end <= 0 or (packet.pts < shift and not self._keeps_negative):
                    continue
                packet.pts -= shift
                packet.dts = packet.pts
                yield packet

        return self._guarded(packets)

    def _encoded(self) -> Iterator[Packet]:
        def packets() -> Iterator[Packet]:
            graph = self._graph()
            for frame in self._input.decode(self._from):
                graph.push(frame)
                yield from self._drain(graph)
            graph.push(None)
            yield from self._drain(graph)
            yield from self._to.encode(None)

        return self._guarded(packets)

    def _drain(self, graph: Graph) -> Iterator[Packet]:
        while True:
            try:
                frame = cast(AudioFrame, graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield from self._to.encode(frame)

    def _graph(self) -> Graph:
        """Cut at the origin, restart time there, fill holes with silence, resample."""
        target, origin = self._to.codec_context, float(self._origin)
        graph = Graph()
        steps = [
            graph.add_abuffer(template=self._from),
            graph.add("atrim", f"start={origin:.9f}"),
            graph.add("asetpts", f"PTS-({origin:.9f})/TB"),
            graph.add("aresample", f"{target.sample_rate}:async=1:first_pts=0"),
            graph.add(
                "aformat",
                f"sample_fmts={target.format.name}:channel_layouts={target.layout.name}",
            ),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*steps).configure()
        return graph


def time_zero(container: InputContainer, sound: AudioStream) -> Fraction:
    """Source time, seconds, that counts as 0: the first video frame, else the first sound."""
    video = next(iter(container.streams.video), None)
    if video is not None and video.start_time is not None:
        return stream_start(video)
    return Fraction(sound.start_time or 0) * Fraction(sound.time_base or 0)
