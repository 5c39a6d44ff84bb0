"""Any sound file or video in, 16 kHz mono out, in blocks or whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import cast

import av
import av.error
import numpy as np
from av import AudioFrame, AudioStream
from av.container import InputContainer
from av.filter import Graph
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.media.audio import time_zero
from facegen.media.container import open_input, read_error

RATE = 16_000
_BLOCK = 30 * RATE
# Below this peak (-60 dBFS) nobody hears speech; above the share of full-scale samples it is cut.
SILENT_PEAK = 1e-3
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 1e-3
_SHORTEST = 0.02
# The filter is twice swresample's default length; channels are averaged, so nothing overflows.
_RESAMPLER = "filter_size=64:cutoff=0.96:out_chlayout=mono:rematrix_maxval=1"


@dataclass(frozen=True, eq=False)
class Speech:
    """Sound as the networks hear it.

    Attributes:
        samples: ``(N,)`` float32 in -1..1, mono, 16 kHz; sample 0 sounds with the first video
            frame (with the first sound where there is no video).
        warnings: what a user should know, one line each.
        rate: samples per second, always 16000.
    """

    samples: NDArray[np.float32]
    warnings: tuple[str, ...] = ()
    rate: int = RATE

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate


class SpeechReader:
    """Iterates over a file's sound in blocks; holds one at a time, whatever the length.

    Can be iterated again; each pass opens the file anew. After a pass ``warnings`` is complete.

    Args:
        path: any media file with sound: wav, flac, mp3, mp4 ...; 8 to 192 kHz, any channels.
        block: samples per block (the last is shorter).
        stop: seconds after which the rest is left out.
    """

    def __init__(self, path: Path | str, *, block: int = _BLOCK, stop: float | None = None) -> None:
        self.path = Path(path)
        self.block = block
        self._most = None if stop is None else max(1, ceil(stop * RATE))
        self.warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Blocks ``(n,)`` float32 in -1..1 at 16 kHz.

        Raises:
            MediaError: missing, damaged from the start, or without sound.
        """
        level = _Level()
        damage: list[str] = []
        for block in _blocks(self._pieces(damage), self.block):
            yield level.take(block)
        if level.count < _SHORTEST * RATE:
            raise MediaError(f"{self.path} has no sound in it (0 s); record it again")
        self.warnings = (*damage, *level.warnings(self.path))

    def _pieces(self, damage: list[str]) -> Iterator[NDArray[np.float32]]:
        """Resampled sound in the decoder's own portions; damage midway ends it with a warning."""
        with open_input(self.path) as container:
            stream = _first_sound(container, self.path)
            given = 0
            try:
                for piece in _resampled(container, stream):
                    kept = piece if self._most is None else piece[: self._most - given]
                    given += len(kept)
                    yield kept
                    if given == self._most:
                        return
            except (av.error.FFmpegError, OSError) as error:
                if not given:
                    raise read_error(self.path, error) from error
                damage.append(
                    f"{self.path} is damaged after {given / RATE:.1f} s; the rest is left out"
                )


def load_speech(path: Path | str) -> Speech:
    """Decode a whole file; an hour takes 230 MB (use :class:`SpeechReader` for flat memory).

    Args:
        path: any media file with sound.

    Raises:
        MediaError: missing, empty, not media, damaged from the start, or without sound.
    """
    reader = SpeechReader(path)
    samples = np.concatenate(list(reader))
    return Speech(samples, reader.warnings)


class _Level:
    """Watches the level while blocks go by; repairs what is not a number or beyond full scale."""

    def __init__(self) -> None:
        self.count = self.broken = self.full = 0
        self.peak = 0.0

    def take(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        finite = np.isfinite(block)
        if not finite.all():
            self.broken += int((~finite).sum())
            block = np.where(finite, block, 0).astype(np.float32)
        size = np.abs(block)
        self.count += len(block)
        self.full += int((size >= _FULL_SCALE).sum())
        self.peak = max(self.peak, float(size.max(initial=0)))
        return np.clip(block, -1, 1)

    def warnings(self, path: Path) -> Iterator[str]:
        if self.peak < SILENT_PEAK:
            yield f"{path} is silent; the mouth will stay closed"
        if self.full > _CLIPPED_SHARE * self.count:
            share = 100 * self.full / self.count
            yield f"{path} is clipped ({share:.1f} % of it); record it at a lower level"
        if self.broken:
            yield f"{path} has {self.broken} samples that are no numbers; taken as silence"


def _first_sound(container: InputContainer, path: Path) -> AudioStream:
    for stream in container.streams.audio:
        # A stream of an unknown codec has no context.
        if stream.codec_context is not None:
            return stream
    what = "is a video without sound" if container.streams.video else "holds no sound"
    raise MediaError(f"{path} {what}; give a file with speech")


def _resampled(container: InputContainer, stream: AudioStream) -> Iterator[NDArray[np.float32]]:
    graph = _graph(stream, float(time_zero(container, stream)))
    for frame in container.decode(stream):
        graph.push(frame)
        yield from _drain(graph)
    graph.push(None)
    yield from _drain(graph)


def _drain(graph: Graph) -> Iterator[NDArray[np.float32]]:
    while True:
        try:
            frame = cast(AudioFrame, graph.pull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield cast("NDArray[np.float32]", frame.to_ndarray()).reshape(-1)


def _graph(stream: AudioStream, origin: float) -> Graph:
    """Cut at the origin, restart time there, fill holes with silence, resample, mix down."""
    graph = Graph()
    steps = [
        graph.add_abuffer(template=stream),
        graph.add("atrim", f"start={origin:.9f}"),
        graph.add("asetpts", f"PTS-({origin:.9f})/TB"),
        graph.add("aresample", f"{RATE}:async=1:first_pts=0:{_RESAMPLER}"),
        graph.add("aformat", f"sample_fmts=flt:channel_layouts=mono:sample_rates={RATE}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph


def _blocks(pieces: Iterator[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """The same samples in blocks of ``size``; the last one is shorter."""
    waiting: list[NDArray[np.float32]] = []
    held = 0
    for piece in pieces:
        waiting.append(piece)
        held += len(piece)
        if held < size:
            continue
        joined = np.concatenate(waiting)
        whole = held - held % size
        yield from joined[:whole].reshape(-1, size)
        waiting, held = [joined[whole:]], held - whole
    if held:
        yield np.concatenate(waiting)
