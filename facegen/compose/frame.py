"""Head landmarks of any FLAME-layout model, in units that need no model-specific constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from facegen.flame.model import HeadModel

_INNER = ("mouth", "teeth_upper", "teeth_lower", "tongue")
_EYES = ("eye_left", "eye_right")
# Classes of surface that may only take pixels from their own kind.
OUTSIDE, SKIN, INNER, EYE = 0, 1, 2, 3
# Below this height (inter-ocular distances under the eyes, on the back) shoulders begin.
_SHOULDER_BACK = -2.8


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Fixed facts about a head model that composing needs.

    Attributes:
        eyes: ``(2, 3)`` rest positions of left and right eye joint, metres.
        iod: distance between them, metres.
        local: ``(V, 3)`` rest vertices relative to the mid-eye point, in units of ``iod``.
        faces: ``(F', 3)`` triangles that are drawn (shoulders at the back are not).
        face_ids: ``(F',)`` their index in the model. face_class: ``(F',)`` uint8 class.
        face_region: ``(F',)`` uint8 label of the model.
        skin: ``(V,)`` bool, vertices of the outer skin.
        skull: vertex indices that move rigidly with the head and face forward or up.
        neck_base: vertex indices of the front of the neck where it meets the chest.
        smooth: ``(V, V)`` sparse averaging over neighbours.
    """

    eyes: NDArray[np.float64]
    iod: float
    local: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_ids: NDArray[np.int32]
    face_class: NDArray[np.uint8]
    face_region: NDArray[np.uint8]
    skin: NDArray[np.bool_]
    skull: NDArray[np.intp]
    neck_base: NDArray[np.intp]
    smooth: sp.csr_matrix

    @classmethod
    def of(cls, model: HeadModel) -> HeadFrame:
        """Measure a model."""
        eyes = (model.J_regressor.astype(np.float64) @ model.v_template)[3:5]
        iod = float(np.linalg.norm(eyes[0] - eyes[1]))
        local = ((model.v_template - eyes.mean(0)) / iod).astype(np.float32)
        centre = local[model.faces].mean(1)
        keep = np.flatnonzero((centre[:, 1] > _SHOULDER_BACK) | (centre[:, 2] > -2.4))
        keep = keep[centre[keep, 1] > _SHOULDER_BACK + 0.36]
        region = model.face_regions[keep]
        kind = np.full(len(keep), SKIN, np.uint8)
        kind[np.isin(region, model.region_ids(*_INNER))] = INNER
        kind[np.isin(region, model.region_ids(*_EYES))] = EYE
        skin = np.zeros(model.n_vertices, bool)
        inner = np.isin(model.face_regions, model.region_ids(*_INNER, *_EYES))
        skin[np.unique(model.faces[~inner])] = True
        rigid = skin & (model.weights[:, 1] > 0.95)
        root = model.weights[:, 0]
        front = local[:, 2] > -1.45
        return cls(
            eyes=eyes,
            iod=iod,
            local=local,
            faces=np.ascontiguousarray(model.faces[keep]),
            face_ids=keep.astype(np.int32),
            face_class=kind,
            face_region=region,
            skin=skin,
            skull=np.flatnonzero(rigid & (local[:, 1] > 0.5)),
            neck_base=np.flatnonzero(skin & (root > 0.3) & (root < 0.8) & front),
            smooth=_averaging(model.faces, model.n_vertices),
        )


def _averaging(faces: NDArray[np.int32], n: int) -> sp.csr_matrix:
    rows = np.concatenate([faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()])
    cols = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces[:, [0, 1, 2]].ravel()])
    link = sp.coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(n, n)).tocsr()
    link.data[:] = 1
    return sp.diags(1 / np.maximum(np.asarray(link.sum(1)).ravel(), 1)) @ link
