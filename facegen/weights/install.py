"""Weights into the user's folder: downloaded from the hub, or imported from files.

Beside them lies ``asset.json`` with the hash of every file: pinned hashes are compared at the first
arrival, unpinned ones recorded then and compared whenever the asset is looked at again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from facegen.assets import user_folder
from facegen.errors import ModelFileError, UsageError
from facegen.media.atomic import atomic_path, file_sha256, remove
from facegen.reading import read_json
from facegen.weights.fetch import fetch
from facegen.weights.table import HUB, File, Weights, weights

RECORD = "asset.json"
UNPINNED = "not pinned: compare its sha256 with the publisher's"
_TORCH = (".tar", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Arrival:
    """A file that arrived: ``path``, ``sha256``, and whether the table pins it."""

    path: Path
    sha256: str
    pinned: bool


def download(name: str, *, host: str = HUB, folder: Path | None = None) -> list[Arrival]:
    """Fetch an asset's files; those that are there and unchanged are left alone.

    Args:
        host: of the hub. folder: of all assets, by default the user's.

    Raises:
        UsageError: no such asset. ModelFileError: it has no public download, or a file fails.
    """
    row = weights(name)
    if row.hub is None:
        raise ModelFileError(
            f"{name} has no public download: get {row.files[0].path} from {row.page} under its "
            f"licence, then: facegen assets import FILE --as {name}"
        )
    home = (folder or user_folder()) / name
    known = recorded(home)
    out = []
    for file in row.files:
        target = home / file.path
        digest = known.get(file.path)
        if not (target.is_file() and digest and file_sha256(target) == digest):
            url = f"{host}/{row.hub}/resolve/main/{file.path}"
            digest = fetch(url, target, sha256=file.sha256 or digest, size=file.size)
            known[file.path] = digest
            _record(home, row, known)
        out.append(Arrival(target, digest, file.sha256 is not None))
    return out


def recorded(home: Path) -> dict[str, str]:
    """Hashes by path of an asset's folder, empty where none were recorded."""
    try:
        content = read_json(home / RECORD)
        return {str(k): str(v) for k, v in content["sha256"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _record(home: Path, row: Weights, hashes: dict[str, str]) -> None:
    content = {"name": row.name, "source": row.source, "licence": row.licence, "sha256": hashes}
    with atomic_path(home / RECORD) as part:
        part.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")


def import_weights(path: Path | str, name: str | None = None) -> list[Arrival]:
    """Copy weights that the user downloaded, after a look whether they are what they should be.

    Args:
        path: DECA's, EMOCA's or SMIRK's file, or a folder in the layout of an asset.
        name: which asset; told by the content if None.

    Raises:
        ModelFileError: not that asset, or a folder that cannot be written.
    """
    path = Path(path)
    if not path.exists():
        raise ModelFileError(f"nothing at {path}")
    row = weights(name or recognise(path))
    files = row.files
    if path.is_dir():
        base = _base(path, row)
    else:
        if len(files) != 1:
            raise UsageError(f"{row.name} has {len(files)} files; give their folder")
        base = path.parent
        files = (File(path.name, files[0].sha256, files[0].size),)
    _check(row, base, path)
    home, staged = user_folder() / row.name, user_folder() / f".{row.name}.part"
    remove(staged)
    try:
        out = [_copy(base / file.path, staged / file.path, file, path) for file in files]
        _record(staged, row, {a.path.relative_to(staged).as_posix(): a.sha256 for a in out})
        remove(home)
        staged.replace(home)
    except OSError as error:
        raise ModelFileError(
            f"cannot write {home} ({error.strerror}); set FACEGEN_HOME to a folder of yours"
        ) from error
    finally:
        remove(staged)
    return [Arrival(home / a.path.relative_to(staged), a.sha256, a.pinned) for a in out]


def _copy(source: Path, target: Path, file: File, origin: Path) -> Arrival:
    digest = file_sha256(source)
    if file.sha256 and digest != file.sha256:
        raise ModelFileError(
            f"{origin}: {file.path} has sha256 {digest[:12]}..., the published one "
            f"{file.sha256[:12]}...; download it again"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return Arrival(target, digest, file.sha256 is not None)


def _base(folder: Path, row: Weights) -> Path:
    """The folder that the table's paths start from: the given one, or one with fewer steps.

    Raises:
        ModelFileError: files are missing.
    """
    if all((folder / file.path).is_file() for file in row.files):
        return folder
    if all((folder.parent / file.path).is_file() for file in row.files):
        return folder.parent
    missing = [f.path for f in row.files if not (folder / f.path).is_file()]
    raise ModelFileError(
        f"{folder} is not {row.title}: no {', '.join(missing[:3])}"
        + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    )


def recognise(path: Path) -> str:
    """Which asset a file or folder is.

    Raises:
        ModelFileError: none of the known ones.
    """
    if path.is_dir():
        return _folder_name(path)
    if path.suffix.lower() in _TORCH:
        from facegen.networks.statedict import read_weights

        data = read_weights(path)
        keys = set(data) | set(data.get("state_dict", {}))
        for name, begins in _SIGNS.items():
            if any(str(key).startswith(begins) for key in keys):
                return name
    raise ModelFileError(f"{path} is no weight file that is known here; say which with --as NAME")


# The first that fits: EMOCA's file holds DECA's network too.
_SIGNS = {
    "emoca": ("deca.E_expression", "E_expression"),
    "deca": ("E_flame", "deca.E_flame"),
    "smirk": ("smirk_encoder", "expression_encoder"),
}


def _folder_name(path: Path) -> str:
    names = {p.name for p in (*path.iterdir(), *path.glob("ckpts/*"), *path.glob("champ/*"))}
    if "guidance_encoder_render.pth" in names:
        return "magicportrait"
    if "guidance_encoder_dwpose.pth" in names:
        return "champ"
    if {"unet", "text_encoder", "tokenizer"} <= names:
        return "sd15"
    if "config.json" in names and _config(path / "config.json").get("_class_name") == (
        "AutoencoderKL"
    ):
        return "sd-vae-ft-mse"
    raise ModelFileError(f"{path} is no folder of weights that is known; say which with --as NAME")


def _config(path: Path) -> dict:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} is not a configuration ({error})") from error
    return content


def _check(row: Weights, base: Path, path: Path) -> None:
    check = _CHECKS.get(row.name)
    if check is not None:
        check(base, path)


def _check_regressor(name: str) -> Callable[[Path, Path], None]:
    def check(base: Path, path: Path) -> None:
        from facegen.trackers.weights import open_regressor

        file = path if path.is_file() else base / weights(name).files[0].path
        open_regressor(name, file)

    return check


def _check_values(file: str, expected: dict[str, object]) -> Callable[[Path, Path], None]:
    def check(base: Path, path: Path) -> None:
        config = _config(base / file)
        wrong = [f"{k} {config.get(k)!r}" for k, v in expected.items() if config.get(k) != v]
        if wrong:
            raise ModelFileError(f"{path}: {file} has {', '.join(wrong)}; another model")

    return check


_CHECKS: dict[str, Callable[[Path, Path], None]] = {
    **{name: _check_regressor(name) for name in ("deca", "emoca", "smirk")},
    "sd15": _check_values(
        "unet/config.json", {"cross_attention_dim": 768, "in_channels": 4, "out_channels": 4}
    ),
    "sd-vae-ft-mse": _check_values(
        "config.json", {"_class_name": "AutoencoderKL", "latent_channels": 4}
    ),
}


def changed(home: Path, row: Weights) -> Iterable[str]:
    """Files of an asset whose bytes are no longer what was recorded."""
    for path, digest in recorded(home).items():
        file = home / path
        if not file.is_file() or file_sha256(file) != digest:
            yield path
