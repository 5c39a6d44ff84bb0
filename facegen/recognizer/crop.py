"""The crop a network was trained on: part of the model, and differentiable."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]
Rule = Literal["upright", "box", "whole"]

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
_FINEST = 16  # samples per crop pixel and direction, at most


def upright_square(points: NDArray[np.floating], side: int, margin: float = 1.0) -> Array:
    """``(2, 3)`` from picture to crop pixels: a square around the face mesh, eyes level.

    Args:
        points: landmarks ``(478, 2+)``, pixels. side: of the crop, pixels.
        margin: side of the square in longer sides of the upright mesh.
    """
    points = np.asarray(points, np.float64)[:, :2]
    right, left = points[[33, 133]].mean(0), points[[362, 263]].mean(0)
    x, y = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    return _square(points, np.array([[x, y], [-y, x]]), side, margin)


def _square(points: Array, turn: Array, side: int, margin: float) -> Array:
    mesh = points[:468] @ turn.T
    low, high = mesh.min(0), mesh.max(0)
    linear = side / (margin * max(float((high - low).max()), 1e-6)) * turn
    middle = turn.T @ ((low + high) / 2)
    return np.concatenate([linear, (side / 2 - linear @ middle)[:, None]], axis=1)


@dataclass(frozen=True)
class CropSpec:
    """How a face becomes the input of a network.

    Attributes:
        size: side of the input, pixels.
        rule: ``upright`` square around the face mesh with the eyes level; ``box`` the same with
            the picture's own axes; ``whole`` the picture as it is, squeezed to a square (for sets
            that come cropped).
        margin: side of the crop in sides of the mesh (or of the picture): below 1 is tighter.
        channels: ``rgb``, ``bgr`` or ``grey``.
        mean, std: of the input in 0..1, one per channel.
    """

    size: int
    rule: Rule = "upright"
    margin: float = 1.0
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        count = 1 if self.channels == "grey" else 3
        if len(self.mean) != count or len(self.std) != count:
            raise UsageError(f"crop: {self.channels} needs {count} values of mean and std")
        if self.size < 1 or self.margin <= 0 or min(self.std) <= 0:
            raise UsageError("crop: size, margin and std must be above 0")
        if self.rule not in ("upright", "box", "whole"):
            raise UsageError(f"crop: no rule {self.rule!r}; choose upright, box or whole")

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, size, size)`` of one input."""
        return (len(self.mean), self.size, self.size)

    def matrix(self, points: NDArray[np.floating] | None, height: int, width: int) -> Array:
        """``(2, 3)`` from pixels of a ``height x width`` picture to pixels of the crop.

        Args:
            points: landmarks ``(478, 2+)``; not needed where the rule is ``whole``.

        Raises:
            UsageError: the rule needs landmarks.
        """
        if self.rule == "whole":
            scale = self.size / (self.margin * np.array([width, height], np.float64))
            shift = self.size / 2 - scale * np.array([width, height]) / 2
            return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        if points is None:
            raise UsageError(f"a crop by the rule {self.rule} needs the face's landmarks")
        if self.rule == "upright":
            return upright_square(points, self.size, self.margin)
        return _square(np.asarray(points, np.float64)[:, :2], np.eye(2), self.size, self.margin)

    def apply(self, images: Tensor, matrices: Tensor | Array) -> Tensor:
        """Network input ``(B, C, size, size)``; gradients reach the pixels and the matrices.

        Shrinks with an area filter (several samples per crop pixel, then their mean); beyond the
        border the picture's edge goes on.

        Args:
            images: ``(B, 3, H, W)`` RGB in 0..1. matrices: ``(B, 2, 3)`` of :meth:`matrix`.
        """
        import torch

        where = torch.as_tensor(matrices, dtype=images.dtype, device=images.device)
        linear = where[:, :, :2].detach().double()
        steps = (1 / torch.linalg.svdvals(linear)[:, -1].clamp(min=1e-9)).round(decimals=3)
        fine = steps.ceil().clamp(1, _FINEST).long()
        out = images.new_empty(len(images), 3, self.size, self.size)
        for count in fine.unique().tolist():
            chosen = fine == count
            part = self._sample(images[chosen], where[chosen], int(count))
            out = out.index_put((chosen.nonzero()[:, 0],), part)
        return self.normalise(out)

    def _sample(self, images: Tensor, where: Tensor, count: int) -> Tensor:
        """Bilinear samples at ``count x count`` places of every crop pixel, and their mean."""
        import torch
        from torch.nn import functional as nnf

        height, width = images.shape[2:]
        side = self.size * count
        line = (torch.arange(side, device=images.device, dtype=images.dtype) + 0.5) / count
        crop = (
            torch.stack(torch.meshgrid(line, line, indexing="xy"), -1) - where[:, None, None, :, 2]
        )
        back = torch.linalg.inv(where[:, :, :2])
        places = torch.einsum("bij,bhwj->bhwi", back, crop)
        span = places.new_tensor([width, height])
        picked = nnf.grid_sample(
            images, 2 * places / span - 1, padding_mode="border", align_corners=False
        )
        return picked if count == 1 else nnf.avg_pool2d(picked, count)

    def normalise(self, pictures: Tensor) -> Tensor:
        """Crops ``(..., 3, S, S)``, RGB 0..1, as the network wants them: ``(..., C, S, S)``."""
        if self.channels == "grey":
            weights = pictures.new_tensor(GREY)[:, None, None]
            pictures = (pictures * weights).sum(-3, keepdim=True)
        elif self.channels == "bgr":
            pictures = pictures.flip(-3)
        mean, std = (pictures.new_tensor(v)[:, None, None] for v in (self.mean, self.std))
        return (pictures - mean) / std

    def whole(self) -> CropSpec:
        """The same input made of pictures that are cropped already."""
        return replace(self, rule="whole", margin=1.0)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> CropSpec:
        """The inverse of :meth:`to_dict`.

        Raises:
            UsageError: not such a dictionary.
        """
        try:
            lists = {key: tuple(given[key]) for key in ("mean", "std")}
            return cls(**{**given, **lists})
        except (KeyError, TypeError) as error:
            raise UsageError(f"not a crop: {error}") from error
