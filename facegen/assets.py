"""Head models and weights on this machine: where they lie, what they are, under which licence.

A head ``NAME`` is the file ``NAME/head.npz`` of the first of these folders that has it: the one
that ``FACEGEN_CHECKPOINTS`` names, ``./checkpoints``, the user's folder, the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path

from numpy.linalg import LinAlgError
from platformdirs import user_data_path

from facegen import checkpoints
from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.flame.official import DOWNLOAD, read_official
from facegen.flame.official import LICENCES as FLAME_LICENCES
from facegen.weights.ledger import touch

HEAD_FILE = "head.npz"
# Another person of another topology is met within 0.2 mm, a cloud of random points within 2.
MAX_MISFIT_MM = 1.5
_FOLDERS = {"open": "open-head"}
_PACKAGED = Path(checkpoints.__file__).parent


@dataclass(frozen=True)
class Asset:
    """A file that a run can need.

    Attributes:
        name: what to ask for. kind: ``head``, ``weights`` or ``face models``.
        version: of the format or basis. licence: of the content.
        path: where it is, or where it would be. present: whether it is there.
    """

    name: str
    kind: str
    version: str
    licence: str
    path: Path
    present: bool


@dataclass(frozen=True)
class Licence:
    """Licence of one part that a run can touch, with a remark for those who redistribute."""

    name: str
    licence: str
    note: str = ""


def user_folder() -> Path:
    """The user's own assets: ``FACEGEN_HOME``, else the platform's data folder."""
    home = os.environ.get("FACEGEN_HOME")
    return Path(home) if home else user_data_path("facegen", appauthor=False)


def search_folders() -> Iterator[Path]:
    """Folders of assets, the first wins."""
    chosen = os.environ.get("FACEGEN_CHECKPOINTS")
    if chosen:
        yield Path(chosen)
    yield Path("checkpoints")
    yield user_folder()
    yield _PACKAGED


def find_head(name: str) -> Path | None:
    """File of a head by name, or None."""
    for folder in search_folders():
        path = folder / _FOLDERS.get(name, name) / HEAD_FILE
        if path.is_file():
            return path.resolve()
    return None


def find_weights(name: str) -> Path | None:
    """An imported or downloaded asset by name (see ``facegen assets list``): its file, or its
    folder where it has several; None where it is not here."""
    from facegen.weights.table import table

    for folder in search_folders():
        home = folder / name
        found = [p for p in home.glob("*") if p.is_file() and p.name != "asset.json"]
        row = table().get(name)
        if row is not None and len(row.files) > 1:
            if all((home / file.path).is_file() for file in row.files):
                return home.resolve()
        elif len(found) == 1:
            return found[0].resolve()
    return None


@lru_cache(maxsize=4)
def _load(path: Path, modified: int) -> HeadModel:
    return HeadModel.load(path)


def load_head(name_or_path: str | Path = "open") -> HeadModel:
    """A head model, read once per process.

    Args:
        name_or_path: ``open``, ``flame2020``, ``flame2023``, ``flame2023-open``, another name
            (see the module), or a ``.npz`` written by :meth:`HeadModel.save`.

    Raises:
        ModelFileError: no such head, or not a head model.
    """
    text = str(name_or_path)
    given = isinstance(name_or_path, Path) or Path(text).name != text or Path(text).suffix
    path = Path(text) if given else find_head(text)
    if path is None:
        fix = "convert your download with: facegen assets import FILE"
        if text == "open":
            fix = "the installation is damaged; install facegen again"
        raise ModelFileError(f"no head model {text!r} on this machine; {fix}")
    if not path.is_file():
        raise ModelFileError(f"no head model at {path}")
    head = _load(path.resolve(), path.stat().st_mtime_ns)
    touch(head.version, licence=head.licence)
    return head


def import_asset(path: Path | str, version: str | None = None) -> Path:
    """Convert an official FLAME file once, with the open head's landmarks carried over.

    Args:
        path: ``.pkl`` or ``.npz`` as downloaded; nothing in it is executed.
        version: ``flame2020``, ``flame2023`` or ``flame2023-open``; told by the name if None.

    Returns:
        The head in the user's folder; :func:`load_head` finds it by its version.

    Raises:
        ModelFileError: not a FLAME head, of unknown version, not shaped like a head, or a folder
            that cannot be written.
    """
    from facegen.flame.transfer import with_landmarks

    official = read_official(path, version)
    try:
        model, transfer = with_landmarks(official, load_head("open"))
    except LinAlgError as error:
        raise ModelFileError(f"{path} is not shaped like a head; {DOWNLOAD}") from error
    if transfer.median_mm > MAX_MISFIT_MM:
        raise ModelFileError(
            f"{path}: the open head cannot be laid onto it ({transfer.median_mm:.1f} mm off), "
            f"so its landmarks would be wrong; {DOWNLOAD}"
        )
    fit = f"landmarks carried from open-1, {transfer.median_mm:.2f} mm off the surface (median)"
    target = user_folder() / model.version / HEAD_FILE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(model, source=f"{model.source}; {fit}").save(target)
    except OSError as error:
        raise ModelFileError(
            f"cannot write {target} ({error.strerror}); set FACEGEN_HOME to a folder of yours"
        ) from error
    return target


def _heads() -> Iterator[Asset]:
    known = {"open": "CC0-1.0", **FLAME_LICENCES}
    for name, licence in known.items():
        path = find_head(name)
        version = "open-1" if name == "open" else name
        wanted = user_folder() / name / HEAD_FILE
        yield Asset(name, "head", version, licence, path or wanted, path is not None)
    found = {p.parent.name for folder in search_folders() for p in folder.glob(f"*/{HEAD_FILE}")}
    for name in sorted(found - known.keys() - set(_FOLDERS.values())):
        model = load_head(name)
        path = find_head(name)
        if path is not None:
            yield Asset(name, "head", model.version, model.licence, path, True)


def card_licence(folder: Path, stem: str = "") -> str:
    """``license:`` of a model card's front matter: ``stem.md`` where there is one, or README."""
    own = folder / f"{stem}.md"
    card = own if own.is_file() else folder / "README.md"
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    for line in lines:
        if line.startswith("license:"):
            return line.partition(":")[2].strip()
    return "unknown"


