"""Judges by the names of their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from facegen.errors import UsageError
from facegen.evaluation.emotion import EmotionJudge
from facegen.evaluation.expression import Estimator
from facegen.evaluation.identity import Embedder
from facegen.evaluation.judges import landmarker, minixception, mobileface, tddfa

LPIPS_FILES = ("lpips_alex.safetensors", "lpips_alex.pth")
# What each file judges, for people.
KNOWN = {
    mobileface.FILE: "identity, sets of faces",
    minixception.FILE: "emotion",
    tddfa.FILE: "head rotation, expression",
    landmarker.FILE: "expression, head rotation",
    **dict.fromkeys(LPIPS_FILES, "perceptual distance"),
}


@dataclass(frozen=True)
class Judges:
    """The networks of one run.

    Attributes:
        identity, emotion: None where there is none. estimators: of expression and rotation.
        lpips: files of the LPIPS network.
    """

    identity: Embedder | None = None
    emotion: EmotionJudge | None = None
    estimators: tuple[Estimator, ...] = ()
    lpips: tuple[Path, ...] = field(default=())


def load_judges(folder: Path) -> Judges:
    """Open every file of a folder whose name is known (``KNOWN``).

    Raises:
        UsageError: no folder, or none of the files in it.
        MissingExtraError: a package is missing. ModelFileError: a file is not what its name says.
    """
    if not any((folder / name).is_file() for name in KNOWN):
        raise UsageError(f"{folder} holds no judge; known files: {', '.join(KNOWN)}")

    def path(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    face, emotion = path(mobileface.FILE), path(minixception.FILE)
    blendshapes, pose = path(landmarker.FILE), path(tddfa.FILE)
    estimators: list[Estimator] = []
    if blendshapes is not None:
        estimators.append(landmarker.Landmarker(blendshapes))
    if pose is not None:
        estimators.append(tddfa.Tddfa(pose))
    weights = [folder / name for name in LPIPS_FILES if (folder / name).is_file()]
    return Judges(
        None if face is None else mobileface.MobileFace(face),
        None if emotion is None else minixception.MiniXception(emotion),
        tuple(estimators),
        tuple(weights[:1]),
    )
