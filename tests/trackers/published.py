"""Random weights in the layout of the published files, the same on every machine."""

import hashlib

import numpy as np
import torch


def scrambled(network, seed):
    """A state dict of ``network`` with reproducible random numbers of sensible size."""
    out = {}
    for index, (name, value) in enumerate(sorted(network.state_dict().items())):
        rng = np.random.default_rng((seed, index))
        shape = tuple(value.shape)
        if name.endswith("num_batches_tracked"):
            numbers = np.zeros(shape, np.int64)
        elif name.endswith("running_var"):
            numbers = rng.uniform(0.5, 1.5, shape)
        elif value.ndim > 1:
            numbers = rng.standard_normal(shape) * np.sqrt(2 / value[0].numel())
        else:
            # Batch norm's and biases' values stay small, so that nothing explodes with depth.
            numbers = rng.standard_normal(shape) * 0.05 + (name.endswith("weight") * 0.6)
        dtype = torch.int64 if value.dtype == torch.int64 else torch.float32
        out[name] = torch.as_tensor(numbers, dtype=dtype)
    return out


def layout(state):
    """Digest of names and shapes, batch counters left out (old files lack them)."""
    rows = [f"{k} {tuple(v.shape)}" for k, v in state.items() if "num_batches" not in k]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def pictures(count=2, seed=5):
    """Blots of colour ``(B, 3, 224, 224)``: noise would look the same to every network."""
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.random((count, 3, 7, 7)).repeat(32, 2).repeat(32, 3)).float()
