"""From a prepared result to files: frames, sound, maps, motion and an overview, in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.flame.maps import ConditionMaps
from facegen.media import probe
from facegen.motion import Motion

_SHEET_FRAMES = 12
_SHEET_SIDE = 320


@dataclass(frozen=True)
class SaveOptions:
    """What is written besides the frames.

    Attributes:
        audio: file whose sound is used instead of the driver's. mute: no sound.
        resume: continue an interrupted run of the same job.
        workers: threads that paint.
        maps: folder for condition maps. motion: ``.motion.npz``. sheet: overview PNG.
    """

    audio: Path | None = None
    mute: bool = False
    resume: bool = False
    workers: int = 2
    maps: Path | None = None
    motion: Path | None = None
    sheet: Path | None = None


class Renderable(Protocol):
    """A result whose frames are painted on demand."""

    motion: Motion
    sound: Path | None

    def frames(self, start: int = 0, *, workers: int = 2) -> Iterator[NDArray[np.uint8]]:
        """Frames from number ``start`` on."""

    def maps(self, start: int = 0) -> Iterator[ConditionMaps]:
        """Condition maps from frame ``start`` on."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""


def sound_of(result: Renderable, options: SaveOptions) -> Path | None:
    """The file whose sound goes along, or None.

    Raises:
        MediaError: ``--audio`` names a file without sound.
    """
    if options.mute:
        return None
    if options.audio is not None:
        from facegen.media import has_sound

        if not has_sound(options.audio):
            raise MediaError(f"{options.audio} has no sound; give another file or --mute")
        return options.audio
    if result.sound is None or not result.sound.is_file() or result.sound.suffix == ".npz":
        return None
    return result.sound if probe(result.sound).has_audio else None
