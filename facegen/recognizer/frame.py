"""A table with one row per face and frame: a pandas frame that knows its columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegen._optional import require
from facegen.recognizer import columns as col
from facegen.recognizer.labels import KEYS

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = require("pandas", "recognize")

STYLES = ("facegen", "pyfeat", "openface2")


class FaceFrame(pd.DataFrame):
    """Rows: faces of frames. Columns, each only where it is told:

    ``input, frame, timestamp, face_id`` (seconds; ids from 0, stable through a video);
    ``face_x, face_y, face_width, face_height`` (pixels, corner and size) and ``face_score``;
    the eight canonical emotions, probabilities; ``valence, arousal`` -1..1; ``AU12`` presence
    0..1 and ``AU12_r`` intensity 0..5; ARKit's 52 curves 0..1; ``pitch, yaw, roll`` degrees;
    ``unknown`` 0..1; ``x_0 .. y_67`` the 68 landmarks, pixels. NaN means: not told, never zero.
    """

    @property
    def _constructor(self) -> Callable[..., FaceFrame]:
        return FaceFrame

    def _part(self, names: tuple[str, ...] | list[str]) -> pd.DataFrame:
        return pd.DataFrame(self[[name for name in names if name in self.columns]])

    @property
    def emotions(self) -> pd.DataFrame:
        """Probabilities by canonical key."""
        return self._part(col.EMOTIONS)

    @property
    def valence_arousal(self) -> pd.DataFrame:
        """Columns ``valence, arousal``."""
        return self._part(col.AFFECT)

    @property
    def aus(self) -> pd.DataFrame:
        """Presence of action units, 0..1."""
        return self._part([name for name in self.columns if col.is_unit(name)])

    @property
    def au_intensities(self) -> pd.DataFrame:
        """Intensity of action units, 0..5, columns ``AU12_r``."""
        return self._part([name for name in self.columns if col.is_intensity(name)])

    @property
    def blendshapes(self) -> pd.DataFrame:
        """ARKit's curves."""
        return self._part(col.BLENDSHAPES)

    @property
    def poses(self) -> pd.DataFrame:
        """Degrees."""
        return self._part(col.POSE)

    @property
    def faceboxes(self) -> pd.DataFrame:
        """Corner, size and score of the face."""
        return self._part(col.BOX)

    @property
    def landmarks(self) -> pd.DataFrame:
        """The 68 landmarks."""
        return self._part(col.LANDMARKS)

    def winners(self) -> pd.Series:
        """The likeliest emotion of every row by its canonical key; ``""`` where none is told."""
        told = self.emotions.reindex(columns=list(KEYS)).astype(float)
        best = told.fillna(-1.0).idxmax(axis=1)
        return best.where(told.notna().any(axis=1), "")

    def save(self, path: Path | str, style: str = "facegen") -> None:
        """Write a CSV in one of ``STYLES``; it appears whole or not at all.

        Raises:
            UsageError: no such style. MediaError: it cannot be written.
        """
        from facegen.media import atomic_path
        from facegen.recognizer.table_styles import styled

        with atomic_path(path) as part:
            styled(self, style).to_csv(part, index=False, float_format="%.6g")

    @classmethod
    def load(cls, path: Path | str) -> FaceFrame:
        """Read a CSV of any of ``STYLES``; the style is told by its header.

        Raises:
            UsageError: none of them. MediaError: it cannot be read.
        """
        from facegen.recognizer.table_styles import read_table

        return read_table(path)


def face_frame(rows: list[dict[str, Any]]) -> FaceFrame:
    """Rows as a frame, columns in the order of first appearance."""
    return FaceFrame(rows)
