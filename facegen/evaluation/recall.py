"""One look of a network at a picture, shared by all metrics that ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from facegen.evaluation.metric import Face, Image

T = TypeVar("T")


class Recall(Generic[T]):
    """Remembers a network's last answers: the true frame is looked at once for all methods.

    Args:
        ask: the network. size: pictures remembered.
    """

    def __init__(self, ask: Callable[[Image, Face], T | None], size: int = 16) -> None:
        self._ask, self._size = ask, size
        self._known: dict[int, tuple[Image, T | None]] = {}

    def __call__(self, image: Image, face: Face | None) -> T | None:
        """The answer for a ``(S, S, 3)`` uint8 crop; None without a face."""
        if face is None:
            return None
        key = id(image)
        # The picture is kept beside its answer, so that its id cannot be taken by another one.
        if key not in self._known:
            self._known[key] = (image, self._ask(image, face))
            if len(self._known) > self._size:
                del self._known[next(iter(self._known))]
        return self._known[key][1]
