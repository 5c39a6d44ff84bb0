"""What a run touches, under which licences; a commercial run is stopped before it uses the wrong.

Loaders call :func:`touch`; the command line says ``--commercial`` and writes the report.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from facegen.errors import UsageError
from facegen.weights.table import table

YES, NO, UNCLEAR = "yes", "no", "unclear"


@dataclass(frozen=True)
class Part:
    """A model that the run uses: its licence, and whether that allows commercial use."""

    name: str
    licence: str
    commercial: str
    sha256: str = ""


_touched: dict[str, Part] = {}
_commercial = False


def require_commercial(wanted: bool = True) -> None:
    """From now on refuse parts that are not for commercial use (and forget earlier runs)."""
    global _commercial
    _commercial = wanted
    _touched.clear()


def touch(name: str, *, licence: str | None = None, sha256: str = "") -> None:
    """Note that the run uses ``name``.

    Args:
        licence: of parts that the table of published weights does not have.

    Raises:
        UsageError: ``--commercial``, and the licence forbids it or does not say.
    """
    row = table().get(name)
    if row is not None:
        part = Part(name, row.licence, row.commercial, sha256)
    else:
        part = Part(name, licence or "unknown", allows(licence or ""), sha256)
    _touched[name] = part
    if _commercial and part.commercial != YES:
        raise UsageError(
            f"--commercial: {'; '.join(refusals())}. Leave it out, or use the embedded parts"
        )


def touch_folder(folder: Path) -> None:
    """Note a folder of weights under its own name, with the licence its card states.

    A folder without a card counts as "unknown", which ``--commercial`` refuses.
    """
    card = folder / "README.md"
    stated = _LICENCE.search(card.read_text(encoding="utf-8")) if card.is_file() else None
    touch(folder.resolve().name, licence=stated.group(1) if stated else None)


# The first line of a card's front matter, as model hubs write it.
_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license: *(\S+)\n(?:.*\n)*?---\n")

_FREE = ("CC0", "CC-BY-4.0", "Apache", "MIT", "BSD", "ISC", "public domain", "OpenRAIL")
_BOUND = ("non-commercial", "CC-BY-NC", "research", "MPI")


def allows(licence: str) -> str:
    """``yes``, ``no`` or ``unclear`` by a licence's name."""
    text = licence.lower()
    if any(word.lower() in text for word in _BOUND):
        return NO
    return YES if any(word.lower() in text for word in _FREE) else UNCLEAR


def refusals() -> list[str]:
    """Touched parts that are not for commercial use, with their licences."""
    return [f"{p.name} ({p.licence})" for p in touched() if p.commercial != YES]


def touched() -> list[Part]:
    """What the run used so far, by name."""
    return [_touched[name] for name in sorted(_touched)]


def write_report(path: Path | str) -> Path:
    """Write the run's parts as JSON."""
    from facegen.media.atomic import atomic_path

    with atomic_path(path) as part:
        part.write_text(json.dumps([asdict(p) for p in touched()], indent=1), encoding="utf-8")
    return Path(path)
