"""Training windows as pictures to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facegen.data.windows import WindowSet
from facegen.media.sheet import contact_sheet

COLUMNS = (
    "reference",
    "warped",
    "target",
    "visibility",
    "moved",
    "matte",
    "render",
    "depth",
    "normal",
    "mouth",
    "eyes",
)
_SIGNED = ("reference", "warped", "target", "normal")


def picture(name: str, value: Tensor) -> NDArray[np.uint8]:
    """One entry of a window, ``(C, S, S)``, as ``(S, S, 3)`` uint8."""
    unit = value / 2 + 0.5 if name in _SIGNED else value
    image = (unit.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return np.repeat(image, 3, -1) if image.shape[-1] == 1 else image


def window_sheet(windows: WindowSet, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Contact sheet of ``count`` windows drawn at random, one a row."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(windows))[:count]

    def cells() -> Iterator[NDArray[np.uint8]]:
        for index in chosen:
            window = windows[int(index)]
            yield from (picture(name, window[name]) for name in COLUMNS)

    labels = [
        f"{windows.metas[i].identity} {windows.metas[i].frame}" if column == 0 else name
        for i in chosen
        for column, name in enumerate(COLUMNS)
    ]
    return contact_sheet(cells(), len(COLUMNS), labels, cell=(128, 128))
