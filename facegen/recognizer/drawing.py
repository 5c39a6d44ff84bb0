"""What was recognised, drawn over a picture or along time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.media import atomic_path
from facegen.recognizer import columns as col
from facegen.recognizer.frame import FaceFrame, pd
from facegen.tracking.overlay import overlay

Image = NDArray[np.uint8]
Row = dict[str, Any]

# One colour per emotion in canonical order, one per person.
EMOTION_COLOURS = (
    (150, 150, 150), (244, 180, 0), (66, 133, 244), (0, 172, 193),
    (142, 68, 173), (104, 159, 56), (219, 68, 55), (121, 85, 72),
)  # fmt: skip
_PEOPLE = ((255, 214, 10), (100, 210, 255), (255, 120, 180), (140, 230, 120))
_UNITS = 5  # action units named beside a face, the strongest first
_SHOWN = 0.15  # strength from which a unit is named


def draw_faces(rgb: Image, rows: Sequence[Row]) -> Image:
    """A copy of a picture with box, number, emotions, units and landmarks of its faces.

    Args:
        rgb: ``(H, W, 3)`` uint8. rows: of a FaceFrame; faceless ones are passed over.
    """
    import cv2

    out = np.ascontiguousarray(rgb)
    for row in rows:
        if not np.isfinite(row.get("face_x", np.nan)):
            continue
        marks = np.array([row.get(name, np.nan) for name in col.LANDMARKS]).reshape(2, 68).T
        radius = max(row["face_width"] / 150, 0.6)
        out = overlay(out, marks, colour=_person(row), radius=radius, opacity=0.7)
        x, y = int(row["face_x"]), int(row["face_y"])
        right, low = x + int(row["face_width"]), y + int(row["face_height"])
        thick = max(1, round(min(rgb.shape[:2]) / 300))
        cv2.rectangle(out, (x, y), (right, low), _person(row), thick)
        out = _labels(out, row, x, y, right)
    return out


def _person(row: Row) -> tuple[int, int, int]:
    return _PEOPLE[int(row["face_id"]) % len(_PEOPLE)]


def _labels(out: Image, row: Row, x: int, y: int, right: int) -> Image:
    """Bars of the emotions and names of the strongest units, inside the picture."""
    from PIL import Image as Pil
    from PIL import ImageDraw, ImageFont

    size = int(np.clip(min(out.shape[:2]) / 34, 9, 28))
    font = ImageFont.load_default(size)
    picture = Pil.fromarray(out)
    pen = ImageDraw.Draw(picture, "RGBA")
    entries = _entries(row)
    wide, tall = 11 * size, (size + 3) * (len(entries) + 1)
    left = right + 4 if right + 4 + wide <= out.shape[1] else max(x - 4 - wide, 0)
    top = int(np.clip(y, 0, max(out.shape[0] - tall, 0)))
    pen.rectangle((left, top, left + wide, top + tall), fill=(0, 0, 0, 130))
    pen.text((left + 3, top), f"face {int(row['face_id'])}", font=font, fill=_person(row))
    for k, (name, value, colour) in enumerate(entries, 1):
        base = top + k * (size + 3)
        length = (wide - 6) * float(np.clip(value, 0, 1))
        pen.rectangle((left + 3, base + 1, left + 3 + length, base + size + 1), fill=(*colour, 170))
        pen.text((left + 5, base), f"{name} {value:.2f}", font=font, fill=(255, 255, 255))
    return np.asarray(picture)


def _entries(row: Row) -> list[tuple[str, float, tuple[int, int, int]]]:
    """Name, bar and colour of what is shown: all emotions, then the strongest units."""
    told = [
        (name, row[name], colour)
        for name, colour in zip(col.EMOTIONS, EMOTION_COLOURS, strict=True)
        if np.isfinite(row.get(name, np.nan))
    ]
    units = [(n, v) for n, v in row.items() if col.is_unit(n) and np.isfinite(v) and v > _SHOWN]
    units.sort(key=lambda entry: -entry[1])
    for name in col.AFFECT:
        if np.isfinite(row.get(name, np.nan)):
            told.append((name, float(row[name]), (90, 90, 200)))
    return told + [(name, value, (60, 130, 90)) for name, value in units[:_UNITS]]


def plot_curves(path: Path | str, chunks: Iterable[FaceFrame]) -> None:
    """Write a picture of what was told along time, one column of panels per face.

    Args:
        path: ``.png``, ``.svg`` or ``.pdf``. chunks: of one table, in order.

    Raises:
        MissingExtraError: matplotlib is missing. MediaError: it cannot be written.
    """
    require("matplotlib", "recognize")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wanted = ("frame", "timestamp", "face_id", *col.EMOTIONS, *col.AFFECT)
    kept = [piece[[n for n in piece.columns if n in wanted or col.is_unit(n)]] for piece in chunks]
    table = pd.concat(kept, ignore_index=True)
    people = [p for p in sorted(table["face_id"].unique()) if p >= 0][:4] or [-1]
    figure = Figure(figsize=(7 * len(people), 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, len(people), squeeze=False, sharex="col")
    for column, person in enumerate(people):
        _panels(panels[:, column], table[table["face_id"] == person], person)
    with atomic_path(path) as part:
        figure.savefig(part, dpi=110, format=Path(path).suffix.lstrip(".") or "png")


def _panels(axes: Any, table: pd.DataFrame, person: int) -> None:
    """Emotions, valence and arousal, and the liveliest action units of one face."""
    moving = table["timestamp"].nunique() > 1
    x = table["timestamp"] if moving else table["frame"]
    axes[0].set_title(f"face {person}")
    for name, colour in zip(col.EMOTIONS, EMOTION_COLOURS, strict=True):
        if name in table and table[name].notna().any():
            axes[0].plot(x, table[name], color=np.array(colour) / 255, label=name, lw=1.2)
    for name in col.AFFECT:
        if name in table and table[name].notna().any():
            axes[1].plot(x, table[name], label=name, lw=1.2)
    units = [n for n in table.columns if col.is_unit(n) and table[n].notna().any()]
    lively = sorted(units, key=lambda n: -float(table[n].std() or 0))[:8]
    for name in sorted(lively):
        axes[2].plot(x, table[name], label=name, lw=1.2)
    limits = ("probability", (0, 1)), ("valence, arousal", (-1, 1)), ("action units", (0, 1))
    for axis, (label, limit) in zip(axes, limits, strict=True):
        axis.set_ylabel(label)
        axis.set_ylim(*limit)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        else:
            axis.text(0.5, 0.5, "not told", ha="center", transform=axis.transAxes)
    axes[2].set_xlabel("seconds" if moving else "picture")
