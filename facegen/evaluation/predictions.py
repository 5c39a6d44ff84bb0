"""Other tools' videos as a method, matched to the clips by name and to their frames by time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from facegen.errors import FacegenError, UsageError
from facegen.evaluation.baselines import Driving, Playback
from facegen.evaluation.footage import Footage, count_frames
from facegen.evaluation.metric import Image
from facegen.evaluation.protocol import SUFFIXES, Task, by_stem
from facegen.evaluation.roles import Origin
from facegen.media import Frame, VideoReader, read_video

RESERVED = ("all", "truth", "copy", "similarity", "warp", "energy", "talk")
# Frame rates closer than this are one rate (30 and 29.97 are, 25 and 24 are not).
_SAME_RATE = 0.002
_SAME_ASPECT = 0.02


def named_folders(entries: Iterable[str], flag: str) -> dict[str, Path]:
    """``name=folder`` or ``folder`` (its own name is taken) by name.

    Raises:
        UsageError: a name is taken.
    """
    found: dict[str, Path] = {}
    for entry in entries:
        name, mark, folder = entry.partition("=")
        path = Path(folder) if mark else Path(entry)
        name = name if mark else path.resolve().name
        if name in found or name in RESERVED or not name:
            raise UsageError(f"{flag} {entry}: the name {name!r} is taken; use other=FOLDER")
        found[name] = path
    return found


def parse_predictions(entries: Iterable[str]) -> list[Predictions]:
    """Methods of ``--pred`` entries, see :func:`named_folders`.

    Raises:
        UsageError: not a folder, without a video, or a name is taken.
    """
    return [Predictions(name, path) for name, path in named_folders(entries, "--pred").items()]


class Predictions:
    """A folder of videos (or folders of pictures), one per clip and of the clip's name.

    Frame 0 belongs to frame 0 of the clip. At the clip's frame rate frames are matched by number,
    at another by the nearest time stamp, and that is reported. The common part counts: frames of
    the clip without a prediction are counted as not delivered. Pictures of another size are
    scaled to the true one, and counted.

    Raises:
        UsageError: not a folder, or no video in it.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.files = by_stem(folder, SUFFIXES, folders=True)
        self.folder = folder
        self.origin = Origin(name)
        if not self.files:
            raise UsageError(f"{folder} holds no video ({', '.join(SUFFIXES)})")

    def file(self, clip: str) -> Path:
        """The prediction of a clip.

        Raises:
            UsageError: there is none.
        """
        if clip not in self.files:
            raise UsageError(f"no prediction of that name in {self.folder}")
        return self.files[clip]

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        file = self.file(footage.name)
        reader = read_video(file, fps=footage.fps) if file.is_dir() else read_video(file)
        by_number = same_rate(reader.info.fps, footage.fps)
        problems = differences(reader, footage)
        return _Player(reader, footage.fps if by_number else None), problems


class Foreign(Protocol):
    """Files of another tool by clip."""

    origin: Origin
    folder: Path
    files: dict[str, Path]


def unmatched(
    predictions: Sequence[Foreign], tasks: Sequence[Task]
) -> Counter[tuple[str, str, str]]:
    """Predictions that belong to no clip, and what nobody can check about their makers.

    Raises:
        UsageError: a folder has no prediction for any clip.
    """
    clips, issues = {task.name for task in tasks}, Counter[tuple[str, str, str]]()
    for method in predictions:
        name = method.origin.name
        if not clips & set(method.files):
            raise UsageError(
                f"nothing in {method.folder} is named like a clip ({min(clips)}, ...); "
                "predictions are matched by name"
            )
        issues["all", name, "unknown origin: judges may not be independent of it"] += 1
        for stray in set(method.files) - clips:
            issues[stray, name, "a prediction without a clip of its name"] += 1
    return issues


def same_rate(a: Fraction, b: Fraction) -> bool:
    """Whether two frame rates mean the same."""
    return abs(a / b - 1) < _SAME_RATE


def differences(reader: VideoReader, footage: Footage) -> list[str]:
    """What a prediction has otherwise than its clip: rate, length, shape of the picture."""
    found = []
    info, fps = reader.info, footage.fps
    if not same_rate(info.fps, fps):
        found.append(f"{_rate(info.fps)} fps instead of {_rate(fps)}: compared by time stamp")
    clip, own = count_frames(read_video(footage.drive)), count_frames(reader)
    longer = round(float(own * fps / info.fps)) - clip
    # Two rates cannot end at the same moment to the frame.
    if abs(longer) > (not same_rate(info.fps, fps)):
        word = "longer" if longer > 0 else "shorter"
        found.append(f"{abs(longer)} frames {word} than the clip: the common part counts")
    height, width = footage.reference.image.shape[:2]
    if abs(info.width * height / (info.height * width) - 1) > _SAME_ASPECT:
        found.append(
            f"shape {info.width}x{info.height} instead of {width}x{height}: stretched to it"
        )
    return found


def _rate(fps: Fraction) -> str:
    return f"{float(fps):.4g}"


class _Player:
    """The prediction's frame for a moment, asked in order; holds two frames."""

    def __init__(self, reader: VideoReader, rate: Fraction | None) -> None:
        self._frames = iter(reader)
        self._rate = rate
        self._reach = 0.75 * float(1 / (rate or reader.info.fps))
        self._now = next(self._frames)
        self._next = self._following()

    def __call__(self, frame: Driving) -> Image | None:
        want = self._time(frame.index, frame.shot.time)
        while self._next is not None and self._away(self._next, want) <= self._away(
            self._now, want
        ):
            self._now, self._next = self._next, self._following()
        return self._now.rgb if self._away(self._now, want) <= self._reach else None

    def _following(self) -> Frame | None:
        """The next frame; where the file is damaged it ends, and what is missing is counted."""
        try:
            return next(self._frames, None)
        except FacegenError:
            return None

    def _time(self, index: int, seconds: float) -> float:
        return seconds if self._rate is None else float(index / self._rate)

    def _away(self, frame: Frame, time: float) -> float:
        return abs(self._time(frame.index, frame.time) - time)
