"""A stack machine that turns a pickle into inert records.

A pickle is a program for a small stack machine, and ``pickle.load`` lets that program call
anything. This machine has no call: the few names that array files use are turned into inert
records, every other name, extension, persistent object or opcode ends the reading. It knows just
enough for numpy arrays, scipy sparse matrices and chumpy arrays written by Python 2 or 3.
Opcodes: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

MAX_OPCODES = 1_000_000
MAX_BYTES = 2 << 30
_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|[SU]\d{1,4})\Z")

# What a name stands for. Nothing here is ever imported or called.
_NAMES: dict[tuple[str, str], str] = {
    **{(m, "_reconstruct"): "new array" for m in _NUMPY},
    **{(m, "scalar"): "scalar" for m in _NUMPY},
    **{(m, "_frombuffer"): "array of bytes" for m in _NUMERIC},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "latin1 bytes",
    **{(m, "bytes"): "latin1 bytes" for m in ("__builtin__", "builtins")},
    ("copy_reg", "_reconstructor"): "new object",
    ("copyreg", "_reconstructor"): "new object",
    **{(m, "object"): "object" for m in ("__builtin__", "builtins")},
    **{(m, "set"): "container" for m in ("__builtin__", "builtins")},
    ("collections", "OrderedDict"): "container",
    ("collections", "defaultdict"): "container",
    **{(f"scipy.sparse.{m}", "csc_matrix"): "csc" for m in ("csc", "_csc")},
    **{(f"scipy.sparse.{m}", "csr_matrix"): "csr" for m in ("csr", "_csr")},
    ("chumpy.ch", "Ch"): "chumpy",
    ("chumpy", "Ch"): "chumpy",
}
_OBJECTS = ("container", "csc", "csr", "chumpy")


@dataclass(frozen=True)
class _Name:
    means: str


@dataclass
class _Dtype:
    code: str

    def numpy(self) -> np.dtype:
        if not _DTYPE.match(self.code):
            raise ValueError(f"array of type {self.code!r}")
        return np.dtype(self.code)


@dataclass
class Array:
    value: Any = None


@dataclass
class Record:
    """What a foreign object left behind: ``kind`` (csc, csr, chumpy, container) and ``state``."""

    kind: str
    state: dict[Any, Any] = field(default_factory=dict)


class Machine:
    """One run over ``data``; :meth:`run` returns the top object or raises a plain exception."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.spent = data, 0, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MAX_OPCODES):
            code = self.take(1)
            if code == b".":
                return self.pop()
            try:
                step = _STEPS[code]
            except KeyError:
                raise ValueError(f"opcode {code!r} at byte {self.at - 1}") from None
            step(self)
        raise ValueError(f"more than {MAX_OPCODES} opcodes")

    def take(self, n: int) -> bytes:
        end = self.at + n
        if n < 0 or end > len(self.data):
            raise EOFError("the file ends too early")
        out = self.data[self.at : end]
        self.at = end
        return out

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        return self.take(end + 1 - self.at)[:-1] if end >= 0 else self.take(len(self.data) + 1)

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def spend(self, n: int) -> None:
        """A short program can ask for the same bytes again and again."""
        self.spent += n
        if self.spent > MAX_BYTES:
            raise ValueError("more memory than a head model needs")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("empty stack")
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise ValueError(f"no {kind.__name__} to fill")
        return self.stack[-1]

    def items(self) -> list[Any]:
        start = self.marks.pop()
        out = self.stack[start:]
        del self.stack[start:]
        return out

    def fill(self, pairs: list[Any]) -> None:
        target = self.top(object)
        mapping = target.state if isinstance(target, Record) else self.top(dict)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # Hashing a tuple of tuples of the same tuple takes exponential time.
            if not isinstance(key, (str, bytes, int, float, type(None))):
                raise ValueError(f"dictionary key of type {type(key).__name__}")
            mapping[key] = value

    def new_dict(self) -> None:
        pairs = self.items()
        self.push({})
        self.fill(pairs)

    def extend(self, values: list[Any]) -> None:
        target = self.top(object)
        if not isinstance(target, Record):
            self.top(list).extend(values)

    def remember(self, index: int) -> None:
        self.memo[index] = self.top(object)

    def name(self, module: str, name: str) -> None:
        means = _NAMES.get((module, name))
        if means is None:
            raise ValueError(f"it asks for {module[:60]}.{name[:60]}")
        self.push(_Name(means))

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("name that is not text")
        self.name(module, name)

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ValueError("call of something unknown")
        self.push(self.made(function.means, arguments))

    def new_object(self) -> None:
        arguments, kind = self.pop(), self.pop()
        if not isinstance(kind, _Name) or kind.means not in _OBJECTS or arguments != ():
            raise ValueError("object of an unknown kind")
        self.push(Record(kind.means))

    def made(self, means: str, arguments: tuple) -> Any:
        """What a call of an allowed name stands for."""
        if means == "new array" and arguments[0] == _Name("ndarray"):
            return Array()
        if means == "dtype":
            return _Dtype(str(arguments[0]))
        if means == "latin1 bytes":
            return self.raw(arguments[0]) if arguments else b""
        if means == "scalar":
            kind, data = arguments
            return np.frombuffer(self.raw(data), kind.numpy())[0]
        if means == "array of bytes":
            data, kind, shape, order = arguments
            return Array(self.array(shape, kind, order == "F", data))
        if means == "new object" and isinstance(arguments[0], _Name):
            if arguments[0].means in _OBJECTS:
                return Record(arguments[0].means)
        elif means in _OBJECTS:
            return Record(means)
        raise ValueError(f"call of {means!r}")

    def build(self) -> None:
        state, target = self.pop(), self.top(object)
        if isinstance(target, Array) and isinstance(state, tuple):
            _, shape, kind, fortran, data = state
            target.value = self.array(shape, kind, bool(fortran), data)
        elif isinstance(target, _Dtype) and isinstance(state, tuple):
            if state[1] in ("<", ">") and target.code[:1] not in "<>|=":
                target.code = state[1] + target.code
        elif isinstance(target, Record):
            parts = state if isinstance(state, tuple) else (state,)
            for part in parts:
                if isinstance(part, dict):
                    target.state.update(part)
        else:
            raise ValueError("state of something unknown")

    def array(self, shape: Any, kind: Any, fortran: bool, data: Any) -> Any:
        if not isinstance(shape, tuple) or len(shape) > 8 or not isinstance(kind, _Dtype):
            raise ValueError("malformed array")
        if any(type(n) is not int or not 0 <= n < 1 << 40 for n in shape):
            raise ValueError(f"array of shape {shape!r:.60}")
        # numpy.savez wraps a foreign object, such as a sparse matrix, into an array of no axes.
        if kind.code in ("O", "O8", "|O", "<O8") and shape == () and isinstance(data, list):
            return data[0]
        # A view of the bytes: whatever shape is claimed, nothing is allocated for it.
        flat = np.frombuffer(self.raw(data), kind.numpy())
        return flat.reshape(shape, order="F" if fortran else "C")

    def raw(self, data: Any) -> bytes:
        if isinstance(data, str):
            self.spend(len(data))
            return data.encode("latin1")
        if not isinstance(data, (bytes, bytearray)):
            raise ValueError("array without bytes")
        return bytes(data)

    def text_int(self) -> Any:
        text = self.line()
        if len(text) > 24:
            raise ValueError("integer of absurd size")
        if text in (b"00", b"01"):
            return text == b"01"
        return int(text.rstrip(b"L"))

    def long(self, layout: str) -> int:
        size = self.number(layout)
        if size > 16:
            raise ValueError("integer of absurd size")
        return int.from_bytes(self.take(size), "little", signed=True)

    def quoted(self) -> str:
        text = self.line()
        if len(text) < 2 or text[:1] not in b"'\"" or text[-1:] != text[:1]:
            raise ValueError("malformed text")
        return codecs.escape_decode(text[1:-1])[0].decode("latin1")  # type: ignore[attr-defined]

    def tuple_of(self, n: int) -> tuple:
        return tuple([self.pop() for _ in range(n)][::-1])

    def recall(self, index: int) -> None:
        self.push(self.memo[index])

    def persistent(self, reference: Any) -> None:
        """An object kept outside the pickle; arrays have none."""
        raise ValueError("reference to something outside the file")


