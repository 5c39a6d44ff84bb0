"""MobileNetV3 "minimal" features (Howard et al. 2019) as ported from TensorFlow.

No squeeze-and-excite, 3x3 only, ReLU. TensorFlow's "same" padding puts the odd pixel of a strided
convolution at the bottom right, and its batch norm uses 1e-3. Names are those of the public PyTorch
port that SMIRK's files were saved from: ``conv_stem, bn1, blocks.STAGE.BLOCK.*``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = Literal["small", "large"]
_EPS = 1e-3
_STEM = 16
# Per stage its blocks: expanded width (0: depthwise-separable), output width, stride.
_PLANS: dict[Size, tuple[tuple[tuple[int, int, int], ...], ...]] = {
    "small": (
        ((0, 16, 2),),
        ((72, 24, 2), (88, 24, 1)),
        ((96, 40, 2), (240, 40, 1), (240, 40, 1)),
        ((120, 48, 1), (144, 48, 1)),
        ((288, 96, 2), (576, 96, 1), (576, 96, 1)),
    ),
    "large": (
        ((0, 16, 1),),
        ((64, 24, 2), (72, 24, 1)),
        ((72, 40, 2), (120, 40, 1), (120, 40, 1)),
        ((240, 80, 2), (200, 80, 1), (184, 80, 1), (184, 80, 1)),
        ((480, 112, 1), (672, 112, 1)),
        ((672, 160, 2), (960, 160, 1), (960, 160, 1)),
    ),
}
FEATURES: dict[Size, int] = {"small": 576, "large": 960}


class _SameConv(nn.Conv2d):
    """3x3 convolution with TensorFlow's padding."""

    def __init__(self, inside: int, outside: int, stride: int, groups: int = 1) -> None:
        super().__init__(inside, outside, 3, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size in (x.shape[3], x.shape[2]):
            stride = self.stride[0]
            total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=_EPS)


class _Separable(nn.Module):
    """Depthwise, then pointwise without activation."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = _SameConv(inside, inside, stride, inside), _norm(inside)
        self.conv_pw, self.bn2 = nn.Conv2d(inside, outside, 1, bias=False), _norm(outside)
        self.shortcut = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv_pw(torch.relu(self.bn1(self.conv_dw(x)))))
        return x + y if self.shortcut else y


class _InvertedResidual(nn.Module):
    """Expand, depthwise, project."""

    def __init__(self, inside: int, middle: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv_pw, self.bn1 = nn.Conv2d(inside, middle, 1, bias=False), _norm(middle)
        self.conv_dw, self.bn2 = _SameConv(middle, middle, stride, middle), _norm(middle)
        self.conv_pwl, self.bn3 = nn.Conv2d(middle, outside, 1, bias=False), _norm(outside)
        self.shortcut = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv_pw(x)))
        y = self.bn3(self.conv_pwl(torch.relu(self.bn2(self.conv_dw(y)))))
        return x + y if self.shortcut else y


class _Pointwise(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.bn1 = nn.Conv2d(inside, outside, 1, bias=False), _norm(outside)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn1(self.conv(x)))


class MobileNetV3(nn.Module):
    """``(B, 3, H, W)`` to ``(B, FEATURES[size])``: the mean over the last map."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = _SameConv(3, _STEM, 2), _norm(_STEM)
        inside, stages = _STEM, []
        for plan in _PLANS[size]:
            blocks: list[nn.Module] = []
            for middle, outside, stride in plan:
                blocks.append(
                    _InvertedResidual(inside, middle, outside, stride)
                    if middle
                    else _Separable(inside, outside, stride)
                )
                inside = outside
            stages.append(nn.Sequential(*blocks))
        stages.append(nn.Sequential(_Pointwise(inside, FEATURES[size])))
        self.blocks = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(torch.relu(self.bn1(self.conv_stem(x)))).mean((2, 3))
