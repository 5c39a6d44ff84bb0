"""Weight files of others: read without running anything in them, loaded by exact accounting.

``.safetensors`` as they are; ``.pth``, ``.pt``, ``.bin``, ``.tar``, ``.ckpt`` through
``torch.load(weights_only=True)``, and where a trainer left objects of its own beside the tensors
(Lightning does) through the inert reader of ``torch_archive.py``.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facegen.errors import ModelFileError
from facegen.networks.torch_archive import read_torch_archive

_SHOWN = 3
_COUNTER = "num_batches_tracked"


def read_weights(path: Path | str) -> dict[str, Any]:
    """The top dictionary of a weight file; its values are tensors, numbers and dictionaries.

    Raises:
        ModelFileError: missing, damaged, or not a dictionary.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"no weights at {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        data = _read_torch(path)
    except ModelFileError:
        raise
    except Exception as error:  # torch and safetensors raise their own kinds for damaged files
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ModelFileError(
            f"{path} cannot be read as weights ({reason}); download it again"
        ) from error
    if not isinstance(data, Mapping):
        raise ModelFileError(f"{path} holds a {type(data).__name__}, not named weights")
    return dict(data)


def _read_torch(path: Path) -> Any:
    try:
        # Mapped, a file of many gigabytes is not copied; only zip archives can be.
        mapped = zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as refused:
        # Objects beside the tensors, or a damaged file: the inert reader knows the difference.
        try:
            return read_torch_archive(path)
        except ModelFileError as error:
            raise error from refused


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a weight file by name; a ``state_dict`` entry is looked into.

    Raises:
        ModelFileError: as :func:`read_weights`, or no tensors inside.
    """
    data = read_weights(path)
    inner = data.get("state_dict")
    found = tensors_of(inner if isinstance(inner, Mapping) else data)
    if not found:
        raise ModelFileError(f"{path} has no tensors at its top: {_some(map(str, data))}")
    return found


def tensors_of(data: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The entries of a dictionary that are tensors."""
    return {str(key): value for key, value in data.items() if isinstance(value, Tensor)}


def under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Entries whose name begins with ``prefix``, without it."""
    return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}


def load_exactly(
    module: nn.Module, state: Mapping[str, Tensor], *, what: str, dead: Iterable[str] = ()
) -> None:
    """Give every tensor of ``state`` to ``module``, none missing, none left over.

    The tensors themselves become the parameters, in their own type: nothing is copied, and a module
    made on the ``meta`` device becomes real.

    Args:
        what: name of the weights for messages.
        dead: regular expressions (matched from the start) of keys that the network never reads.
            Batch norm's ``num_batches_tracked`` may be absent: old files lack it.

    Raises:
        ModelFileError: a key is missing or unexpected, a shape differs, a value is not finite.
    """
    patterns = [re.compile(pattern) for pattern in dead]
    kept = {k: v for k, v in state.items() if not any(p.match(k) for p in patterns)}
    own = module.state_dict()
    missing = [k for k in own if k not in kept and not k.endswith(_COUNTER)]
    unexpected = [k for k in kept if k not in own]
    if missing or unexpected:
        parts = [f"{len(missing)} missing ({_some(missing)})"] if missing else []
        parts += [f"{len(unexpected)} unexpected ({_some(unexpected)})"] if unexpected else []
        raise ModelFileError(f"{what}: {' and '.join(parts)} of {len(own)} weights")
    for key, value in kept.items():
        if own[key].shape != value.shape:
            raise ModelFileError(
                f"{what}: {key} has shape {tuple(value.shape)}, expected {tuple(own[key].shape)}"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelFileError(f"{what}: {key} holds numbers that are not finite")
    counters = {k: torch.zeros(v.shape, dtype=v.dtype) for k, v in own.items() if k not in kept}
    module.load_state_dict({**kept, **counters}, assign=True)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = ", ..." if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
