"""DECA, EMOCA and SMIRK: own definitions under the names of their published files.

Sources: Feng et al. 2021 (DECA), Danecek et al. 2022 (EMOCA), Retsinas et al. 2024 (SMIRK), and the
layouts of their public repositories. Only what gives FLAME parameters is here: detail maps,
textures and neural renderers are left in the files. All take ``(B, 3, 224, 224)`` RGB in 0..1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facegen.errors import ModelFileError
from facegen.trackers.codes import FaceCodes
from facegen.trackers.mobilenet import FEATURES, MobileNetV3, Size
from facegen.trackers.resnet import ResNetEncoder, regressor

# DECA's 236 numbers in order: identity, texture, expression, pose (root, jaw), camera, light.
DECA_PARTS = (100, 50, 50, 6, 3, 27)
_EXPRESSION = 50
_LID_COLUMNS, _JAW_COLUMNS = 2, 3
_JAW_SIDE = 0.2


class Deca(nn.Module):
    """DECA's coarse encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.E_flame = ResNetEncoder(sum(DECA_PARTS))

    def forward(self, images: Tensor) -> FaceCodes:
        betas, _, expression, pose, camera, _ = self.E_flame(images).split(DECA_PARTS, 1)
        return FaceCodes(betas, expression, pose[:, :3], pose[:, 3:], camera)


class Emoca(nn.Module):
    """DECA with a second network for expression and jaw (EMOCA, v1 and v2).

    Args:
        outputs: of the second network: 50 (expression), 53 (and jaw) or 56 (and root before jaw).
        shared: it is only a second regressor on DECA's features.

    Raises:
        ModelFileError: another number of outputs.
    """

    def __init__(self, outputs: int = _EXPRESSION + 3, *, shared: bool = False) -> None:
        super().__init__()
        if outputs - _EXPRESSION not in (0, 3, 6):
            raise ModelFileError(f"EMOCA with {outputs} expression outputs is not known")
        self.shared = shared
        self.E_flame = ResNetEncoder(sum(DECA_PARTS))
        self.E_expression = _Regressor(outputs) if shared else ResNetEncoder(outputs)

    def forward(self, images: Tensor) -> FaceCodes:
        features = self.E_flame.encoder(images)
        betas, _, _, pose, camera, _ = self.E_flame.layers(features).split(DECA_PARTS, 1)
        own = self.E_expression(features if self.shared else images)
        expression, own_pose = own[:, :_EXPRESSION], own[:, _EXPRESSION:]
        pose = torch.cat([pose[:, : 6 - own_pose.shape[1]], own_pose], 1)
        return FaceCodes(betas, expression, pose[:, :3], pose[:, 3:], camera)


class _Regressor(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.layers = regressor(outputs)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


class _Head(nn.Module):
    """Features under ``encoder`` and one linear layer under a name of SMIRK's files."""

    def __init__(self, size: Size, layer: str, outputs: int) -> None:
        super().__init__()
        self.encoder = MobileNetV3(size)
        self.layer = layer
        setattr(self, layer, nn.Sequential(nn.Linear(FEATURES[size], outputs)))

    def forward(self, images: Tensor) -> Tensor:
        return getattr(self, self.layer)(self.encoder(images))


class Smirk(nn.Module):
    """SMIRK's three encoders.

    Args:
        identity: identity coefficients (300 in the published file).
    """

    def __init__(self, identity: int = 300) -> None:
        super().__init__()
        numbers = _EXPRESSION + _LID_COLUMNS + _JAW_COLUMNS
        self.pose_encoder = _Head("small", "pose_cam_layers", 6)
        self.shape_encoder = _Head("large", "shape_layers", identity)
        self.expression_encoder = _Head("large", "expression_layers", numbers)

    def forward(self, images: Tensor) -> FaceCodes:
        pose, camera = self.pose_encoder(images).split(3, 1)
        expression, lids, jaw = self.expression_encoder(images).split(
            (_EXPRESSION, _LID_COLUMNS, _JAW_COLUMNS), 1
        )
        # As trained: the jaw only opens, and moves little to the sides.
        jaw = torch.cat([jaw[:, :1].relu(), jaw[:, 1:].clamp(-_JAW_SIDE, _JAW_SIDE)], 1)
        return FaceCodes(
            self.shape_encoder(images), expression, pose, jaw, camera, lids.clamp(0, 1)
        )
