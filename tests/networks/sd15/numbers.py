"""Numbers that any implementation can be filled with: by name and seed, not by order."""

import zlib

import numpy as np
import torch
from torch import nn


def array(name: str, shape: tuple[int, ...], scale: float = 1.0) -> torch.Tensor:
    """Standard normal numbers that belong to a name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return torch.from_numpy((scale * rng.standard_normal(shape)).astype(np.float32))


def fill(module: nn.Module, label: str) -> nn.Module:
    """Weights by name: matrices keep their input's size, norms scale by about 1."""
    for name, value in module.state_dict().items():
        if name.endswith("pos_encoder.pe"):
            continue
        fan = value[0].numel() if value.ndim > 1 else 100
        numbers = array(f"{label}.{name}", tuple(value.shape), fan**-0.5)
        if value.ndim == 1 and name.endswith("weight"):
            numbers += 1
        value.copy_(numbers)
    return module.eval().requires_grad_(False)