def _text(layout: str, encoding: str) -> Step:
    return lambda m: m.push(m.take(m.number(layout)).decode(encoding, "surrogatepass"))


def _bytes(layout: str) -> Step:
    return lambda m: m.push(m.take(m.number(layout)))


def _value(layout: str) -> Step:
    return lambda m: m.push(m.number(layout))


def _pair(m: Machine) -> list[Any]:
    return [m.pop() for _ in range(2)][::-1]


Step: TypeAlias = Callable[[Machine], Any]
_STEPS: dict[bytes, Step] = {
    b"\x80": lambda m: m.take(1),
    b"\x95": lambda m: m.take(8),
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"0": lambda m: m.pop(),
    b"1": lambda m: m.items(),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": lambda m: m.push(m.text_int()),
    b"L": lambda m: m.push(m.text_int()),
    b"J": _value("<i"),
    b"K": _value("<B"),
    b"M": _value("<H"),
    b"\x8a": lambda m: m.push(m.long("<B")),
    b"\x8b": lambda m: m.push(m.long("<i")),
    b"F": lambda m: m.push(float(m.line())),
    b"G": _value(">d"),
    b"S": lambda m: m.push(m.quoted()),
    b"T": _text("<i", "latin1"),
    b"U": _text("<B", "latin1"),
    b"B": _bytes("<I"),
    b"C": _bytes("<B"),
    b"\x8e": _bytes("<Q"),
    b"\x96": _bytes("<Q"),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b"X": _text("<I", "utf-8"),
    b"\x8c": _text("<B", "utf-8"),
    b"\x8d": _text("<Q", "utf-8"),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.items())),
    b"\x85": lambda m: m.push(m.tuple_of(1)),
    b"\x86": lambda m: m.push(m.tuple_of(2)),
    b"\x87": lambda m: m.push(m.tuple_of(3)),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.items()),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.items()),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.new_dict(),
    b"\x8f": lambda m: m.push(Record("container")),
    b"\x90": lambda m: m.extend(m.items()),
    b"s": lambda m: m.fill(_pair(m)),
    b"u": lambda m: m.fill(m.items()),
    b"p": lambda m: m.remember(m.text_int()),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.recall(m.text_int()),
    b"h": lambda m: m.recall(m.number("<B")),
    b"j": lambda m: m.recall(m.number("<I")),
    b"c": lambda m: m.name(m.line().decode(), m.line().decode()),
    b"\x93": lambda m: m.stack_global(),
    b"R": lambda m: m.reduce(),
    b"Q": lambda m: m.persistent(m.pop()),
    b"\x81": lambda m: m.new_object(),
    b"b": lambda m: m.build(),
}
