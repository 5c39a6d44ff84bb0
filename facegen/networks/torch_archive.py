"""Reads the tensors of a torch zip file without unpickling it.

``torch.load(weights_only=True)`` refuses a file as a whole when a trainer left an object of its own
beside the tensors. Here every foreign object becomes an :class:`Opaque` record: nothing is imported
and nothing is called. Layout: ``NAME/data.pkl`` with storages by reference, ``NAME/data/KEY`` with
their bytes (torch.serialization, since 1.6).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facegen.errors import ModelFileError
from facegen.flame.pickle_machine import Machine
from facegen.flame.unpickle import FAILURES, plain

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_REBUILD = ("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = ("torch._utils", "_rebuild_parameter")
_FAILURES = (*FAILURES, OSError, zipfile.BadZipFile)


@dataclass
class Opaque:
    """A foreign object: its name, and whatever state the file gave it."""

    name: str
    state: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Symbol:
    module: str
    name: str


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: torch.dtype


class _TorchMachine(Machine):
    """The inert machine with tensors; names it does not know stay opaque."""

    def __init__(self, data: bytes, fetch: Callable[[str], bytes]) -> None:
        super().__init__(data)
        self.fetch = fetch
        self.storages: dict[str, Tensor] = {}

    def name(self, module: str, name: str) -> None:
        try:
            super().name(module, name)
        except ValueError:
            self.push(_Symbol(module, name))

    def persistent(self, reference: Any) -> None:
        kind, storage, key = reference[:3]
        if kind != "storage" or not isinstance(storage, _Symbol):
            raise ValueError(f"reference to a {str(kind)[:40]}")
        self.push(_Storage(str(key), _STORAGES[storage.name]))

    def reduce(self) -> None:
        function = self.stack[-2] if len(self.stack) > 1 else None
        if not isinstance(function, (_Symbol, Opaque)):
            return super().reduce()
        arguments = self.pop()
        self.pop()
        if isinstance(function, _Symbol) and isinstance(arguments, tuple):
            symbol = (function.module, function.name)
            if symbol == _REBUILD:
                return self.push(self.tensor(*arguments[:4]))
            if symbol == _PARAMETER:
                return self.push(arguments[0])
        return self.push(Opaque(_title(function)))

    def new_object(self) -> None:
        kind = self.stack[-2] if len(self.stack) > 1 else None
        if not isinstance(kind, (_Symbol, Opaque)):
            return super().new_object()
        self.pop()
        self.pop()
        return self.push(Opaque(_title(kind)))

    def build(self) -> None:
        target = self.stack[-2] if len(self.stack) > 1 else None
        if isinstance(target, (Opaque, Tensor)):
            state = self.pop()
            if isinstance(target, Opaque) and isinstance(state, dict):
                target.state.update(state)
            return
        super().build()

    def fill(self, pairs: list[Any]) -> None:
        if isinstance(self.top(object), Opaque):
            self.top(Opaque).state.update(
                (k, v) for k, v in zip(pairs[::2], pairs[1::2], strict=True) if isinstance(k, str)
            )
            return
        super().fill(pairs)

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.top(object), Opaque):
            super().extend(values)

    def tensor(self, storage: Any, offset: int, size: Any, stride: Any) -> Tensor:
        """A view into a storage; torch itself checks that it stays inside."""
        if not isinstance(storage, _Storage):
            raise ValueError("tensor without a storage")
        if storage.key not in self.storages:
            raw = np.frombuffer(bytearray(self.fetch(storage.key)), np.uint8)
            self.storages[storage.key] = torch.from_numpy(raw).view(storage.dtype)
        flat = self.storages[storage.key]
        try:
            return torch.as_strided(flat, tuple(size), tuple(stride), offset)
        except RuntimeError as error:
            raise ValueError(str(error).splitlines()[0]) from error


def _title(thing: _Symbol | Opaque) -> str:
    return f"{thing.module}.{thing.name}" if isinstance(thing, _Symbol) else thing.name


def read_torch_archive(path: Path | str) -> Any:
    """The top object of a torch zip file, foreign objects as :class:`Opaque`.

    Raises:
        ModelFileError: not such a file, or damaged.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            # torch stores its entries as they are; a packed one could unfold without end.
            if any(i.compress_type != zipfile.ZIP_STORED for i in archive.infolist()):
                raise ValueError("compressed entries")
            names = archive.namelist()
            top = next((n for n in names if n.endswith("/data.pkl") and n.count("/") == 1), None)
            if top is None:
                raise ValueError("no data.pkl inside")
            folder = top.removesuffix("data.pkl")
            machine = _TorchMachine(
                archive.read(top), lambda key: archive.read(f"{folder}data/{key}")
            )
            return plain(machine.run())
    except _FAILURES as error:
        raise ModelFileError(
            f"{path} cannot be read as weights ({error}); nothing in it was run. Old torch files "
            "are converted on the machine that made them: torch.save(model.state_dict(), FILE)"
        ) from error
