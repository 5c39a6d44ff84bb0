"""Tiny recognizers for tests."""

import torch
from torch import Tensor, nn

from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

CROP = CropSpec(8, "upright", 1.0)


class TinyNet(FaceRecognizer):
    """Linear on the pixels, then everything a recognizer can tell."""

    def __init__(self, seed: int = 0, labels: str = "affectnet8", **card: object) -> None:
        given = {"weights_sha256": f"tiny{seed}", "trained_on": (f"set{seed}",), **card}
        spec = RecognizerSpec(
            name=f"tiny{seed}", crop=CROP, labels=labels, aus="disfa8", valence_arousal=True,
            **given,  # type: ignore[arg-type]
        )  # fmt: skip
        super().__init__(spec)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            space = spec.label_space
            assert space is not None
            self.trunk = nn.Linear(3 * 64, 12)
            self.norm = nn.BatchNorm1d(12)
            self.categories = nn.Linear(12, len(space))
            self.affect, self.units = nn.Linear(12, 2), nn.Linear(12, 8)

    def forward(self, x: Tensor) -> RecognizerOutput:
        features = self.norm(self.trunk(x.flatten(1))).tanh()
        return RecognizerOutput(
            logits=self.categories(features),
            valence_arousal=self.affect(features).tanh(),
            au_logits=self.units(features),
            features={"frame": features},
        )
