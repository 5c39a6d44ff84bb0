"""Packets into one container file: pictures with exact times, sound beside them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
from av import Packet, VideoStream

from facegen.errors import MediaError
from facegen.media.audio import AudioFeed, has_sound

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_FINEST = 90_000
_PLAIN_TAGS = {"title", "artist", "comment", "copyright", "date", "description", "genre", "album"}


def container_of(path: Path) -> str:
    """libav's name of the container a suffix stands for.

    Raises:
        MediaError: no video suffix.
    """
    kind = CONTAINERS.get(path.suffix.lower())
    if kind is None:
        raise MediaError(
            f"cannot write {path} as a video: use {', '.join(CONTAINERS)}, or a folder"
        )
    return kind


def tick(fps: Fraction) -> Fraction:
    """Time base, seconds: at least 1/90000 fine, and a frame of ``fps`` is a whole number of it."""
    return Fraction(1, fps.numerator * -(-_FINEST // fps.numerator))


class Muxer:
    """One output file being filled. Time 0 is the first picture."""

    def __init__(self, path: Path, kind: str, fps: Fraction, metadata: Mapping[str, str]) -> None:
        self.tick = tick(fps)
        self._frame_ticks = round(1 / fps / self.tick)
        self._end = Fraction(0)
        self._audio: AudioFeed | None = None
        self._kind = kind
        options = {}
        if kind in ("mp4", "mov"):
            # Tags beyond the classic few need the newer key table.
            extra = "" if set(metadata) <= _PLAIN_TAGS else "+use_metadata_tags"
            options["movflags"] = "+faststart" + extra
        else:
            options["fflags"] = "+bitexact"  # no random identifiers: same input, same file
        self.output = av.open(f"file:{path}", "w", format=kind, options=options)
        self.output.metadata.update(metadata)
        self._video: VideoStream | None = None

    def set_video(self, stream: VideoStream) -> None:
        """Name the picture stream, already added to ``output``."""
        stream.time_base = self.tick
        self._video = stream

    def add_audio(self, source: Path | None, origin: Fraction) -> None:
        """Carry the sound of ``source`` along, from ``origin`` seconds of it; silent files: none.

        Raises:
            MediaError: the source cannot be read.
        """
        if source is not None and has_sound(source):
            self._audio = AudioFeed(source, self.output, self._kind, origin)

    @property
    def audio_copied(self) -> bool | None:
        """The sound is the source's own packets (False: re-encoded, None: there is none)."""
        return None if self._audio is None else self._audio.copied

    def mux(self, packet: Packet, pts: int) -> None:
        """Write one picture shown at ``pts`` ticks, and the sound up to it."""
        packet.stream = self._video
        packet.time_base = self.tick
        packet.pts = packet.dts = pts
        packet.duration = self._frame_ticks
        self._end = (pts + self._frame_ticks) * self.tick
        self.output.mux_one(packet)
        if self._audio is not None:
            self._audio.feed(self._end)

    def close(self) -> None:
        """Finish the file."""
        try:
            self.output.close()
        finally:
            if self._audio is not None:
                self._audio.close()
