"""Runs a command again and again, each time killed at another touch of the disk, until it is done.

A process of its own, so that what it loads once can be forked: every run would else spend seconds
on imports. It prints the exit codes (negative: the signal) as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
_PRELOAD = ("facegen.pipelines.reenact", "facegen.pipelines.talk", "facegen.pipelines.recognize")


def _in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(77)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(words: list[str], folder: Path, at: int | None, blow: int, told: Path) -> int:
    """One run; with ``at`` it dies at that touch of the folder, without it counts them."""

    def work() -> None:
        count = 0

        def hook(event: str, values: tuple) -> None:
            nonlocal count
            if event in _TOUCHES and any(str(folder) in str(value) for value in values):
                count += 1
                if count == at:
                    os.kill(os.getpid(), blow)

        sys.addaudithook(hook)
        sys.argv = ["facegen", *words]
        from facegen.__main__ import main

        try:
            main()
        except SystemExit as stop:
            told.write_text(str(count))
            os._exit(int(stop.code or 0))

    return _in_child(work)


def main() -> None:
    """``torn WHOLE_FOLDER TORN_FOLDER SEED SIGNAL RESUME WORDS...``; ``{to}`` is the folder."""
    whole, torn, seed, blow, resume, *words = sys.argv[1:]
    for name in _PRELOAD:
        importlib.import_module(name)
    told = Path(whole).parent / "touches"
    codes = [_run([w.replace("{to}", whole) for w in words], Path(whole), None, 0, told)]
    if codes[0]:
        raise SystemExit(f"the whole run ended with {codes[0]}")
    touches, rng = int(told.read_text()), random.Random(int(seed))
    again = [w.replace("{to}", torn) for w in words]
    for at in (*(rng.randint(1, touches) for _ in range(4)), None):
        codes.append(_run(again, Path(torn), at, getattr(signal, blow), told))
        again = again if resume == "-" or resume in again else [*again, resume]
        if codes[-1] == 0:
            break
    sys.stdout.write("\n" + json.dumps(codes) + "\n")


if __name__ == "__main__":
    main()
