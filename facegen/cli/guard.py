"""Looks at the words of a command line before anything is opened."""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from facegen.errors import UsageError

_ODD = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def refuse_odd_files(words: Sequence[str]) -> None:
    """Refuse what is neither a file nor a folder, before it hangs or takes a result's place.

    Pipes wait until somebody writes, devices never end, and links may lead in a circle.

    Args:
        words: of the command line; a path may follow ``=`` or ``:`` (``--out=X``, ``KIND:X``).

    Raises:
        UsageError: a word names one.
    """
    for word in words:
        ends = [0, *(mark.end() for mark in re.finditer("[=:]", word))]
        for path in [word[end:] for end in ends if end < len(word)]:
            try:
                kind = _ODD.get(stat.S_IFMT(Path(path).stat().st_mode))
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) == errno.ELOOP:
                    raise UsageError(f"{path}: its links lead in a circle; mend them") from None
                continue  # no such file: the command itself says so where it must
            if kind is not None:
                raise UsageError(f"{path} is {kind}, which can be read only once; give a file")


class CarefulCommand(TyperCommand):
    """A command whose numbers are numbers: the parser's limits let NaN pass."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            UsageError: an option is NaN or infinite.
        """
        for name, value in ctx.params.items():
            if isinstance(value, float) and not isfinite(value):
                raise UsageError(f"--{name.replace('_', '-')} {value}: give a finite number")
        return super().invoke(ctx)


def careful(app: typer.Typer) -> None:
    """Make every command of an app, and of the apps below it, a careful one."""
    for command in app.registered_commands:
        command.cls = CarefulCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            careful(group.typer_instance)
