"""The invisible mark of a made picture: the one place where a scheme is plugged in."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]


class Mark(Protocol):
    """Marks pictures as synthetic.

    Attributes:
        scheme: its name in ``watermark_scheme``. payload: in ``watermark_payload``.
    """

    scheme: str
    payload: str

    def __call__(self, rgb: Rgb) -> Rgb:
        """A marked copy of ``(S, S, 3)`` uint8."""


class NoMark:
    """Leaves pictures as they are; their rows and files still say that they are synthetic."""

    scheme = ""
    payload = ""

    def __call__(self, rgb: Rgb) -> Rgb:
        return rgb
