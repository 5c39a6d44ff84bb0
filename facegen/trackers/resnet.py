"""ResNet-50's features (He et al. 2016) under torchvision's names, without its classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEATURES = 2048
# Blocks per stage, and their bottleneck width.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3 (carries the stride), 1x1 and the shortcut."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = width * _EXPANSION
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(y + shortcut)


class ResNet50(nn.Module):
    """``(B, 3, 224, 224)`` to ``(B, 2048)``: the mean over the last 7x7 map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = 64
        for stage, (count, width) in enumerate(_STAGES, start=1):
            blocks = []
            for index in range(count):
                stride = 2 if stage > 1 and index == 0 else 1
                blocks.append(Bottleneck(inside, width, stride))
                inside = width * _EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for stage in range(1, len(_STAGES) + 1):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean((2, 3))


def regressor(outputs: int) -> nn.Sequential:
    """Features to numbers through one hidden layer."""
    return nn.Sequential(nn.Linear(FEATURES, 1024), nn.ReLU(), nn.Linear(1024, outputs))


class ResNetEncoder(nn.Module):
    """Features and a regressor of one hidden layer; names of DECA's files.

    Args:
        outputs: numbers per picture.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = regressor(outputs)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, 224, 224)`` to ``(B, outputs)``."""
        return self.layers(self.encoder(images))
