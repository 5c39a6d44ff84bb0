"""Ties features of the skull to the head, so that later frames can be fitted to them too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.anchors import Anchors, Skull
from facegen.flame.fitting import HeadFit
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.tracking.features import Features

_FEWEST = 6
# Eye distances between a feature and its place on the head from which it is given up: it belongs
# to the background, or to hair that hangs.
_STRAY = 0.06


class SkullAnchors:
    """Remembers where on the head each feature was first seen.

    Args:
        head: the model. betas: ``(S,)`` identity.
    """

    def __init__(self, head: HeadModel, betas: NDArray[np.floating]) -> None:
        self._skull = Skull.of(head, betas)
        shaped = head.v_template + head.shapedirs[:, :, : len(betas)] @ betas.astype(np.float32)
        self._neck = head.J_regressor[1].astype(np.float64) @ shaped
        self.reset()

    def reset(self) -> None:
        """Forget all features: after a cut or a lost face."""
        self._known: dict[int, NDArray[np.float64]] = {}
        self._strays: set[int] = set()

    def match(self, features: Features) -> Anchors | None:
        """Known features among those seen; None where too few are."""
        there = [i for i, name in enumerate(features.ids.tolist()) if name in self._known]
        if len(there) < _FEWEST:
            return None
        points = np.array([self._known[int(features.ids[i])] for i in there])
        return Anchors(points, features.pixels[there])

    def learn(self, features: Features, fit: HeadFit) -> None:
        """Give up features that stray from the fitted head; tie new ones to it."""
        rotation = rotation_matrix(fit.neck_pose.astype(np.float64))
        neck = self._neck + fit.transl
        names = features.ids.tolist()
        self._known = {name: self._known[name] for name in names if name in self._known}
        for name, pixel in zip(names, features.pixels, strict=True):
            if name in self._known:
                seen = fit.camera.project(rotation @ self._known[name] + neck)[:2]
                if np.hypot(*(seen - pixel)) > _STRAY * fit.iod:
                    del self._known[name]
                    self._strays.add(name)
        fresh = [i for i, n in enumerate(names) if n not in self._known and n not in self._strays]
        if fresh:
            points = self._skull.under(features.pixels[fresh], rotation, neck, fit.camera)
            self._known.update(zip((names[i] for i in fresh), points, strict=True))
