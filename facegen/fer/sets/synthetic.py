"""Sets made by ``facegen synth``."""

from __future__ import annotations

from pathlib import Path

from facegen.fer.dataset import FerDataset, FerSample

LICENCE = "as its data card says"


def synthetic(folder: Path, curated: str | None = None) -> FerDataset:
    """Kept stills with soft labels, V/A, action units (0..5) and curves.

    A set that is still being made is read as far as it is.

    Args:
        curated: name of a list made by ``facegen curate``.

    Raises:
        ModelFileError: not a set.
    """
    from facegen.arkit import ARKIT
    from facegen.synthesis.dataset import SyntheticDataset

    made = SyntheticDataset(folder, keep=True, curated=curated, unfinished=True)
    samples = []
    for row in made.rows:
        if row.get("kind", "still") != "still":
            continue
        samples.append(
            FerSample(
                path=made.path / row["file"],
                params=made.path / "params" / f"{row['sample_id']}.npz",
                square=tuple(row["face_square"]),
                subject=row["identity_id"],
                split=row["split"],
                label=tuple(row["soft_label"]),
                affect=(row["target_valence"], row["target_arousal"]),
                aus={int(name[2:]): float(v) for name, v in row["target_au"].items()},
                blendshapes=tuple(float(row["blendshapes"][name]) for name in ARKIT),
            )
        )
    return FerDataset(folder.name, tuple(samples), LICENCE)
