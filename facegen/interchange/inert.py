"""Files of other programs as plain arrays; nothing in them is run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from facegen.errors import ModelFileError
from facegen.flame.archive import read_npy, read_npz
from facegen.flame.unpickle import read_tree

TORCH = (".pt", ".pth", ".frame", ".tar", ".ckpt")
SUFFIXES = (".npz", ".npy", ".pkl", ".pickle", ".mat", ".csv", *TORCH)
_MAX_FILE = 1 << 30


def read_arrays(path: Path) -> Any:
    """What a file holds: arrays, numbers and text in dictionaries and lists.

    Kinds are told by their first bytes: numpy, torch, pickle, MATLAB 5.

    Raises:
        ModelFileError: missing, too large, damaged, or none of these.
    """
    try:
        if path.stat().st_size > _MAX_FILE:
            raise ModelFileError(f"{path} is larger than any motion; give a motion file")
        with path.open("rb") as stream:
            start = stream.read(8)
        if start[:2] == b"PK":
            return _archive(path)
        if start[:6] == b"\x93NUMPY":
            return read_npy(path)
        if start[:6] == b"MATLAB":
            from scipy.io import loadmat

            return {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
        if path.suffix.lower() in TORCH:
            return _torch(path)
        if start[:1] == b"\x80" or path.suffix.lower() in (".pkl", ".pickle"):
            return read_tree(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ModelFileError(f"no motion file at {path}") from None
    except ModelFileError:
        raise
    except Exception as error:  # each library raises its own kinds for damaged files
        raise ModelFileError(f"{path} cannot be read ({error})") from error
    raise ModelFileError(f"{path} is not a file of arrays; give .npz, .npy, .pt, .pkl or .mat")


def _archive(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        torch_made = any(name.endswith("/data.pkl") for name in archive.namelist())
    if torch_made:
        return _torch(path)
    return read_npz(path)


def _torch(path: Path) -> Any:
    from facegen.networks.statedict import read_weights

    return _as_numpy(read_weights(path))


def _as_numpy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_numpy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_numpy(item) for item in value]
    return value.detach().float().numpy() if hasattr(value, "detach") else value
