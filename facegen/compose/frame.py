"""Head landmarks of any FLAME-layout model, in units that need no model-specific constants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from facegen.flame.model import HeadModel

# Classes of surface that may only take pixels from their own kind.
OUTSIDE, SKIN, CAVITY, EYE, UPPER, LOWER = range(6)
_CLASSES = {
    CAVITY: ("mouth", "tongue"),
    EYE: ("eye_left", "eye_right"),
    UPPER: ("teeth_upper",),
    LOWER: ("teeth_lower",),
}
# The model's teeth stand high behind its lips; people show the edges of the upper incisors as soon
# as the lips part. Moved down by this much, in inter-ocular distances.
_TEETH_DROP = {UPPER: 0.05, LOWER: 0.045}
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
        teeth_drop: ``(V,)`` metres by which teeth are drawn lower than the model has them.
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
    teeth_drop: NDArray[np.float32]
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
        inner = np.zeros(len(model.faces), bool)
        drop = np.zeros(model.n_vertices, np.float32)
        for label, names in _CLASSES.items():
            ids = model.region_ids(*names)
            kind[np.isin(region, ids)] = label
            own = np.isin(model.face_regions, ids)
            inner |= own
            drop[np.unique(model.faces[own])] = _TEETH_DROP.get(label, 0) * iod
        skin = np.zeros(model.n_vertices, bool)
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
            teeth_drop=drop,
            smooth=_averaging(model.faces, model.n_vertices),
        )


@lru_cache(maxsize=2)
def head_frame(model: HeadModel) -> HeadFrame:
    """``HeadFrame.of``, measured once a model."""
    return HeadFrame.of(model)


def rigid_rotation(source: NDArray, target: NDArray) -> NDArray[np.float64]:
    """Rotation ``(3, 3)`` that best turns ``source`` into ``target`` (Kabsch 1976)."""
    p, q = source - source.mean(0), target - target.mean(0)
    u, _, vt = np.linalg.svd(p.T.astype(np.float64) @ q)
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    return vt.T @ np.diag([1, 1, sign]) @ u.T


def _averaging(faces: NDArray[np.int32], n: int) -> sp.csr_matrix:
    rows = np.concatenate([faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()])
    cols = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces[:, [0, 1, 2]].ravel()])
    link = sp.coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(n, n)).tocsr()
    link.data[:] = 1
    return sp.diags(1 / np.maximum(np.asarray(link.sum(1)).ravel(), 1)) @ link
