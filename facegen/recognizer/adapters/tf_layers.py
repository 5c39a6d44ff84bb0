"""TensorFlow's border rule in PyTorch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as nnf


def same_pad(x: Tensor, kernel: int, stride: int, value: float = 0.0, *, up: bool = True) -> Tensor:
    """Border of ``padding="same"``: the odd pixel goes to the right and the bottom.

    Args:
        x: ``(B, C, H, W)``. value: what the border holds.
        up: the number of outputs is rounded up, as TensorFlow does. Some conversions to ONNX round
            it down; the border may then be negative, which cuts pixels off.
    """
    pads: list[int] = []
    for length in (x.shape[3], x.shape[2]):
        outputs = -(-length // stride) if up else length // stride
        total = (outputs - 1) * stride + kernel - length
        total = max(total, 0) if up else total
        before = int(total / 2)  # towards zero, for negative ones too
        pads += [before, total - before]
    return nnf.pad(x, pads, value=value)
