"""Tiny ONNX networks, written byte by byte: no package is needed to make them."""

import numpy as np


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def field(number, value):
    """A protocol-buffer field: an integer, or bytes and text with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, array):
    dims = b"".join(field(1, n) for n in array.shape)
    return dims + field(2, 1) + field(8, name) + field(9, array.astype("<f4").tobytes())


def value(name, shape):
    dims = b"".join(field(1, field(1, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def node(kind, inputs, output, **attributes):
    data = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, number in attributes.items():
        if isinstance(number, list):
            body = field(1, name) + b"".join(field(8, n) for n in number) + field(20, 7)
        else:
            assert isinstance(number, int)
            body = field(1, name) + field(3, number) + field(20, 2)
        data += field(5, body)
    return data


def write_net(path, takes, weights, *, columns=None, softmax=False):
    """Channel means of the input's first ``columns`` pixel columns times ``weights (C, N)``."""
    columns = takes[3] if columns is None else columns
    weights = np.asarray(weights, np.float32)
    nodes = [
        node("Slice", ["x"], "cut", axes=[3], starts=[0], ends=[columns]),
        node("GlobalAveragePool", ["cut"], "mean"),
        node("Flatten", ["mean"], "flat", axis=1),
        node("MatMul", ["flat", "w"], "y" if not softmax else "z"),
    ]
    if softmax:
        nodes.append(node("Softmax", ["z"], "y", axis=1))
    graph = b"".join(field(1, n) for n in nodes) + field(2, "tiny")
    graph += field(5, tensor("w", weights))
    graph += field(11, value("x", takes)) + field(12, value("y", (1, weights.shape[1])))
    model = field(1, 4) + field(8, field(2, 9)) + field(7, graph)
    path.write_bytes(model)
    return path
