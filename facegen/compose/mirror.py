"""Faces are nearly symmetric: what a turned photo hides, its other half shows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from facegen.compose import field as fields
from facegen.compose.background import push_pull
from facegen.compose.frame import SKIN, HeadFrame, rigid_rotation
from facegen.compose.reference import Reference
from facegen.compose.surface import Surface, image_at, values_at

# Photos turned by less than this (degrees of yaw) show both halves alike.
TURNED_DEG = 10.0
# The mirrored half comes in over this range of the head's rotation since the photo, degrees.
_FROM_DEG, _TO_DEG = 5.0, 15.0
# Light may differ between the halves by up to this factor.
_LIGHT_LIMIT = 2.5


class MirrorPaint:
    """Paints hidden skin from its mirror image in the photo, relit to match its surroundings.

    Args:
        reference: the prepared photo.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        geometry, frame = reference.geometry, reference.frame
        self._rest = geometry.vertices[frame.skull]
        pose = rigid_rotation(reference.model.v_template[frame.skull], self._rest)
        yaw = np.degrees(np.arctan2(pose[0, 2], pose[2, 2]))
        self.useful = bool(abs(yaw) > TURNED_DEG)
        if self.useful:
            partner = mirror_vertices(frame)
            columns = [geometry.pixels, geometry.facing[:, None], geometry.solid[:, None]]
            mirrored = np.concatenate(columns, 1)[partner]
            self._values = np.column_stack([mirrored, geometry.hair]).astype(np.float32)

    def paint(
        self,
        surface: Surface,
        known: fields.Known,
        moved: NDArray[np.float32],
        colour: NDArray[np.float32],
        cover: NDArray[np.float32],
    ) -> None:
        """Draw into ``colour (S, S, 3)`` and ``cover (S, S)`` in place (not premultiplied).

        Args:
            known: of :func:`field.classify`. moved: ``(s, s, 3)`` coarse moved photo.
        """
        if not self.useful:
            return
        amount = self._amount(surface)
        if amount <= 0:
            return
        state, trust = known.state, known.trust
        weak = (state == fields.HIDDEN) | ((state == fields.SEEN) & (trust < 0.9))
        rows, cols = np.nonzero(weak & (surface.face_id >= 0))
        if len(rows) == 0:
            return
        ink, worth = self._mirrored(surface, rows, cols)
        light = self._light(surface, known, moved)
        size = state.shape[0]
        light = cv2.resize(light, (size, size), interpolation=cv2.INTER_LINEAR)[rows, cols]
        ink = np.clip(ink * np.exp(light), 0, 255)
        own = np.where(state[rows, cols] == fields.SEEN, trust[rows, cols], 0)
        share = amount * worth * (1 - own)
        under = cover[rows, cols] * (1 - share)
        total = share + under
        mixed = ink * share[:, None] + colour[rows, cols] * under[:, None]
        colour[rows, cols] = mixed / np.maximum(total, 1e-6)[:, None]
        cover[rows, cols] = total

    def _amount(self, surface: Surface) -> float:
        """0 while the head rests, 1 once it has turned."""
        turn = rigid_rotation(self._rest, surface.vertices[self._reference.frame.skull])
        angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        return float(np.clip((angle - _FROM_DEG) / (_TO_DEG - _FROM_DEG), 0, 1))

    def _mirrored(
        self, surface: Surface, rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colour ``(N, 3)`` of the mirror points in the photo, and 0..1 how well it shows them."""
        reference = self._reference
        geometry, frame = reference.geometry, reference.frame
        found = values_at(surface.pixels, frame.faces, surface.face_id, rows, cols, self._values)
        u, v, depth, facing, solid, hair = found.T
        size = reference.window.size
        x, y = np.clip(u.astype(int), 0, size - 1), np.clip(v.astype(int), 0, size - 1)
        kind = frame.face_class[surface.face_id[rows, cols]]
        seen = (kind == SKIN) & (geometry.kind[y, x] == SKIN)
        seen &= depth < geometry.depth[y, x] + fields.DEPTH_TOLERANCE * frame.iod
        worth = np.clip((facing - fields.GRAZING) / (fields.SAFE - fields.GRAZING), 0, 1)
        worth = np.where(seen, worth * np.clip(2 * solid - 1, 0, 1) * (1 - hair), 0)
        ink = image_at(reference.image, u, v)
        return ink, worth.astype(np.float32)

    def _light(
        self,
        surface: Surface,
        known: fields.Known,
        moved: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Log ratio ``(s, s, 3)`` of both halves where both are seen, carried on elsewhere."""
        step = fields.COARSE
        half = step // 2
        coarse_state = known.state[half::step, half::step]
        rows, cols = np.nonzero(coarse_state == fields.SEEN)
        light = np.zeros(moved.shape, np.float32)
        weight = np.zeros(moved.shape[:2], np.float32)
        if len(rows):
            at_rows, at_cols = rows * step + half, cols * step + half
            ink, worth = self._mirrored(surface, at_rows, at_cols)
            ratio = np.log((moved[rows, cols] + 12) / (ink + 12))
            bound = np.log(_LIGHT_LIMIT)
            light[rows, cols] = np.clip(ratio, -bound, bound)
            weight[rows, cols] = worth * known.trust[at_rows, at_cols]
        if weight.max() < 0.05:
            return light
        filled = push_pull(light, weight)
        return cv2.GaussianBlur(filled, (0, 0), 3).astype(np.float32)


def mirror_vertices(frame: HeadFrame) -> NDArray[np.intp]:
    """Index ``(V,)`` of the vertex nearest to each vertex's mirror image at rest."""
    mirrored = frame.local * np.array([-1, 1, 1], np.float32)
    return np.asarray(cKDTree(frame.local).query(mirrored)[1])
