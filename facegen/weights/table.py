"""The table of published weights (``weights.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facegen.errors import UsageError

_TABLE = Path(__file__).with_name("weights.toml")
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class File:
    """One file: ``path`` inside the asset, ``sha256`` and ``size`` in bytes where verified."""

    path: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Weights:
    """A row of the table.

    Attributes:
        name: what to ask for; also its folder in the user's assets. title: for people.
        hub: repository on the hub, or None. page: where a person downloads it, or None.
        licence: of the weights. commercial: ``yes``, ``no`` or ``unclear``.
        paper: address. input: what it is fed. needs: other assets. files: what belongs to it.
    """

    name: str
    title: str
    hub: str | None
    page: str | None
    licence: str
    commercial: str
    paper: str
    input: str
    needs: tuple[str, ...]
    files: tuple[File, ...]

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"{HUB}/{self.hub}" if self.hub else self.page or ""

    @property
    def size(self) -> int | None:
        """Bytes of all files, or None where one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(s for s in sizes if s is not None)


@lru_cache(maxsize=1)
def table() -> dict[str, Weights]:
    """All rows by name."""
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found]

    rows = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {name: _weights(name, row) for name, row in rows.items()}


def _weights(name: str, row: dict) -> Weights:
    files = tuple(File(f["path"], f.get("sha256"), f.get("bytes")) for f in row["files"])
    return Weights(
        name=name,
        title=row["title"],
        hub=row.get("hub"),
        page=row.get("page"),
        licence=row["licence"],
        commercial=row["commercial"],
        paper=row["paper"],
        input=row["input"],
        needs=tuple(row.get("needs", ())),
        files=files,
    )


def weights(name: str) -> Weights:
    """One row.

    Raises:
        UsageError: no such name.
    """
    try:
        return table()[name]
    except KeyError:
        raise UsageError(f"no asset {name!r}; choose from {', '.join(table())}") from None
