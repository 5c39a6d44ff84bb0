"""Constants and layers of an ONNX file, read without running or importing anything.

The file is a protocol buffer; only the few fields needed are looked at (onnx.proto):
ModelProto.graph = 7; GraphProto.node = 1, initializer = 5; NodeProto.input = 1, output = 2,
op_type = 4, attribute = 5; AttributeProto.t = 5; TensorProto.dims = 1, data_type = 2,
float_data = 4, name = 8, raw_data = 9.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError

_FLOAT = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Node:
    """One layer: its kind and the names of what goes in and comes out."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxGraph:
    """Layers in order, and float32 constants by name."""

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[np.float32]]


def read_onnx(path: Path) -> OnnxGraph:
    """The graph of a file.

    Raises:
        ModelFileError: missing, or no ONNX file.
    """
    try:
        data = path.read_bytes()
        graphs = [value for number, value in _fields(data) if number == 7]
        graph = [(number, value) for number, value in _fields(_message(graphs[0]))]
        layers = [_message(value) for number, value in graph if number == 1]
        nodes = tuple(_node(layer) for layer in layers)
        tensors = [_tensor(_message(value)) for number, value in graph if number == 5]
        tensors += [
            (node.outputs[0], _constant(layer))
            for node, layer in zip(nodes, layers, strict=True)
            if node.kind == "Constant"
        ]
    except FileNotFoundError:
        raise ModelFileError(f"no ONNX file at {path}") from None
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise ModelFileError(f"{path} is not an ONNX network ({error})") from error
    return OnnxGraph(nodes, {name: value for name, value in tensors if value is not None})


def _message(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number that does not end")


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field numbers and values of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"unknown kind of field {kind}")
        if at + size > len(data):
            raise ValueError("cut short")
        yield number, data[at : at + size]
        at += size


def _node(data: bytes) -> Node:
    names: dict[int, list[str]] = {1: [], 2: [], 4: []}
    for number, value in _fields(data):
        if number in names:
            names[number].append(_message(value).decode())
    return Node(names[4][0], tuple(names[1]), tuple(names[2]))


def _constant(layer: bytes) -> NDArray[np.float32] | None:
    """The tensor that a layer of kind Constant holds."""
    for number, attribute in _fields(layer):
        if number == 5:
            for part, value in _fields(_message(attribute)):
                if part == 5:
                    return _tensor(_message(value))[1]
    return None


def _tensor(data: bytes) -> tuple[str, NDArray[np.float32] | None]:
    """Name and values; None where it is not of float32."""
    dims: list[int] = []
    name, kind, raw = "", 0, b""
    for number, value in _fields(data):
        if number == 1:
            dims += _packed(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8:
            name = _message(value).decode()
        elif number in (4, 9):
            raw += _message(value)
    if kind != _FLOAT:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(dims).copy()


def _packed(value: bytes | int) -> list[int]:
    if isinstance(value, int):
        return [value]
    out, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        out.append(number)
    return out
