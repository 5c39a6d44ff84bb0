"""The base of all recognizers: a module that knows its crop, its labels and its licence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegen.errors import UsageError
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

if TYPE_CHECKING:
    from facegen.recognizer.frame import FaceFrame
    from facegen.recognizer.sights import Picture, SeenFace

Pictures = Path | str | NDArray[np.uint8] | Iterable[Path | str] | Iterable[NDArray[np.uint8]]


class FaceRecognizer(nn.Module, ABC):
    """Faces in, emotions, valence and arousal, action units, curves out.

    Attributes:
        spec: its identity card, crop included.
    """

    spec: RecognizerSpec

    def __init__(self, spec: RecognizerSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def forward(self, x: Tensor) -> RecognizerOutput:
        """Outputs of a batch; gradients flow to ``x`` where ``spec.differentiable``.

        Args:
            x: what ``spec.crop.apply`` gives: ``(B, C, S, S)``, or ``(B, T, C, S, S)`` for clips.
        """

    def features(self, x: Tensor, level: str = "frame") -> Tensor:
        """``(B, F)`` of one level of the trunk.

        Raises:
            UsageError: it has no such level; those it has are named.
        """
        found = self.forward(x).features
        if level not in found:
            raise UsageError(
                f"{self.spec.name} has no features {level!r}; it has {', '.join(found) or 'none'}"
            )
        return found[level]

    def read(self, images: Tensor, matrices: Tensor | NDArray[np.float64]) -> RecognizerOutput:
        """Outputs for faces in pictures; gradients reach the pictures through the crop.

        Args:
            images: ``(B, 3, H, W)`` RGB in 0..1. matrices: ``(B, 2, 3)``, of ``spec.crop.matrix``.
        """
        return self.forward(self.spec.crop.apply(images, matrices))

    def restart(self) -> None:
        """Another video begins: whatever was kept of the faces before is forgotten."""

    def observe(self, picture: Picture, face: SeenFace) -> Tensor:
        """What :meth:`tell` takes of one face: by default its crop ``(C, S, S)``.

        A face without landmarks is a picture that is cropped already.
        """
        from facegen.recognizer.predict import crop_of

        crop = self.spec.crop.whole() if face.points is None else self.spec.crop
        return crop_of(crop, picture.rgb, face.points)

    def tell(self, observed: Tensor) -> RecognizerOutput:
        """Outputs for a batch of what :meth:`observe` gave, ``(B, ...)``."""
        return self.forward(observed)

    def predict(
        self,
        source: Pictures,
        *,
        batch_size: int = 32,
        device: str | torch.device = "cpu",
        cropped: bool = False,
    ) -> FaceFrame:
        """Every face of pictures or of a video as a table; crops are made here.

        Args:
            source: a video, picture or folder of pictures; several paths; one picture
                ``(H, W, 3)`` or pictures ``(N, H, W, 3)`` uint8 RGB.
            batch_size: faces at once.
            device: where the network runs.
            cropped: each picture is one face already cropped, so none is looked for; the crop's
                rule becomes ``whole`` with its own margin left out.

        Raises:
            MediaError: a file cannot be read. UsageError: not such a source.
        """
        from facegen.recognizer.predict import predict

        return predict(self, source, batch_size=batch_size, device=device, cropped=cropped)

    def predict_emotions(self, faces: Any, **options: Any) -> tuple[list[str], NDArray[np.float64]]:
        """Labels and probabilities of cropped faces, as EmotiEffLib returns them.

        Args:
            faces: pictures of one face each. options: as :meth:`predict`.

        Returns:
            N names of ``spec.label_space`` and ``(N, C)``.

        Raises:
            UsageError: it tells no categories.
        """
        space = self.spec.label_space
        if space is None:
            raise UsageError(f"{self.spec.name} tells no categories of emotion")
        table = self.predict(faces, **{"cropped": True, **options}).emotions
        probabilities = table[list(space.keys)].to_numpy(float)
        return [space.classes[k] for k in probabilities.argmax(1)], probabilities

    def extract_features(self, faces: Any, *, level: str = "frame") -> NDArray[np.float32]:
        """Features ``(N, F)`` of cropped faces: pictures ``(N, H, W, 3)`` uint8 or one of them."""
        from facegen.recognizer.predict import whole_crops

        with torch.no_grad():
            return self.features(whole_crops(self.spec.crop, faces), level).cpu().numpy()
