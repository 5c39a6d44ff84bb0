"""What curation works on: labelled faces of a made set or of any folder of classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.evaluation.crops import crop
from facegen.media import atomic_path, file_sha256
from facegen.progress import progress
from facegen.recognizer.crop import upright_square
from facegen.recognizer.sights import look, pictures_of
from facegen.synthesis.dataset import ABOUT, SyntheticDataset
from facegen.synthesis.judging import Panel, key_of, vote_table
from facegen.synthesis.labels import CLASSES, class_index
from facegen.synthesis.probe import SIDE, describe, folds, whitened
from facegen.synthesis.record import Row
from facegen.synthesis.rounds import Evidence

Array = NDArray[np.float64]
Face = tuple[NDArray[np.uint8], NDArray[np.floating] | None]

_FOLDS = 5
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True, eq=False)
class Labelled:
    """Faces with labels.

    Attributes:
        path: the folder. names, files, people: of N samples. target: ``(N, 8)`` soft labels.
        made: the set, where it is one of ours.
    """

    path: Path
    names: tuple[str, ...]
    files: tuple[Path, ...]
    people: tuple[str, ...]
    target: Array
    made: SyntheticDataset | None = None

    @classmethod
    def open(cls, path: Path) -> Labelled:
        """A synthetic set, or a folder with a folder of pictures for every class.

        Raises:
            UsageError: neither. ModelFileError: a damaged set.
        """
        if (path / ABOUT).is_file():
            made = SyntheticDataset(path)
            rows = [row for row in made.rows if row["kind"] == "still"]
            return cls(
                path,
                tuple(row["sample_id"] for row in rows),
                tuple(path / row["file"] for row in rows),
                tuple(row["identity_id"] for row in rows),
                np.array([row["soft_label"] for row in rows], float).reshape(-1, len(CLASSES)),
                made,
            )
        return cls._folder(path)

    @classmethod
    def _folder(cls, path: Path) -> Labelled:
        found = (
            [
                (file, class_index(folder.name))
                for folder in sorted(
                    p for p in path.iterdir() if p.is_dir() and p.name != "curated"
                )
                for file in sorted(folder.iterdir())
                if file.suffix.lower() in _PICTURES
            ]
            if path.is_dir()
            else []
        )
        if not found:
            raise UsageError(
                f"{path} is neither a synthetic set nor a folder of classes with pictures"
            )
        names = tuple(file.relative_to(path).with_suffix("").as_posix() for file, _ in found)
        target = np.eye(len(CLASSES))[[label for _, label in found]]
        return cls(path, names, tuple(file for file, _ in found), names, target)

    def faces(self) -> Iterator[Face]:
        """Picture and landmarks ``(478, 2+)`` of every sample; None where no face was found."""
        if self.made is not None:
            known = {row["sample_id"]: i for i, row in enumerate(self.made.rows)}
            for name in self.names:
                index = known[name]
                yield self.made.image(index), self.made.params(index)["landmarks478"]
            return
        for seen in look(pictures_of(list(self.files))):
            face = max(seen.faces, key=lambda f: np.ptp(f.points[:, 0]), default=None)  # type: ignore[index]
            yield seen.picture.rgb, None if face is None else face.points

    @property
    def fingerprint(self) -> str:
        """Of all pictures."""
        digest = hashlib.sha256()
        for name, file in zip(self.names, self.files, strict=True):
            digest.update(f"{name} {file_sha256(file)}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled faces, the votes on them, and what probes may learn from.

    Attributes:
        keys: names of the J judges. rows: N rows with their columns.
        features, mirrored: ``(N, F)`` gradients of the faces and their mirror images.
    """

    labelled: Labelled
    keys: tuple[str, ...]
    rows: tuple[Row, ...]
    features: NDArray[np.float32]
    mirrored: NDArray[np.float32]

    @classmethod
    def gather(cls, labelled: Labelled, panel: Panel) -> Material:
        """Look at every face once; what was seen is kept in ``curated/.seen`` for next time."""
        keys = tuple(key_of(judge) for judge in panel.judges)
        cache = _cache(labelled, panel)
        if cache.is_file():
            with np.load(cache, allow_pickle=False) as seen:
                rows = tuple(json.loads(str(text)) for text in seen["rows"])
                return cls(labelled, keys, rows, seen["features"], seen["mirrored"])
        found: list[Row] = []
        faces: list[NDArray[np.float32]] = []
        mirrors: list[NDArray[np.float32]] = []
        for rgb, points in progress(labelled.faces(), len(labelled.names), "judging"):
            found.append({} if points is None else panel(rgb, points))
            grey = upright_grey(rgb, points)
            faces.append(describe(grey))
            mirrors.append(describe(np.ascontiguousarray(grey[:, ::-1])))
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(cache) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                rows=np.array([json.dumps(row) for row in found]),
                features=np.stack(faces).astype(np.float16),
                mirrored=np.stack(mirrors).astype(np.float16),
            )
        return cls.gather(labelled, panel)

    def of_classes(self, classes: Sequence[int]) -> Material:
        """Only the samples with these labels (positions in ``CLASSES``)."""
        own = np.flatnonzero(np.isin(self.labelled.target.argmax(1), list(classes)))
        some = replace(
            self.labelled,
            names=tuple(self.labelled.names[i] for i in own),
            files=tuple(self.labelled.files[i] for i in own),
            people=tuple(self.labelled.people[i] for i in own),
            target=self.labelled.target[own],
        )
        rows = tuple(self.rows[i] for i in own)
        return Material(some, self.keys, rows, self.features[own], self.mirrored[own])

    @cached_property
    def votes(self) -> Array:
        """``(J, N, 8)``; see :func:`vote_table`."""
        return vote_table(self.rows, self.keys)

    @cached_property
    def _whitened(self) -> Array:
        return whitened(np.concatenate([self.features, self.mirrored]).astype(np.float32))

    def evidence(self, seed: int) -> Evidence:
        """Whitened features and folds by person."""
        count = len(self.features)
        groups = folds(list(self.labelled.people), _FOLDS, seed)
        return Evidence(self._whitened[:count], self._whitened[count:], groups)


def upright_grey(rgb: NDArray[np.uint8], points: NDArray[np.floating] | None) -> NDArray[np.uint8]:
    """``(64, 64)`` the face with its eyes level; the whole picture where no face was found."""
    if points is None:
        patch = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    else:
        patch = crop(rgb, upright_square(points, SIDE), SIDE)
    return np.asarray(cv2.cvtColor(np.asarray(patch), cv2.COLOR_RGB2GRAY), np.uint8)


def _cache(labelled: Labelled, panel: Panel) -> Path:
    facts = [
        labelled.fingerprint,
        *(f"{j.spec.name} {j.spec.weights_sha256}" for j in panel.judges),
    ]
    name = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return labelled.path / "curated" / ".seen" / f"{name}.npz"
