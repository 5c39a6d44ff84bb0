"""Writes a motion for another program; the target's name says which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facegen.errors import UsageError
from facegen.flame.model import HeadModel
from facegen.interchange.read import converted
from facegen.media.atomic import check_folder, check_target
from facegen.motion import Motion

MESHES = ("obj", "ply")
KINDS = ("motion", "smplx", "csv", "glb", "usd", "camera", *MESHES)
_BY_SUFFIX = {
    ".glb": "glb", ".csv": "csv", ".usd": "usd", ".usda": "usd", ".usdc": "usd", ".json": "camera",
    ".npz": "smplx",
}  # fmt: skip


def kind_of(target: Path | str) -> str:
    """What a target's name asks for: one of ``KINDS``; a folder is told by its own name.

    Raises:
        UsageError: it does not say.
    """
    path = Path(target)
    if path.name.endswith(".motion.npz"):
        return "motion"
    if path.name.lower() in MESHES or path.suffix.lower().lstrip(".") in MESHES:
        return path.name.lower() if path.name.lower() in MESHES else path.suffix.lower()[1:]
    try:
        return _BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"-o {target}: give .glb, .csv, .usd, .json (camera), .npz (smplx), .motion.npz, or a "
            f"folder with --format {' or '.join(MESHES)}"
        ) from None


def export_motion(
    motion: Motion, target: Path | str, *, head: HeadModel | None = None, kind: str | None = None
) -> Path:
    """Write ``motion`` into ``target``.

    Args:
        target: a file, or a folder for meshes of every frame.
        head: carry the motion over to this one first; by default its own, and the open head for a
            table of ARKit's curves.
        kind: one of ``KINDS``; told by the name if None.

    Raises:
        UsageError: an unknown kind. ModelFileError: the head is not here, or an empty motion.
        MissingExtraError: USD without usd-core. MediaError: the file cannot be written.
    """
    kind = kind or kind_of(target)
    if kind not in KINDS:
        raise UsageError(f"--format {kind}: choose from {', '.join(KINDS)}")
    check = check_folder if kind in MESHES else check_target
    check(Path(target))
    from facegen.assets import load_head

    if kind == "csv" and head is None:
        head = load_head("open")
    if head is not None and motion.basis != head.version:
        motion = converted(motion, head)
    target = Path(target)
    if kind == "motion":
        motion.save(target)
        return target
    if kind in _PLAIN:
        return _plain(kind)(target, motion)
    from facegen.transfer.basis import for_head

    head = head or load_head("open" if motion.basis == "open-1" else motion.basis)
    return _posed(kind)(target, head, for_head(motion, head))


_PLAIN = ("smplx", "camera")


def _plain(kind: str) -> Callable[[Path, Motion], Path]:
    """Writers that need no head."""
    from facegen.interchange.camera_file import write_camera
    from facegen.interchange.smplx import write_smplx

    return write_smplx if kind == "smplx" else write_camera


def _posed(kind: str) -> Callable[[Path, HeadModel, Motion], Path]:
    """Writers that pose the head."""
    from facegen.export import write_glb
    from facegen.interchange.meshes import write_meshes
    from facegen.interchange.usd import write_usd
    from facegen.livelink import write_livelink

    if kind in MESHES:
        return lambda path, head, motion: write_meshes(path, head, motion, kind)  # type: ignore[arg-type]
    writers: dict[str, Callable[[Path, HeadModel, Motion], Path]] = {
        "glb": write_glb,
        "usd": write_usd,
        "csv": lambda path, head, motion: write_livelink(path, motion, head),
    }
    return writers[kind]
