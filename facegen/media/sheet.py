"""Contact sheets: many pictures on one, with labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from facegen.errors import UsageError

Rgb8 = NDArray[np.uint8]
_GAP = 4
_BACK, _INK = (24, 24, 26), (230, 230, 230)


def contact_sheet(
    images: Iterable[Rgb8],
    columns: int,
    labels: Sequence[str] | None = None,
    *,
    cell: tuple[int, int] = (192, 192),
    font_size: int = 13,
) -> Rgb8:
    """Pictures in rows, each fitted into its cell without distortion, its label below.

    Pictures are shrunk as they come, so a generator over a long video needs memory for the sheet
    only.

    Args:
        images: ``(H, W, 3)`` uint8 of any sizes.
        columns: cells in a row.
        labels: one text a picture; too long ones are cut.
        cell: (width, height) pixels of a picture's place.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        UsageError: no pictures, no columns, or another number of labels than pictures.
    """
    if columns < 1:
        raise UsageError("a contact sheet needs at least one column")
    thumbs = [_fit(image, cell) for image in images]
    if not thumbs:
        raise UsageError("a contact sheet needs at least one picture")
    if labels is not None and len(labels) != len(thumbs):
        raise UsageError(f"{len(labels)} labels for {len(thumbs)} pictures")
    font = ImageFont.load_default(font_size)
    below = font_size + 6 if labels is not None else 0
    columns = min(columns, len(thumbs))
    rows = -(-len(thumbs) // columns)
    step = (cell[0] + _GAP, cell[1] + below + _GAP)
    sheet = Pil.new("RGB", (columns * step[0] + _GAP, rows * step[1] + _GAP), _BACK)
    pen = ImageDraw.Draw(sheet)
    for index, thumb in enumerate(thumbs):
        left = _GAP + index % columns * step[0]
        top = _GAP + index // columns * step[1]
        sheet.paste(
            thumb, (left + (cell[0] - thumb.width) // 2, top + (cell[1] - thumb.height) // 2)
        )
        if labels is not None:
            text = _shorten(labels[index], font, cell[0])
            pen.text((left, top + cell[1] + 1), text, fill=_INK, font=font)
    return np.asarray(sheet).copy()


def _fit(image: Rgb8, cell: tuple[int, int]) -> Pil.Image:
    picture = Pil.fromarray(image)
    scale = min(cell[0] / picture.width, cell[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Pil.Resampling.LANCZOS)


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
