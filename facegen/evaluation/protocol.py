"""Which clips are compared how: split files with hashes, and the frames that count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facegen.errors import UsageError
from facegen.media import file_sha256

RUN = 11
FORMAT = 1
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".gif")


@dataclass(frozen=True)
class Task:
    """One clip: an early frame is the reference, the frames after it are the truth.

    Attributes:
        name: of the clip. drive: video file. reference_frame: number of the early frame.
        sha256: of the video.
    """

    name: str
    drive: Path
    reference_frame: int = 5
    sha256: str = ""


def folder_tasks(folder: Path, reference_frame: int = 5) -> list[Task]:
    """Every video of a folder, by name.

    Raises:
        UsageError: no folder, or no video in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of clips")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"{folder} holds no video ({', '.join(SUFFIXES)})")
    return [Task(p.stem, p, reference_frame, file_sha256(p)) for p in files]


def write_split(tasks: list[Task], path: Path) -> None:
    """Write a split as YAML; videos are named relative to its folder."""
    import yaml

    clips = [
        {
            "name": t.name,
            "video": t.drive.name,
            "reference_frame": t.reference_frame,
            "sha256": t.sha256,
        }
        for t in tasks
    ]
    split = {"format": FORMAT, "protocol": "self", "clips": clips}
    path.write_text(yaml.safe_dump(split, sort_keys=False), encoding="utf-8")


def read_split(path: Path, folder: Path | None = None) -> list[Task]:
    """Read a split and check every video's hash.

    Raises:
        UsageError: not a split, or a video is absent or another one than the split means.
    """
    import yaml

    folder = folder or path.parent
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT or data["protocol"] != "self":
            raise UsageError(f"{path}: only format {FORMAT}, protocol self can be read")
        tasks = [
            Task(str(c["name"]), folder / c["video"], int(c["reference_frame"]), c["sha256"])
            for c in data["clips"]
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a split file ({error})") from error
    for task in tasks:
        if not task.drive.is_file() or file_sha256(task.drive) != task.sha256:
            raise UsageError(f"{task.drive} is absent or not the file the split {path} names")
    return tasks


def choose_frames(first: int, count: int, most: int | None) -> list[list[int]]:
    """Runs of successive frame numbers in ``first .. count - 1``.

    All in one run; with a limit, runs of 11 spread evenly, so that metrics over time still see
    uninterrupted motion.
    """
    available = count - first
    if available <= 0:
        return []
    if most is None or available <= most:
        return [list(range(first, count))]
    length = min(RUN, most)
    number = max(1, most // length)
    room = available - length
    starts = [first + (room * k // max(number - 1, 1)) for k in range(number)]
    return [list(range(s, s + length)) for s in starts]
