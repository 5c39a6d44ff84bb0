"""CREMA-D (Cao et al. 2014): acted clips with the crowd's votes for the face alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_of, need, table
from facegen.recognizer.labels import CANONICAL, label_space

LICENCE = "ODbL 1.0 and DbCL"
BROKEN = frozenset({"1076_MTI_NEU_XX", "1076_MTI_SAD_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD"})
FACE_ONLY = "2"
_LETTERS = {"A": "ANG", "D": "DIS", "F": "FEA", "H": "HAP", "N": "NEU", "S": "SAD"}
FOLDS = 5


def crema_d(folder: Path) -> FerDataset:
    """``VideoFlash/1001_DFA_ANG_XX.flv`` and ``processedResults/tabulatedVotes.csv``.

    What people saw, not what was acted: shares of the votes of those who saw the face without the
    voice. Without that table the acted label. Five folds by actor; everything is ``train``.

    Raises:
        MediaError: another layout.
    """
    videos = need(folder / "VideoFlash", "folder of videos")
    votes = _votes(folder / "processedResults" / "tabulatedVotes.csv")
    space = label_space("cremad6")
    files = [p for p in sorted(videos.glob("*.flv")) if p.stem not in BROKEN]
    actors = sorted({p.stem.split("_")[0] for p in files})
    samples = []
    for path in files:
        parts = path.stem.split("_")
        if len(parts) != 4:
            raise MediaError(
                f"{path.name} is no clip of CREMA-D: expected ACTOR_TEXT_EMOTION_LEVEL"
            )
        counts = np.array([votes[path.stem][name] for name in space.classes], np.float64)
        heard = tuple(map(float, space.map_to(CANONICAL, counts))) if counts.sum() else ()
        samples.append(
            FerSample(
                path=path,
                subject=parts[0],
                label=heard or label_of(parts[2], space),
                fold=actors.index(parts[0]) * FOLDS // len(actors),
            )
        )
    return FerDataset("CREMA-D", tuple(samples), LICENCE)


def _votes(file: Path) -> dict[str, Counter[str]]:
    """Votes of the face-only viewing by clip; the table numbers its viewings 1 to 3."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    if not file.is_file():
        return found
    columns = {letter: name for letter, name in _LETTERS.items()}
    for row in table(file, "fileName", *columns):
        # Row names carry the viewing in front of the clip's number: 2 is the face alone.
        if (row.get("") or row.get("rowname") or FACE_ONLY)[:1] != FACE_ONLY:
            continue
        for letter, name in columns.items():
            found[row["fileName"]][name] += int(float(row[letter] or 0))
    return found
