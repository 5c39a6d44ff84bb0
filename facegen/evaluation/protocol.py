"""Which clips are compared how: split files with hashes, and the frames that count."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm
from pathlib import Path

from facegen.errors import UsageError
from facegen.media import atomic_path, file_sha256
from facegen.reading import inside, read_yaml

RUN = 11
FORMAT = 1
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".gif")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
PROTOCOLS = ("self", "cross", "talk")
SPLITS = Path(__file__).with_name("splits")


@dataclass(frozen=True)
class Task:
    """One clip and how it is used.

    Attributes:
        name: of the clip; predictions are matched by it. drive: video file.
        reference_frame: number of the frame that is the photo, where ``photo`` is None.
        sha256: of the video.
        photo: picture of the face to move, where it is not a frame of the clip.
        photo_sha256: of the picture.
        has_truth: False where ``photo`` shows somebody else than the video.
    """

    name: str
    drive: Path
    reference_frame: int = 5
    sha256: str = ""
    photo: Path | None = None
    photo_sha256: str = ""
    has_truth: bool = True


def by_stem(folder: Path, suffixes: tuple[str, ...], *, folders: bool = False) -> dict[str, Path]:
    """Files of a folder by their names without suffix; of two the first in order.

    Args:
        folders: whether folders count, too (of pictures).

    Raises:
        UsageError: no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes or (folders and path.is_dir()):
            found.setdefault(path.stem if path.is_file() else path.name, path)
    return found


def folder_tasks(folder: Path, reference_frame: int = 5, refs: Path | None = None) -> list[Task]:
    """Every video of a folder, by name.

    Args:
        refs: folder of reference pictures, matched by name; by default an early frame is it.

    Raises:
        UsageError: no folder, no video in it, or a clip has no picture among ``refs``.
    """
    files = sorted(p for p in _listed(folder) if p.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"{folder} holds no video ({', '.join(SUFFIXES)})")
    doubled = {p.stem for p in files if sum(q.stem == p.stem for q in files) > 1}
    if doubled:
        raise UsageError(f"{folder} holds two videos named {sorted(doubled)[0]}; rename one")
    tasks = [Task(p.stem, p, reference_frame, file_sha256(p)) for p in files]
    return tasks if refs is None else with_photos(tasks, refs)


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of clips")
    return list(folder.iterdir())


def with_photos(tasks: Sequence[Task], refs: Path) -> list[Task]:
    """The same clips with a picture of its own each as the photo.

    Raises:
        UsageError: a clip has no picture of its name.
    """
    pictures = by_stem(refs, PICTURES)
    absent = [task.name for task in tasks if task.name not in pictures]
    if absent:
        raise UsageError(f"{refs} holds no picture for {', '.join(absent[:5])}")
    return [
        Task(t.name, t.drive, 0, t.sha256, pictures[t.name], file_sha256(pictures[t.name]))
        for t in tasks
    ]


def make_pairs(photos: Path, clips: Path, count: int | None = None) -> list[Task]:
    """Cross-identity pairs: every photo and every clip about equally often, always the same.

    Args:
        photos, clips: folders. count: number of pairs, by default the larger number of files.

    Raises:
        UsageError: a folder is empty, or there are not that many pairs.
    """
    pictures = list(by_stem(photos, PICTURES).values())
    videos = list(by_stem(clips, SUFFIXES).values())
    if not pictures or not videos:
        raise UsageError(f"{photos if not pictures else clips} holds nothing to make pairs of")
    count = max(len(pictures), len(videos)) if count is None else count
    if not 1 <= count <= len(pictures) * len(videos):
        raise UsageError(f"there are 1 to {len(pictures) * len(videos)} pairs, not {count}")
    cells = _diagonals(len(pictures), len(videos))
    return [_pair(pictures[i], videos[j]) for i, j in cells[:count]]


