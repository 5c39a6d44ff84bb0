"""The one place that chooses how attention is computed."""

from __future__ import annotations

import importlib.util

import torch
import torch.nn.functional as F
from torch import Tensor

from facegen.errors import UsageError

BACKENDS = ("auto", "sdpa", "xformers", "sliced")
# Rows of queries a slice: bounds the score matrix where memory is short.
_SLICE = 1024


class Attention:
    """Softmax attention by torch's fused kernels, xformers, or in slices of queries.

    Args:
        backend: ``auto`` takes torch's kernels, which are at least as quick where both exist, and
            slices where the device's memory does not hold the whole.

    Raises:
        UsageError: an unknown backend, or xformers where it is not installed or cannot run.
    """

    def __init__(self, backend: str = "auto") -> None:
        if backend not in BACKENDS:
            raise UsageError(f"attention {backend}: choose from {', '.join(BACKENDS)}")
        if backend == "xformers" and importlib.util.find_spec("xformers") is None:
            raise UsageError("attention xformers: add it with pip install 'facegen[xformers]'")
        self.backend = backend

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Weighted values ``(B, heads, N, d)`` for queries; keys and values have M rows."""
        if self.backend == "xformers" and query.is_cuda:
            return _xformers(query, key, value)
        if self.backend == "sliced":
            return _sliced(query, key, value)
        try:
            return F.scaled_dot_product_attention(query, key, value)
        except torch.OutOfMemoryError:
            if self.backend != "auto":
                raise
            return _sliced(query, key, value)


def _xformers(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    from xformers.ops import memory_efficient_attention

    rows = [x.transpose(1, 2).contiguous() for x in (query, key, value)]
    return memory_efficient_attention(*rows).transpose(1, 2)


def _sliced(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    parts = query.split(_SLICE, dim=2)
    return torch.cat([F.scaled_dot_product_attention(q, key, value) for q in parts], dim=2)
