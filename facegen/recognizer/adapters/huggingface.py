"""Hugging Face image classifiers of facial expression: a folder in the hub's layout.

``config.json`` (``id2label``), safetensors weights, ``preprocessor_config.json`` for size and
colours, and the front matter of ``README.md`` for licence and data sets. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from facegen._optional import require
from facegen.errors import ModelFileError, UsageError
from facegen.evaluation.roles import UNKNOWN
from facegen.media import file_sha256
from facegen.reading import read_json
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.labels import label_space
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

# Most such networks learned from loose face boxes; a file of this name says otherwise.
CROP_FILE = "facegen_crop.json"
_MARGIN = 1.2
_PREPROCESSOR = "preprocessor_config.json"


class HuggingFaceRecognizer(FaceRecognizer):
    """Any image classifier of transformers; features are the mean of the last hidden state."""

    def __init__(self, spec: RecognizerSpec, model: Any) -> None:
        super().__init__(spec)
        self.model = model

    def forward(self, x: Tensor) -> RecognizerOutput:
        told = self.model(pixel_values=x, output_hidden_states=True)
        states = told.hidden_states
        last = None if not states else states[-1]
        features = {}
        if last is not None:  # (B, tokens, F) or (B, F, h, w)
            features = {"frame": last.mean(1) if last.ndim == 3 else last.flatten(2).mean(2)}
        return RecognizerOutput(logits=told.logits, features=features)


def open_huggingface(path: Path | None = None) -> HuggingFaceRecognizer:
    """The classifier in a folder.

    Raises:
        UsageError: no folder given. MissingExtraError: transformers is missing.
        ModelFileError: it lacks safetensors, is no image classifier, or its classes are no
            emotions.
    """
    if path is None:
        raise UsageError("give the folder of the classifier: huggingface:FOLDER")
    transformers = require("transformers", "recognize")
    config = _json(path / "config.json")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise ModelFileError(f"{path} holds no .safetensors; pickled weights are not opened")
    spec = _spec(path, config, weights)
    try:
        model = transformers.AutoModelForImageClassification.from_pretrained(
            path, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelFileError(f"{path} is not an image classifier ({reason})") from error
    return HuggingFaceRecognizer(spec, model.train(False))


def _json(path: Path) -> dict[str, Any]:
    try:
        given = read_json(path)
    except FileNotFoundError:
        raise ModelFileError(f"no {path.name} in {path.parent}") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read ({error})") from error
    return given


def _spec(path: Path, config: dict[str, Any], weights: list[Path]) -> RecognizerSpec:
    names = config.get("id2label") or {}
    classes = [str(names[key]) for key in sorted(names, key=int)]
    space = f"classes:{','.join(classes)}"
    try:
        label_space(space)
    except UsageError as error:
        raise ModelFileError(f"{path}: its classes are not emotions ({error})") from error
    card = _front_matter(path / "README.md")
    data = card.get("datasets") or [UNKNOWN]
    digest = hashlib.sha256("".join(file_sha256(file) for file in weights).encode())
    return RecognizerSpec(
        name=str(config.get("_name_or_path") or path.resolve().name),
        version=str(config.get("model_type", "")),
        crop=_crop(path),
        weights_sha256=file_sha256(weights[0]) if len(weights) == 1 else digest.hexdigest(),
        weights_licence=str(card.get("license", "unknown")),
        trained_on=tuple(map(str, data if isinstance(data, list) else [data])),
        labels=space,
        source="Hugging Face folder",
    )


def _crop(path: Path) -> CropSpec:
    """The crop that the folder states, or the preprocessor's size and colours on a face box."""
    if (path / CROP_FILE).is_file():
        return CropSpec.from_dict(_json(path / CROP_FILE))
    given = _json(path / _PREPROCESSOR) if (path / _PREPROCESSOR).is_file() else {}
    size = given.get("crop_size") if given.get("do_center_crop") else None
    size = size or given.get("size") or 224
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge") or 224
    mean = tuple(given.get("image_mean") or (0.5, 0.5, 0.5))
    std = tuple(given.get("image_std") or (0.5, 0.5, 0.5))
    return CropSpec(int(size), "box", _MARGIN, "rgb", mean, std)


def _front_matter(path: Path) -> dict[str, Any]:
    """The YAML between the first two lines of dashes of a model card; empty where there is none."""
    if not path.is_file():
        return {}
    parts = path.read_text(encoding="utf-8", errors="replace").split("---")
    if len(parts) < 3 or parts[0].strip():
        return {}
    try:
        found = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
