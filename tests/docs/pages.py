"""The project's pages, the code in them, and the command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "checkpoints", "examples")
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("facegen/*.md"),
        *ROOT.glob("facegen/*/*.md"),
        *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")),
    ]
)
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.M | re.S)
_TITLE = re.compile(r'title="([^"]+)"')
_INLINE = re.compile(r"`((?:\$ )?facegen [^`\n]+)`")
_LAUNCHED = r"(?:python -m |accelerate launch .*--module )?facegen (?=[a-z-])"
_START = re.compile(rf"^\s*(?:\$ )?{_LAUNCHED}")


def name(page: Path) -> str:
    """Of a page, below the root."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """Title ("" without one) and text of the page's fenced blocks in a language."""
    found = []
    for kind, options, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == language:
            title = _TITLE.search(options)
            found.append((title[1] if title else "", text))
    return found


def commands(page: Path) -> Iterator[str]:
    """Every ``facegen ...`` of a page, comments and continued lines put right."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    prose = _FENCE.sub("", text)
    code = [line for line in prose.splitlines() if line.startswith("    ")]
    for kind, _, inside in _FENCE.findall(text):
        code += [] if kind in ("python", "yaml") else inside.splitlines()
    yield from (_START.sub("", line) for line in code if _START.match(line))
    # A mention in a sentence is a part of a command.
    spoken = [found for found in _INLINE.findall(prose) if _START.match(found)]
    yield from (f"{_START.sub('', found)} ..." for found in spoken)


def readings(command: str) -> Iterator[list[str]]:
    """The arguments of a command line; of ``a|b`` each, and ``...`` stays for what is left out."""
    words = shlex.split(command.replace(" | ", "|"), comments=True)
    yield from (list(choice) for choice in product(*(word.split("|") for word in words)))
