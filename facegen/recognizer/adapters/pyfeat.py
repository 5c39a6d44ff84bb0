"""``pyfeat``: py-feat's detector, where it and its weights are installed.

Its weights are for research only. py-feat fetches what it lacks by itself; here it is kept offline,
so that only what the user has fetched before is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facegen._optional import require
from facegen.errors import ModelFileError, UsageError
from facegen.evaluation.roles import UNKNOWN
from facegen.recognizer import columns as col
from facegen.recognizer.au_sets import au_set
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.frame import pd
from facegen.recognizer.labels import label_space
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec, Role
from facegen.recognizer.table_styles import from_pyfeat

# py-feat finds the face itself: the crop is wide, so that it can.
CROP = CropSpec(320, "box", 1.8)
# Some of its versions tell contempt too; all tell these seven.
_SPACE = label_space("pyfeat_v2")
_FETCH = "fetch them once with: python -c 'import feat; feat.Detectorv2()'"


class PyFeat(FaceRecognizer):
    """Emotions, 20 action units, valence and arousal; of several faces the surest.

    No gradients. A face that it misses is NaN.
    """

    def __init__(self, spec: RecognizerSpec, detector: Any) -> None:
        super().__init__(spec)
        self._detector = detector

    def forward(self, x: Tensor) -> RecognizerOutput:
        pictures = (x.detach().cpu() * 255).round().clamp(0, 255)
        given = self._detector.detect(
            pictures, data_type="tensor", batch_size=len(x), progress_bar=False
        )
        table = from_pyfeat(pd.DataFrame(given)).sort_values("face_score")
        best = table.groupby("frame").last().reindex(range(len(x)))

        def part(names: tuple[str, ...]) -> Tensor:
            return torch.tensor(best.reindex(columns=list(names)).to_numpy(np.float32))

        return RecognizerOutput(
            probs=part(_SPACE.keys),
            valence_arousal=part(col.AFFECT),
            au_logits=torch.special.logit(part(au_set("pyfeat20")), eps=1e-6),
        )


def open_pyfeat(path: Path | None = None) -> PyFeat:
    """The installed package's second detector.

    Raises:
        UsageError: a path was given. MissingExtraError: py-feat is not installed.
        ModelFileError: its weights are not on this machine.
    """
    if path is not None:
        raise UsageError("py-feat keeps its own weights: give pyfeat without a path")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    feat = require("feat", "recognize")
    try:
        detector = feat.Detectorv2(device="cpu")
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelFileError(f"py-feat's weights are not here ({reason}); {_FETCH}") from error
    spec = RecognizerSpec(
        name="pyfeat",
        version=str(getattr(feat, "__version__", "unknown")),
        crop=CROP,
        weights_licence="research only",
        trained_on=("AffectNet", "RAF-DB", "Aff-Wild2", "BP4D", "DISFA+", UNKNOWN),
        labels=_SPACE.name,
        aus="pyfeat20",
        valence_arousal=True,
        differentiable=False,
        roles=frozenset(set(Role) - {Role.GUIDE, Role.STUDENT}),
        source="pip install py-feat; Cheong et al. 2023",
    )
    return PyFeat(spec, detector)
