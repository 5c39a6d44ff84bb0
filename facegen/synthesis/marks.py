"""The invisible mark of a made picture: the one place where a scheme is plugged in."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.provenance import Marker, Payload

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


class ProvenanceMark:
    """The watermark of :mod:`facegen.provenance`, the same payload in all pictures of a set.

    Args:
        fingerprint: of the plan; the payload's tag follows from it.
    """

    scheme = "facegen"

    def __init__(self, fingerprint: str) -> None:
        self._payload = Payload.of_job("synth", fingerprint.encode())
        self.payload = self._payload.to_bytes().hex()
        self._markers: dict[tuple[int, int], Marker] = {}

    def __call__(self, rgb: Rgb) -> Rgb:
        size = rgb.shape[1], rgb.shape[0]
        if size not in self._markers:
            self._markers[size] = Marker(*size, self._payload)
        return self._markers[size](rgb)
