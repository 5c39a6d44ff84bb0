"""Pictures from any source, and the faces in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.evaluation.geometry import IBUG68
from facegen.faces.crowd import CrowdTracker
from facegen.media import is_still, read_image, read_video
from facegen.media.stills import find_sequence

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of a source.

    Attributes:
        name: its file. index: frame number in the file, or place among the pictures.
        time: seconds, 0 for stills. rgb: ``(H, W, 3)`` uint8.
        moving: a frame of a video: its faces are followed.
        exact_time: as a fraction, for writing videos.
    """

    name: str
    index: int
    time: float
    rgb: Rgb
    moving: bool = False
    exact_time: Fraction = Fraction(0)


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face in a picture.

    Attributes:
        face_id: stable through a video; from the left in a still picture.
        points: landmarks ``(478, 3)`` pixels, None where the whole picture is the face.
        score: detector's, 0..1. restarted: it was found anew in this picture.
    """

    face_id: int
    points: NDArray[np.float32] | None
    score: float = 1.0
    restarted: bool = False

    def landmarks68(self) -> NDArray[np.float32]:
        """``(68, 2)`` iBUG landmarks, pixels."""
        assert self.points is not None
        return self.points[list(IBUG68), :2]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture and its faces."""

    picture: Picture
    faces: tuple[SeenFace, ...]


def pictures_of(source: Any, *, skip: int = 0) -> Iterator[Picture]:
    """Pictures of a video, picture file, folder of pictures, list of these, or arrays.

    Args:
        skip: pictures of one path that are left out at its begin.

    Raises:
        MediaError: a file cannot be read. UsageError: not such a source.
    """
    if isinstance(source, str | Path):
        yield from _of_path(Path(source), skip)
        return
    if isinstance(source, np.ndarray):
        source = source[None] if source.ndim == 3 else source
    count = 0
    try:
        items = iter(source)
    except TypeError:
        raise UsageError(f"no pictures: {type(source).__name__}") from None
    for item in items:
        if isinstance(item, str | Path):
            for picture in _of_path(Path(item)):
                yield picture if picture.moving else replace(picture, index=count)
                count += not picture.moving
            continue
        if not isinstance(item, np.ndarray) or item.ndim != 3 or item.shape[2] != 3:
            raise UsageError("a picture must be a path or an array (H, W, 3) of uint8")
        yield Picture("", count, 0.0, np.asarray(item, np.uint8))
        count += 1


def _of_path(path: Path, skip: int = 0) -> Iterator[Picture]:
    if path.is_dir():
        sequence = find_sequence(path)
        for index, file in list(enumerate(sequence.files if sequence else ()))[skip:]:
            yield Picture(str(file), index, 0.0, read_image(file).rgb)
    elif is_still(path):
        if not skip:
            yield Picture(str(path), 0, 0.0, read_image(path).rgb)
    else:
        for frame in read_video(path, skip=skip):
            yield Picture(str(path), frame.index, frame.time, frame.rgb, True, frame.exact_time)


def look(
    pictures: Iterable[Picture],
    *,
    most: int = 8,
    known: Iterable[tuple[int, float, float, float]] = (),
) -> Iterator[Seen]:
    """Find the faces; those of a video are followed with stable numbers.

    Args:
        most: faces followed at once, the largest first.
        known: number, centre and size of the faces of the same video seen before these pictures.
    """
    crowd: CrowdTracker | None = None
    name = None
    try:
        for picture in pictures:
            if crowd is None:
                crowd = CrowdTracker(most=most)
            if not picture.moving:
                found = crowd.photo(picture.rgb)
            else:
                if picture.name != name:
                    crowd.forget(known if name is None else ())
                found = crowd(picture.rgb)
            name = picture.name
            faces = (SeenFace(f.face_id, f.points, f.score, f.restarted) for f in found)
            yield Seen(picture, tuple(faces))
    finally:
        if crowd is not None:
            crowd.close()