def _weights() -> Iterator[Asset]:
    """Weight files, and folders of several networks (``model_index.json``) as one."""
    from facegen.weights.table import table

    seen = set(table())
    for folder in search_folders():
        whole = [index.parent for index in folder.glob("*/model_index.json")]
        for path in sorted([*folder.glob("*/*.safetensors"), *whole]):
            home = path if path in whole else path.parent
            name = path.name if path in whole else f"{home.name}/{path.stem}"
            if name not in seen:
                seen.add(name)
                licence = card_licence(home, path.stem)
                yield Asset(name, "weights", "", licence, path.resolve(), True)


def list_assets() -> list[Asset]:
    """Everything a run can load: heads (present or not), weights, MediaPipe's face models."""
    spec = util.find_spec("mediapipe")
    where = Path(spec.origin).parent if spec and spec.origin else Path("mediapipe")
    version = _version("mediapipe") or ""
    faces = Asset("mediapipe", "face models", version, "Apache-2.0", where, bool(version))
    return [*_heads(), *_weights(), *_published(), faces]


def _published() -> Iterator[Asset]:
    """Rows of the table of published weights that are no heads."""
    from facegen.weights.table import table

    for row in table().values():
        if row.name not in FLAME_LICENCES:
            path = find_weights(row.name)
            wanted = user_folder() / row.name
            yield Asset(row.name, "published", "", row.licence, path or wanted, path is not None)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


# Name, licence and what else to know of the packages that facegen works with.
PACKAGES = (
    ("mediapipe", "Apache-2.0", "code and the face models in its wheel"),
    ("torch", "BSD-3-Clause", ""),
    ("diffusers", "Apache-2.0", ""),
    ("librosa", "ISC", "its soundfile carries libsndfile (LGPL)"),
    ("numpy", "BSD-3-Clause", ""),
    ("scipy", "BSD-3-Clause", ""),
    ("numba", "BSD-2-Clause", ""),
    ("pillow", "MIT-CMU", ""),
    ("safetensors", "Apache-2.0", ""),
    (
        "av",
        "BSD-3-Clause; FFmpeg inside the wheel",
        "FFmpeg is LGPL, with x264 and x265 in the wheel GPL: matters to those who redistribute "
        "the wheel, not to the videos made; H.264 and AAC may need patent licences",
    ),
    ("opencv-contrib-python", "Apache-2.0", "its wheel carries FFmpeg (LGPL) and Qt (LGPL)"),
    ("warp-lang", "Apache-2.0", "optional"),
    ("smplx", "non-commercial (MPI)", "only the tests import it, nothing in facegen does"),
)


def _embedded(path: Path) -> bool:
    return path.resolve().is_relative_to(_PACKAGED.resolve())


def licences() -> list[Licence]:
    """Licence of the code, of every asset that is present and of the packages in use."""
    out = [Licence("facegen", "Apache-2.0", "code")]
    for asset in list_assets():
        if asset.present and asset.kind != "face models":
            note = "embedded" if _embedded(asset.path) else "a file of yours"
            out.append(Licence(f"{asset.kind} {asset.name}", asset.licence, note))
    for package, licence, note in PACKAGES:
        version = _version(package)
        if version:
            out.append(Licence(f"{package} {version}", licence, note))
    return out
