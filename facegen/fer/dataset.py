"""One shape for every labelled set: who is seen where, and what is known about the face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.errors import MediaError, UsageError
from facegen.recognizer.labels import KEYS

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class FerSample:
    """One picture or clip.

    Attributes:
        path: picture, video, or the table that holds the pixels.
        subject: who is seen, or "" where the set does not tell (then everybody is somebody else).
        split: ``train``, ``val`` or ``test``.
        label: shares of the canonical classes ``KEYS``, summing to 1; empty where unknown.
        affect: valence and arousal -1..1; NaN where unknown.
        aus: strength of action units 0..5 by number; units that are absent were not coded.
        blendshapes: 52 curves 0..1 by ``ARKIT``; empty where unknown.
        frames: pictures of a clip in order; empty for pictures and video files.
        square: middle x, y, side (pixels) and turn (degrees) of the square about the face mesh,
            eyes level, where the set tells it; else the face is looked for.
        params: arrays of the exact head that a made face was made with, or None.
        fold: of a set's own cross-validation, -1 where there is none.
    """

    path: Path
    subject: str = ""
    split: str = "train"
    label: tuple[float, ...] = ()
    affect: tuple[float, float] = (np.nan, np.nan)
    aus: dict[int, float] = field(default_factory=dict)
    blendshapes: tuple[float, ...] = ()
    frames: tuple[Path, ...] = ()
    square: tuple[float, float, float, float] | None = None
    params: Path | None = None
    fold: int = -1


@dataclass(frozen=True, eq=False)
class FerDataset:
    """Samples of one or several sets.

    Attributes:
        name: with version or variant. samples: N of them.
        licence: what may be done with the pictures, one line.
        pixels: gives the picture of a sample where it is no file of its own.
    """

    name: str
    samples: tuple[FerSample, ...]
    licence: str = "unknown"
    pixels: Callable[[FerSample], Picture] | None = None
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def image(self, index: int) -> Picture:
        """``(H, W, 3)`` RGB of a picture, or of the middle frame of a clip."""
        from facegen.media import read_image

        sample = self.samples[index]
        if self.pixels is not None:
            return self.pixels(sample)
        if sample.frames:
            return read_image(sample.frames[len(sample.frames) // 2]).rgb
        if is_video(sample.path):
            return self.clip(index, 1)[0]
        return read_image(sample.path).rgb

    def params(self, index: int) -> dict[str, NDArray[Any]] | None:
        """The exact head of a made face by name; None of others."""
        path = self.samples[index].params
        if path is None:
            return None
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def clip(self, index: int, count: int) -> list[Picture]:
        """``count`` pictures spread evenly over a clip; one picture is repeated.

        Raises:
            MediaError: a clip without frames.
        """
        from facegen.media import read_image

        sample = self.samples[index]
        if sample.frames:
            return [read_image(sample.frames[i]).rgb for i in spread(len(sample.frames), count)]
        if not is_video(sample.path):
            return [self.image(index)] * count
        return _video_frames(sample.path, count)

    @cached_property
    def labels(self) -> Array:
        """``(N, 8)`` shares of the canonical classes; rows without a label are NaN."""
        return _stack([s.label for s in self.samples], len(KEYS))

    @cached_property
    def targets(self) -> NDArray[np.int64]:
        """``(N,)`` likeliest canonical class, -1 without a label."""
        known = ~np.isnan(self.labels).any(1)
        return np.where(known, np.nan_to_num(self.labels).argmax(1), -1)

    @cached_property
    def affect(self) -> Array:
        """``(N, 2)`` valence and arousal; NaN where unknown."""
        return np.array([s.affect for s in self.samples], np.float64).reshape(-1, 2)

    @cached_property
    def blendshapes(self) -> Array:
        """``(N, 52)``; rows without them are NaN."""
        return _stack([s.blendshapes for s in self.samples], len(ARKIT))

    def action_units(self, numbers: Sequence[int]) -> Array:
        """``(N, A)`` strengths 0..5 of the units ``numbers``; NaN where not coded."""
        rows = [[s.aus.get(n, np.nan) for n in numbers] for s in self.samples]
        return np.array(rows, np.float64).reshape(len(self), len(numbers))

    @cached_property
    def subjects(self) -> NDArray[np.str_]:
        """``(N,)`` names that are unique across sets; an unnamed person counts for one sample."""
        sources = self.sources or (self.name,) * len(self)
        return np.array(
            [
                f"{source}/{s.subject or f'#{i}'}"
                for i, (source, s) in enumerate(zip(sources, self.samples, strict=True))
            ]
        )

    def take(self, indices: Iterable[int]) -> FerDataset:
        """Some samples, in that order."""
        chosen = [int(i) for i in indices]
        names = tuple(self.sources[i] for i in chosen) if self.sources else ()
        return replace(self, samples=tuple(self.samples[i] for i in chosen), sources=names)

    def split(self, name: str) -> FerDataset:
        """Samples of one split.

        Raises:
            UsageError: it has none.
        """
        chosen = [i for i, s in enumerate(self.samples) if s.split == name]
        if not chosen:
            have = ", ".join(sorted({s.split for s in self.samples}))
            raise UsageError(f"{self.name} has no split {name}; it has {have}")
        return self.take(chosen)

    def only(self, keys: Sequence[str]) -> FerDataset:
        """Samples whose likeliest class is one of ``keys``."""
        wanted = [KEYS.index(key) for key in keys]
        return self.take(np.nonzero(np.isin(self.targets, wanted))[0])

    def frame(self) -> pd.DataFrame:
        """The samples as a table: path, subject, split, fold, label and its shares, V/A, AUs."""
        from facegen._optional import require

        pandas = require("pandas", "recognize")
        names = [KEYS[t] if t >= 0 else "" for t in self.targets]
        rows: dict[str, Any] = {
            "path": [str(s.path) for s in self.samples],
            "subject": self.subjects,
            "split": [s.split for s in self.samples],
            "fold": [s.fold for s in self.samples],
            "label": names,
            **{key: self.labels[:, k] for k, key in enumerate(KEYS)},
            "valence": self.affect[:, 0],
            "arousal": self.affect[:, 1],
        }
        numbers = sorted({n for s in self.samples for n in s.aus})
        units = self.action_units(numbers)
        rows |= {f"AU{n:02d}": units[:, k] for k, n in enumerate(numbers)}
        return pandas.DataFrame(rows)


def one_label(key: str) -> tuple[float, ...]:
    """A certain label as shares of the canonical classes."""
    return tuple(float(key == name) for name in KEYS)


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return path.suffix.lower() in {".mp4", ".flv", ".avi", ".mov", ".mkv", ".webm", ".mpg"}


def spread(have: int, want: int) -> list[int]:
    """``want`` places spread evenly over ``have`` ones."""
    return [min(int((i + 0.5) * have / want), have - 1) for i in range(want)]


def _stack(rows: list[tuple[float, ...]], width: int) -> Array:
    out = np.full((len(rows), width), np.nan)
    for i, row in enumerate(rows):
        if row:
            out[i] = row
    return out


def _video_frames(path: Path, count: int) -> list[Picture]:
    """Two passes, so that memory holds the wanted frames only."""
    from facegen.media import VideoReader

    with VideoReader(path) as reader:
        total = sum(1 for _ in reader)
    if total == 0:
        raise MediaError(f"{path} has no frames; remove it from the set")
    wanted = spread(total, count)
    kept = {}
    with VideoReader(path) as reader:
        for number, frame in enumerate(reader):
            if number in wanted:
                kept[number] = frame.rgb
    return [kept[number] for number in wanted]
