"""Content Credentials (C2PA): a signed statement inside the file, where ``c2pa-python`` is there.

The signer's certificate chain and key are PEM files named by the environment variables
``FACEGEN_C2PA_CERTIFICATE`` and ``FACEGEN_C2PA_KEY``. Nothing is fetched from the network.

Source: C2PA technical specification 2.1.
"""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegen._optional import require
from facegen.errors import UsageError
from facegen.media.atomic import atomic_path, reason
from facegen.provenance.statement import TOOL, Statement

SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"))
_CERTIFICATE, _KEY = "FACEGEN_C2PA_CERTIFICATE", "FACEGEN_C2PA_KEY"
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}


@dataclass(frozen=True)
class Credentials:
    """A signer: PEM files of the certificate chain and of its private key.

    Attributes:
        algorithm: C2PA's name of the key's kind, as ``es256``, ``ps256``, ``ed25519``.
    """

    certificate: Path
    key: Path
    algorithm: str = "es256"

    @classmethod
    def from_environment(cls) -> Credentials | None:
        """The signer that the environment names, or None.

        Raises:
            UsageError: only half of it is named, or a file is not there.
        """
        names = [os.environ.get(name, "") for name in (_CERTIFICATE, _KEY)]
        if not any(names):
            return None
        if not all(names):
            raise UsageError(f"set both {_CERTIFICATE} and {_KEY}, or neither")
        for name in names:
            if not Path(name).is_file():
                raise UsageError(f"C2PA: no file {name}; correct {_CERTIFICATE} and {_KEY}")
        algorithm = os.environ.get("FACEGEN_C2PA_ALGORITHM", "es256")
        return cls(Path(names[0]), Path(names[1]), algorithm)


def sign(path: Path, statement: Statement, credentials: Credentials) -> None:
    """Put a signed manifest into a finished file; it is replaced whole or stays as it was.

    Raises:
        MissingExtraError: the library is absent.
        UsageError: the certificate or key is unusable.
    """
    c2pa = require("c2pa", "c2pa")
    kind = path.suffix.lower().lstrip(".")
    with atomic_path(path) as part:
        try:
            info = c2pa.C2paSignerInfo(
                credentials.algorithm.encode(),
                credentials.certificate.read_bytes(),
                credentials.key.read_bytes(),
                None,
            )
            with (
                c2pa.Context(c2pa.Settings.from_dict(_OFFLINE)) as context,
                c2pa.Signer.from_info(info) as signer,
                c2pa.Builder(manifest_of(statement, path.name), context) as builder,
                path.open("rb") as source,
                part.open("w+b") as target,
            ):
                builder.sign(signer, kind, source, target)
        except (c2pa.C2paError, OSError, ValueError) as error:
            raise UsageError(
                f"C2PA: cannot sign {path} ({reason(error)}); check {_CERTIFICATE} and {_KEY}"
            ) from error


def manifest_of(statement: Statement, title: str) -> dict[str, Any]:
    """The manifest: created by this tool, with the statement's tags as an assertion."""
    created = {
        "action": "c2pa.created",
        "digitalSourceType": statement.source_type,
        "softwareAgent": {"name": TOOL, "version": statement.version},
    }
    return {
        "claim_generator_info": [{"name": TOOL, "version": statement.version}],
        "title": title,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": "org.facegen.statement", "data": statement.tags()},
        ],
    }


@dataclass(frozen=True)
class Signed:
    """A manifest found in a file.

    Attributes:
        state: ``Valid`` (untouched since it was signed), ``Trusted`` or ``Invalid``.
        tool: what made the claim. issuer: who signed. statement: the tags inside, if ours.
    """

    state: str
    tool: str
    issuer: str
    statement: Statement | None


def read_credentials(path: Path) -> Signed | None:
    """The manifest of a file; None without one, or where the library is not installed."""
    if importlib.util.find_spec("c2pa") is None or path.suffix.lower() not in SUFFIXES:
        return None
    import c2pa

    kind = path.suffix.lower().lstrip(".")
    try:
        with (
            c2pa.Context(c2pa.Settings.from_dict(_OFFLINE)) as context,
            path.open("rb") as stream,
            c2pa.Reader(kind, stream, context=context) as reader,
        ):
            store = json.loads(reader.json())
            state = str(reader.get_validation_state() or "Invalid")
    except (c2pa.C2paError, OSError, ValueError):
        return None  # mostly: no manifest
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    ours = [a["data"] for a in manifest.get("assertions", ()) if "facegen" in a.get("label", "")]
    makers = manifest.get("claim_generator_info") or [{}]
    return Signed(
        state,
        str(makers[0].get("name", "")),
        str((manifest.get("signature_info") or {}).get("issuer", "")),
        Statement.from_tags(ours[0]) if ours else None,
    )
