"""Pages that are made when the site is built, so that none of them can go stale.

The command line from the parser, the Python reference from the docstrings, licences from the cards
and tables, and pages that have their place elsewhere in the repository (conventions, cards,
changelog, contributing). MkDocs calls :func:`on_files` (``hooks`` in ``mkdocs.yml``).
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click
from typer.core import TyperGroup

ROOT = Path(__file__).parents[1]
MIRRORED = {
    "README.md": "index.md",
    "facegen/conventions.md": "conventions.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "facegen/demo/README.md": "cards/demo.md",
    "examples/experiments/what_synthetic_faces_teach.md": "cards/what-synthetic-faces-teach.md",
}
# Packages of the machine that only the command and its page import.
_INNER = ("cli", "app", "checkpoints", "demo")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the made pages to those of ``docs/``, and to the navigation where it names a folder."""
    made = pages()
    for where, text in made.items():
        files.append(File.generated(config, where, content=text))
    config.nav = _spread(config.nav, list(made))
    for source, where in _pictures().items():
        files.append(File.generated(config, where, abs_src_path=str(source)))
    return files


def _spread(nav: Any, places: list[str]) -> Any:
    """The navigation with the pages of a made folder in place of its name."""
    if isinstance(nav, dict):
        return {title: _spread(inner, places) for title, inner in nav.items()}
    if isinstance(nav, list):
        return [_spread(inner, places) for inner in nav]
    if not nav.endswith("/"):
        return nav
    return sorted((p for p in places if p.startswith(nav)), key=lambda p: p[-8:] != "index.md")


def pages() -> dict[str, str]:
    """Place in the site and Markdown of every made page."""
    places = mirrored()
    made = {where: _moved(ROOT / source, where, places) for source, where in places.items()}
    return made | dict(command_line()) | dict(reference()) | {"licences.md": licences()}


def mirrored() -> dict[str, str]:
    """Pages kept elsewhere: path in the repository -> place in the site."""
    cards = sorted((ROOT / "checkpoints").glob("*/*.md"))
    return MIRRORED | {
        str(card.relative_to(ROOT).as_posix()): f"cards/{_card(card)}.md" for card in cards
    }


def _card(path: Path) -> str:
    home = path.parent.name
    return home if path.stem == "README" else f"{home}-{path.stem}"


def _pictures() -> dict[Path, str]:
    return {path: f"pictures/{path.name}" for path in (ROOT / "examples" / "pictures").iterdir()}


_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.S)
_LINK = re.compile(r"(!?\[([^\]]*)\]\()([^)#:\s]+)((?:#[^)]*)?\))")


def _moved(path: Path, where: str, places: dict[str, str]) -> str:
    """A page's text with its links turned to where things stand in the site.

    Of a link to something that the site does not show, the words stay.
    """
    here = path.parent.relative_to(ROOT).as_posix()
    start = posixpath.dirname(where) or "."

    def turned(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, match[3]))
        place = places.get(target, "")
        for folder, shown in (("docs/", ""), ("examples/pictures/", "pictures/")):
            if target.startswith(folder):
                place = shown + target.removeprefix(folder)
        return f"{match[1]}{posixpath.relpath(place, start)}{match[4]}" if place else match[2]

    return _LINK.sub(turned, _FRONT.sub("", path.read_text(encoding="utf-8")))


def command_line() -> Iterator[tuple[str, str]]:
    """A page for every command, with all its options."""
    from facegen.cli import app

    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="facegen")
    assert isinstance(root, TyperGroup)
    rows = []
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        text = get_docs_for_click(obj=command, ctx=context, call_prefix="facegen")
        yield f"cli/{name}.md", text
        rows.append(f"| [`facegen {name}`]({name}.md) | {command.get_short_help_str(200)} |")
    yield "cli/index.md", "\n".join(["# Command line", "", "| | |", "|---|---|", *rows, ""])


def reference() -> Iterator[tuple[str, str]]:
    """A page for every package, with the docstrings of its modules."""
    import facegen

    names = "\n".join(
        f"- [`facegen.{name}`][{home}.{name}]" for name, home in sorted(facegen._HOME.items())
    )
    yield "api/index.md", f"# Python\n\nThese names come with `import facegen`:\n\n{names}\n"
    for package in sorted((ROOT / "facegen").iterdir()):
        if package.is_dir() and package.name not in _INNER and (package / "__init__.py").is_file():
            text = "\n".join(f"::: {module}\n" for module in _modules(package))
            yield f"api/{package.name}.md", f"# facegen.{package.name}\n\n{text}"
    yield (
        "api/others.md",
        "# Single modules\n\n"
        + "\n".join(f"::: {module}\n" for module in _modules(ROOT / "facegen", deep=False)),
    )


def _modules(package: Path, *, deep: bool = True) -> list[str]:
    """Modules of a package with a public name in them."""
    found = sorted(package.rglob("*.py") if deep else package.glob("*.py"))
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in found
        if not path.name.startswith("_") and _public(path)
    ]


def _public(path: Path) -> bool:
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(isinstance(n, kinds) and not n.name.startswith("_") for n in nodes)


def licences() -> str:
    """What the embedded and published weights and the packages in use are licensed under."""
    from facegen import assets
    from facegen.weights.table import table

    carried = [
        (f"[{a.name}](cards/{a.path.relative_to(_CARDS).parts[0]}.md)", a.licence)
        for a in assets.list_assets()
        if a.present and a.path.is_relative_to(_CARDS)
    ]
    published = [
        (f"`{row.name}`", row.title, row.licence, row.commercial) for row in table().values()
    ]
    return (
        (ROOT / "docs" / "licences.in")
        .read_text(encoding="utf-8")
        .format(carried=_rows(carried), published=_rows(published), packages=_rows(assets.PACKAGES))
    )


_CARDS = ROOT / "checkpoints"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
