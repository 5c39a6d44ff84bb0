"""One run at a time writes a target."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from facegen.errors import MediaError
from facegen.media.atomic import beside, reason

# A lock stands empty between its creation and the writing of its holder's name.
_GRACE_SECONDS = 5.0
# Two readings of a process's start differ where the clock was set in between.
_START_TOLERANCE_SECONDS = 60.0
_POLL_SECONDS = 0.05


class TargetLock:
    """The right to write ``target``: a file ``.NAME.lock`` beside it names the process that has it.

    The lock of a process that is gone (killed, power cut) is taken over. A process is known by its
    number and its start, since numbers come again; both hold for one machine only.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = beside(target, "lock")
        self._owner: int | None = None

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lock.

        Args:
            patience: seconds to wait for another run's end before giving up.

        Raises:
            MediaError: another live run has it, or the folder cannot be written.
        """
        end = time.monotonic() + patience
        try:
            while not self._create():
                try:
                    self._clear()
                except MediaError:
                    if time.monotonic() >= end:
                        raise
                    time.sleep(_POLL_SECONDS)
            if not patience:  # a long run has time to look around
                with suppress(OSError):
                    self._sweep()
        except OSError as error:
            raise MediaError(f"cannot write {self._target}: {reason(error)}") from error

    def _sweep(self) -> None:
        """Remove what runs left that were killed while they took a lock over."""
        begin = f"{self._path.name}."
        for path in self._path.parent.iterdir():
            end = path.name.removeprefix(begin)
            if end != path.name and end.isdecimal() and not psutil.pid_exists(int(end)):
                path.unlink(missing_ok=True)

    def check(self) -> None:
        """Refuse early what :meth:`acquire` would refuse.

        Raises:
            MediaError: another live run has the lock.
        """
        try:
            self._refuse_if_held(*self._read())
        except OSError:
            return

    def release(self) -> None:
        """Give the lock back; nothing happens without one, nor in a forked child."""
        if self._owner == os.getpid():
            self._path.unlink(missing_ok=True)
        self._owner = None

    def _create(self) -> bool:
        """Whether the lock was free; opening with "x" lets one process win."""
        pid = os.getpid()
        # Made up before: a process killed between the two steps leaves a lock without a holder.
        holder = json.dumps([pid, _start_of(pid)])
        try:
            stream = self._path.open("x")
        except FileExistsError:
            return False
        try:
            with stream:
                stream.write(holder)
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise
        self._owner = pid
        return True

    def _read(self) -> tuple[str, float]:
        """What the lock says and its age in seconds."""
        return self._path.read_text(errors="replace"), time.time() - self._path.stat().st_mtime

    def _clear(self) -> None:
        """Remove a lock whose process is gone."""
        try:
            text, age = self._read()
            self._refuse_if_held(text, age)
            aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            self._path.replace(aside)
        except FileNotFoundError:
            return  # given back, or cleared by another run, in this very moment
        if aside.read_text(errors="replace") != text:
            aside.replace(self._path)  # a third run was quicker: the lock is its own
        else:
            aside.unlink()

    def _refuse_if_held(self, text: str, age: float) -> None:
        holder = _holder(text)
        if holder is not None and _lives(*holder):
            who = f"another run (process {holder[0]}) is writing it"
        elif holder is None and age < _GRACE_SECONDS:
            who = "another run has just begun to write it"
        else:
            return
        raise MediaError(
            f"cannot write {self._target}: {who}; wait for its end or name another target"
        )


@cache
def _start_of(pid: int) -> float:
    """When this process began, seconds since 1970; asked once, a lock is taken for every file."""
    return psutil.Process(pid).create_time()


def _holder(text: str) -> tuple[int, float] | None:
    """Process number and start (seconds since 1970) of a lock; None where it is damaged."""
    try:
        pid, start = json.loads(text)
        return int(pid), float(start)
    except (ValueError, TypeError):
        return None


def _lives(pid: int, start: float) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - start) < _START_TOLERANCE_SECONDS
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
