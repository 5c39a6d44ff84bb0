"""``emotieff``: EmotiEffLib's networks (Savchenko 2022, hsemotion) from their ONNX files.

AffectNet-trained; the code is Apache-2.0, the data are licensed for research. Their classes stand
in alphabetical order, and ``_mtl`` networks append valence and arousal. The ``.pt`` files are
pickled programs and are not opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facegen._optional import require
from facegen.errors import ModelFileError, UsageError
from facegen.media import file_sha256
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec, Role

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MARGIN = 1.1
_SPACES = {7: "emotieff7", 8: "emotieff8"}
_FIX = "give the .onnx file of EmotiEffLib: emotieff:PATH/enet_b0_8_best_vgaf.onnx"


class EmotiEff(FaceRecognizer):
    """Input: RGB with ImageNet's colours. No gradients: onnxruntime runs it."""

    def __init__(self, spec: RecognizerSpec, session: Any) -> None:
        super().__init__(spec)
        self._session = session
        self._input = session.get_inputs()[0].name

    def forward(self, x: Tensor) -> RecognizerOutput:
        pictures = x.detach().cpu().numpy().astype(np.float32)
        rows = [self._session.run(None, {self._input: one[None]})[0][0] for one in pictures]
        told = torch.from_numpy(np.stack(rows))
        space = self.spec.label_space
        assert space is not None
        count = len(space)
        affect = told[:, count:].clamp(-1, 1) if self.spec.valence_arousal else None
        return RecognizerOutput(logits=told[:, :count], valence_arousal=affect)


def open_emotieff(path: Path | None = None) -> EmotiEff:
    """The network in a file, or the only one in a folder.

    Raises:
        UsageError: no file given. MissingExtraError: onnxruntime is missing.
        ModelFileError: none or several there, a ``.pt``, or another network.
    """
    if path is None:
        raise UsageError(_FIX)
    files = [path] if path.is_file() else sorted(path.glob("*.onnx"))
    if len(files) != 1:
        raise ModelFileError(f"{len(files)} .onnx files in {path}; {_FIX}")
    file = files[0]
    if file.suffix != ".onnx":
        raise ModelFileError(f"{file} is a pickled program and is not opened; {_FIX}")
    runtime = require("onnxruntime", "judges")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelFileError(f"{file} is not an ONNX network ({error})") from error
    size, outputs = _shapes(file, session)
    affect = outputs - 2 in _SPACES and (outputs not in _SPACES or "mtl" in file.name)
    spec = RecognizerSpec(
        name="emotieff",
        version=file.stem,
        crop=CropSpec(size, "box", _MARGIN, "rgb", _MEAN, _STD),
        weights_sha256=file_sha256(file),
        weights_licence="Apache-2.0 (trained on data licensed for research)",
        trained_on=("VGGFace2", "AffectNet"),
        labels=_SPACES[outputs - 2 if affect else outputs],
        valence_arousal=affect,
        differentiable=False,
        roles=frozenset(set(Role) - {Role.GUIDE, Role.STUDENT}),
        source="github.com/sb-ai-lab/EmotiEffLib; Savchenko 2022",
    )
    return EmotiEff(spec, session)


def _shapes(file: Path, session: Any) -> tuple[int, int]:
    """Side of the input and number of outputs."""
    takes, gives = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    size = takes[-1] if isinstance(takes[-1], int) else 260 if "_b2_" in file.name else 224
    outputs = gives[-1] if isinstance(gives[-1], int) else 0
    if len(takes) != 4 or takes[1] != 3 or outputs not in (7, 8, 9, 10):
        raise ModelFileError(f"{file} takes {takes} and gives {gives}: not an emotion network")
    return size, outputs