def _diagonals(rows: int, columns: int) -> list[tuple[int, int]]:
    """All cells of a table, so that any beginning of the list uses rows and columns evenly."""
    lap = lcm(rows, columns)
    return [(k % rows, (k + k // lap) % columns) for k in range(rows * columns)]


def _pair(photo: Path, video: Path) -> Task:
    name = f"{photo.stem}__{video.stem}"
    return Task(name, video, 0, file_sha256(video), photo, file_sha256(photo), has_truth=False)


def write_split(tasks: Sequence[Task], path: Path, *, protocol: str = "self") -> None:
    """Write a split as YAML; files are named relative to the folder that holds them all."""
    import yaml

    root = common_folder(tasks)
    clips = []
    for t in tasks:
        clip: dict[str, object] = {"name": t.name, "video": _relative(t.drive, root)}
        if t.photo is None:
            clip["reference_frame"] = t.reference_frame
        else:
            clip |= {"photo": _relative(t.photo, root), "photo_sha256": t.photo_sha256}
        clips.append(clip | {"sha256": t.sha256})
    split = {"format": FORMAT, "protocol": protocol, "clips": clips}
    with atomic_path(path) as part:
        part.write_text(yaml.safe_dump(split, sort_keys=False), encoding="utf-8")


def common_folder(tasks: Sequence[Task]) -> Path:
    """The deepest folder that holds all files of a list of clips."""
    files = [p.resolve().parent for t in tasks for p in (t.drive, t.photo) if p is not None]
    return Path(os.path.commonpath(files))


def _relative(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root).as_posix()


def find_split(name: Path) -> Path:
    """A split file, or the shipped one of that name.

    Raises:
        UsageError: neither.
    """
    if name.suffix in (".yaml", ".yml"):
        return name
    shipped = SPLITS / f"{name.name}.yaml"
    if shipped.is_file() and len(name.parts) == 1:
        return shipped
    known = ", ".join(sorted(p.stem for p in SPLITS.glob("*.yaml")))
    raise UsageError(f"{name} is no folder, no split file and no shipped split ({known})")


def read_split(path: Path, folder: Path | None = None) -> tuple[str, list[Task]]:
    """Read a split and check every file's hash.

    Args:
        folder: where the files are; by default beside the split.

    Returns:
        The protocol's name and its clips.

    Raises:
        UsageError: not a split, or a file is absent or another one than the split means.
    """
    folder = folder or path.parent
    try:
        data = read_yaml(path)
        if data["format"] != FORMAT or data["protocol"] not in PROTOCOLS:
            raise UsageError(f"{path}: only format {FORMAT} of {', '.join(PROTOCOLS)} can be read")
        tasks = [_task(clip, folder, data["protocol"]) for clip in data["clips"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a split file ({error})") from error
    for task in tasks:
        for file, sha256 in ((task.drive, task.sha256), (task.photo, task.photo_sha256)):
            if file is not None and (not file.is_file() or file_sha256(file) != sha256):
                raise UsageError(f"{file} is absent or not the file the split {path} names")
    return data["protocol"], tasks


def _task(clip: dict, folder: Path, protocol: str) -> Task:
    inside(folder, clip["name"])  # sheets and reports are named after it
    video = inside(folder, clip["video"])
    if "photo" not in clip:
        frame = int(clip.get("reference_frame", 0))
        return Task(str(clip["name"]), video, frame, clip["sha256"])
    return Task(
        str(clip["name"]),
        video,
        0,
        clip["sha256"],
        inside(folder, clip["photo"]),
        clip["photo_sha256"],
        protocol != "cross",
    )


def read_clips(
    source: Path, data: Path | None = None, reference_frame: int = 5, refs: Path | None = None
) -> tuple[str, list[Task]]:
    """What a user names as clips: a folder, a split file, or a shipped split's name.

    Args:
        data: folder of a split's files. reference_frame: of the clips of a folder.
        refs: folder of photos, one per clip of its name.

    Returns:
        The protocol's name and its clips.

    Raises:
        UsageError: as :func:`folder_tasks`, :func:`find_split` and :func:`read_split`.
    """
    if source.is_dir():
        return "self", folder_tasks(source, reference_frame, refs)
    split = find_split(source)
    if split.parent == SPLITS and data is None:
        raise UsageError(f"{source} is a shipped split, which holds no data: give --data FOLDER")
    protocol, tasks = read_split(split, data)
    if protocol == "cross" and refs is not None:
        raise UsageError("a cross-identity split names its photos itself; leave --ref out")
    return protocol, tasks if refs is None else with_photos(tasks, refs)


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
