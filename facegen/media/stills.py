"""Image files that stand for a video: one picture, a folder, or a ``%05d`` pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from facegen.errors import MediaError
from facegen.media.image import IMAGE_SUFFIXES, open_image

_PATTERN = re.compile(r"%0?\d*d")


@dataclass(frozen=True)
class ImageSequence:
    """Ordered image files; the size of the first holds for all."""

    files: tuple[Path, ...]
    width: int
    height: int


def is_pattern(path: Path | str) -> bool:
    """The name holds one frame number, as in ``%05d.png``."""
    return len(_PATTERN.findall(Path(path).name)) == 1


def is_still(path: Path | str) -> bool:
    """The path names one picture file (by its suffix), not a video, folder or pattern."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir() and not is_pattern(path)


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts ``frame2`` before ``frame10``."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", path.name)]


def find_sequence(path: Path | str) -> ImageSequence | None:
    """The images that ``path`` names, or None where it is an ordinary media file.

    Raises:
        MediaError: a folder without images, or a pattern that matches none.
    """
    path = Path(path)
    if path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
        files = sorted((p for p in found if not p.name.startswith(".")), key=natural_key)
    elif is_pattern(path) and not path.exists():
        before, after = _PATTERN.split(path.name)
        name = re.compile(re.escape(before) + r"\d+" + re.escape(after))
        folder = path.parent if path.parent.is_dir() else None
        files = sorted(
            (p for p in (folder.iterdir() if folder else ()) if name.fullmatch(p.name)),
            key=natural_key,
        )
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        files = [path]
    else:
        return None
    if not files:
        raise MediaError(f"no images in {path}; expected {', '.join(sorted(IMAGE_SUFFIXES))}")
    with open_image(files[0]) as first:
        swaps = first.getexif().get(0x0112, 1) >= 5
        width, height = first.size[::-1] if swaps else first.size
    return ImageSequence(tuple(files), width, height)
