"""Every command line of the documents is one that the parser takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from facegen.cli import app
from tests.docs.pages import PAGES, commands, name, readings


def _parser() -> TyperGroup:
    """The real command line; nothing is run."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    for command in _tree(root):
        command.callback = None
        for option in command.params:
            if option.name != "help":
                option.callback = None
    return root


def _tree(command: object) -> Iterator:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from _tree(inner)


_UNSAID = ("MissingParameter", "NoArgsIsHelpError", "BadOptionUsage")


def complaint(arguments: list[str]) -> str:
    """What the parser says of a command line; "" where it takes it.

    Words in capitals stand for anything, ``...`` for arguments that are left out.
    """
    whole = ["1" if a.isupper() else a for a in arguments if a not in ("...", "[...]")]
    try:
        _parser().main(whole, prog_name="facegen", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        unsaid = len(whole) < len(arguments) and type(error).__name__ in _UNSAID
        return "" if unsaid else error.format_message()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_parser_takes_every_command(page: Path) -> None:
    wrong = {
        " ".join(arguments): said
        for command in commands(page)
        for arguments in readings(command)
        if (said := complaint(arguments))
    }
    assert not wrong


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reenact --ref a.jpg --drive b.mp4 --no-such-option 3", "--no-such-option"),
        ("no-such-command x", "no-such-command"),
        ("talk --demo --seed many", "--seed"),
        ("export clip.motion.npz a b", "Missing option"),
    ],
)
def test_wrong_lines_are_told(line: str, said: str) -> None:
    assert said in complaint(line.split())


def test_commands_are_found_where_they_stand(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Run `facegen fit a.mp4` or\n\n    facegen doctor   # what works\n\n"
        "```console\n$ facegen talk --demo \\\n    --seed 2\nfacegen.mp4\n```\n\n"
        "facegen is quiet.\n"
    )
    assert [next(readings(c)) for c in commands(page)] == [
        ["doctor"],
        ["talk", "--demo", "--seed", "2"],
        ["fit", "a.mp4", "..."],
    ]
