"""The array reader reads arrays, and runs nothing of what it is given."""

import collections
import contextlib
import os
import pickle
import struct

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import ModelFileError
from facegen.flame.unpickle import read_pickle
from tests.flame.chumpy_files import fake_chumpy

PROTOCOLS = range(6)
CONTENT = {
    "c": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.array([1, 2**20], ">i4"),
    "faces": np.arange(6, dtype=np.uint32).reshape(2, 3),
    "empty": np.zeros((0, 3)),
    "csc": sparse.csc_matrix(np.array([[0, 1.5, 0], [2, 0, 0]])),
    "csr": sparse.csr_matrix(np.array([[0, 1.5, 0], [2, 0, 0]])),
    "scalar": np.float32(3),
    "plain": [1, -2, 2**40, 2.5, True, None, "text", (1, 2)],
    "ordered": collections.OrderedDict(a=1),
}


def refused(data, match=None):
    with pytest.raises(ModelFileError, match=match) as caught:
        read_pickle(data, "head.pkl")
    assert "\n" not in str(caught.value) and "https://" in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_every_protocol(protocol):
    out = read_pickle(pickle.dumps(CONTENT, protocol=protocol), "head.pkl")
    for name in ("c", "fortran", "big", "faces", "empty"):
        np.testing.assert_array_equal(out[name], CONTENT[name])
    for name in ("csc", "csr"):
        np.testing.assert_array_equal(out[name], CONTENT[name].toarray())
    assert out["scalar"] == 3 and out["plain"] == CONTENT["plain"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_chumpy_arrays_without_chumpy(protocol):
    with fake_chumpy() as ch:
        data = pickle.dumps({"x": ch(np.eye(3)), "nested": ch(ch(np.ones(2)))}, protocol=protocol)
    out = read_pickle(data, "head.pkl")
    np.testing.assert_array_equal(out["x"], np.eye(3))
    np.testing.assert_array_equal(out["nested"], np.ones(2))


def test_python2_strings_carry_array_bytes():
    raw = np.array([1.5, -2.25]).tobytes()
    data = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I2\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        b"S'" + "".join(f"\\x{b:02x}" for b in raw).encode() + b"'\ntb."
    )
    np.testing.assert_array_equal(read_pickle(data, "head.pkl"), [1.5, -2.25])


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Shell:
    def __reduce_ex__(self, protocol):
        return os.system, ("echo attacked > attacked.txt",)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "attack",
    [
        Shell(),
        Call(eval, "open('attacked.txt', 'w')"),
        Call(exec, "open('attacked.txt', 'w')"),
        Call(getattr, "text", "upper"),
        Call(__import__, "os"),
        Call(np.load, "file.npy"),
        Call(np.memmap, "attacked.txt"),
        Call(bytearray, 10),
        {"v_template": [Shell()]},
    ],
    ids=lambda a: getattr(getattr(a, "function", None), "__name__", type(a).__name__),
)
def test_calls_are_refused_and_not_made(attack, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(pickle.dumps(attack, protocol=protocol), "asks for")
    assert not list(tmp_path.iterdir())


def short(text):
    return b"\x8c" + bytes([len(text)]) + text.encode()


DTYPE = b"cnumpy\ndtype\n(S'%s'\nI0\nI1\ntR"
NEW = b"cnumpy.core.multiarray\n_reconstruct\n(%s(I0\ntS'b'\ntR"
ARRAY = NEW % b"cnumpy\nndarray\n"


def array(shape, code=b"f8", data=b"S''\n"):
    return ARRAY + b"(I1\n(" + shape + b"t" + DTYPE % code + b"I00\n" + data + b"tb."


@pytest.mark.parametrize(
    "data",
    {
        "subtype": NEW % b"cnumpy\nmemmap\n" + b".",
        "subtype is a dtype": NEW % b"cnumpy\ndtype\n" + b".",
        "dotted name": b"\x80\x04" + short("numpy") + short("ndarray.__class__") + b"\x93.",
        "dotted module": b"\x80\x04" + short("numpy.os") + short("system") + b"\x93.",
        "forged module": b"cnumpy.core.multiarray.evil\n_reconstruct\n.",
        "name of bytes": b"\x80\x04C\x05numpyC\x07ndarray\x93.",
        "name of a tuple": b"\x80\x04))\x93.",
        "call of a string": b"\x80\x04" + short("os") + b")R.",
        "call of a dtype object": DTYPE % b"f8" + b")R.",
        "object of ndarray": b"cnumpy\nndarray\n)\x81.",
        "state on a list": b"](S'a'\nI1\ntb.",
        "state on a dict": b"}}b.",
        "extension code": b"\x82\x01.",
        "extension code 4": b"\x84\x01\x00\x00\x00.",
        "persistent id": b"Pevil\n.",
        "binary persistent id": b"I1\nQ.",
        "INST": b"(S'id'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'id'\no.",
        "NEWOBJ_EX": b"cnumpy\nndarray\n)}\x92.",
        "giant array": array(b"I99999999\nI99999999\n"),
        "negative shape": array(b"I-1\n"),
        "boolean shape": array(b"I01\n"),
        "giant text": b"\x8d" + struct.pack("<Q", 2**62),
        "giant bytes": b"\x8e" + struct.pack("<Q", 2**62),
        "giant bytearray": b"\x96" + struct.pack("<Q", 2**62),
        "negative string": b"T" + struct.pack("<i", -5) + b"hello.",
        "giant integer": b"I" + b"9" * 10**6 + b"\n.",
        "giant long": b"\x8b" + struct.pack("<i", 2**30),
        "long of 32 bytes": b"\x8a\x20" + b"\x01" * 32 + b".",
        "negative long": b"\x8b" + struct.pack("<i", -4) + b".",
        "objects in an array": array(b"I1\n", b"O8", b"(I1\nl"),
        "structured array": array(b"", b"f8,O", b"S''\n"),
        "void array": array(b"I1\n", b"V8", b"S'12345678'\n"),
        "time array": array(b"I1\n", b"M8", b"S'12345678'\n"),
        "endless chumpy": b"cchumpy.ch\nCh\n)\x81q\x00}S'x'\nh\x00sb.",
        "chumpy without data": b"cchumpy.ch\nCh\n)\x81.",
        "deep key": b"}(I1\n" + b"\x85q\x00h\x00\x86" * 100 + b"I1\nst.",
        "empty stack": b".",
        "pop below mark": b"I1\n(0.",
        "mark without start": b"t.",
        "unknown memo": b"h\x07.",
        "empty": b"",
        "text": b"# a text file\n",
        "html": b"<!DOCTYPE html><html>Please log in</html>",
        "zip": b"PK\x03\x04",
    }.items(),
    ids=lambda item: item[0],
)
def test_malformed_and_hostile_programs(data):
    refused(data[1])


def test_deep_nesting_needs_no_recursion():
    assert read_pickle(b")" + b"\x85" * 100_000 + b".", "head.pkl")


def test_bytes_cannot_be_multiplied():
    chunk = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x00"
    again = b"c_codecs\nencode\n(h\x00S'latin1'\ntR0"
    refused(chunk + again * 2100 + b".", "memory")


def test_too_many_opcodes():
    refused(b"N0" * 600_000 + b".", "opcodes")


def test_sparse_matrix_with_forged_starts():
    matrix = sparse.csc_matrix(np.eye(3))
    matrix.indptr = np.array([0, 0, 0, 2**40])
    refused(pickle.dumps({"J": matrix}, protocol=2), "sparse")
    matrix = sparse.csc_matrix(np.eye(3))
    matrix._shape = (2**20, 2**20)
    refused(pickle.dumps({"J": matrix}, protocol=2), "sparse")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truncation_anywhere(protocol):
    data = pickle.dumps(CONTENT, protocol=protocol)
    for end in range(0, len(data), 7):
        refused(data[:end])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 400))
def test_noise_ends_in_one_kind_of_error(noise, where):
    data = pickle.dumps(CONTENT, protocol=2)
    for program in (noise + b".", data[:where] + noise + data[where + len(noise) :]):
        with contextlib.suppress(ModelFileError):
            read_pickle(program, "head.pkl")
