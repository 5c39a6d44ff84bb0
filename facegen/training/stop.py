"""When a run ends early: its minutes are over, or somebody asked."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Holds Ctrl-C and termination back until the step is done and saved, then lets them through.

    A second signal is let through at once. Outside the main thread only the clock counts.
    """

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self._signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {name: signal.signal(name, self._note) for name in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        if self._signal is not None and kind is None:
            signal.raise_signal(self._signal)

    @property
    def due(self) -> bool:
        """Whether the run should save and end now."""
        return self._signal is not None or (self._end is not None and time.monotonic() >= self._end)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        self._signal = number

    def _restore(self) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)  # type: ignore[arg-type]
        self._before = {}
