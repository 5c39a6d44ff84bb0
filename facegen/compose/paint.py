"""Colour for what the photo does not show: hidden skin, the mouth's inside, the eyes."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose import field as fields
from facegen.compose.background import push_pull
from facegen.compose.eyes import EyePaint
from facegen.compose.frame import CAVITY, EYE, LOWER, UPPER, HeadFrame
from facegen.compose.lids import LidPaint
from facegen.compose.mirror import MirrorPaint
from facegen.compose.mouth import MouthPaint
from facegen.compose.reference import Reference
from facegen.compose.surface import Surface, bounding_box

# Lashes and lip edges are mixed into the eye's or mouth's own pixels over this distance from
# their rim (inter-ocular distances); such pixels are not reused once ball and lid move apart.
RIM_PER_IOD = 0.035
# Ball against lid, or teeth against lip: motion (inter-ocular distances) that counts as apart.
APART_PER_IOD = 0.03
# The mouth's soft inside is reused only while it opens about as far as in the photo.
OPENING_RATIO = 1.4
# Hidden surface is painted where it parts the person by less than twice this.
GAP_PER_IOD = 0.22
# Gaps smaller than this square (inter-ocular distances) are left open: paint there is a speck.
SPECK_PER_IOD = 0.2
MOUTH = (CAVITY, UPPER, LOWER)


class _Kinds(NamedTuple):
    """Triangles of some surface classes: their corners, and ``(F + 1,)`` which; -1 is none."""

    corners: NDArray[np.intp]
    faces: NDArray[np.bool_]

    @classmethod
    def of(cls, frame: HeadFrame, kinds: tuple[int, ...]) -> _Kinds:
        """Look them up once a photo."""
        wanted = np.isin(frame.face_class, kinds)
        return cls(np.unique(frame.faces[wanted]), np.append(wanted, False))


class Painter:
    """Paints the pixels that cannot be moved from the photo."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        size = reference.window.size // fields.COARSE
        small = cv2.resize(reference.image, (size, size), interpolation=cv2.INTER_AREA)
        self._small = small.astype(np.float32)
        self._eyes = EyePaint(reference)
        self._mouth = MouthPaint(reference)
        self._lids = LidPaint(reference)
        self._mirror = MirrorPaint(reference)
        self._rim = _rim(reference)
        self._kinds = {kinds: _Kinds.of(reference.frame, kinds) for kinds in (MOUTH, (EYE,))}
        self._matte = cv2.resize(
            reference.window.crop(reference.person), (size, size), interpolation=cv2.INTER_AREA
        )

    def paint(
        self,
        surface: Surface,
        known: fields.Known,
        shift: NDArray[np.float32],
        outside: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Premultiplied colour ``(S, S, 3)`` 0..255 and opacity ``(S, S)`` 0..1.

        Args:
            known: of :func:`field.classify`. shift: ``(S, S, 2)`` the final displacement.
            outside: ``(s, s, 2)`` the displacement around the mesh, coarse.
        """
        size = shift.shape[0]
        colour = np.zeros((size, size, 3), np.float32)
        cover = np.zeros((size, size), np.float32)
        gap = self._gaps(known.state, shift)
        if gap is not None:
            colour[gap] = self._fill(shift, known.weight)[gap]
            cover[gap] = 1
        if self._mirror.useful:
            moved = self._carry(self._small, shift)
            self._mirror.paint(surface, known, moved, colour, cover)
        for kinds, brush in ((MOUTH, self._mouth), ((EYE,), self._eyes)):
            rows, cols = self._of_kind(surface, self._kinds[kinds])
            if len(rows) == 0:
                continue
            need = self._need(surface, known.state, shift, outside, rows, cols)
            rows, cols, need = rows[need > 0], cols[need > 0], need[need > 0]
            if len(rows):
                colour[rows, cols] = brush.colour(surface, rows, cols)
                cover[rows, cols] = need
        self._lids.paint(surface.pixels, colour, cover)
        box = bounding_box(cover > 0, 2)
        if box is not None:
            colour[box] = cv2.blur(colour[box] * cover[box][..., None], (3, 3))
            cover[box] = cv2.blur(cover[box], (3, 3))
        return colour, cover

    def _of_kind(
        self, surface: Surface, kinds: _Kinds
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the driven pixels of some surface classes."""
        size = self.reference.window.size
        if len(kinds.corners) == 0:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        points = surface.pixels[kinds.corners, :2]
        left, top = np.clip(np.floor(points.min(0)).astype(int), 0, size)
        right, bottom = np.clip(np.ceil(points.max(0)).astype(int) + 1, 0, size)
        face = surface.face_id[top:bottom, left:right]
        rows, cols = np.nonzero(kinds.faces[face])
        return rows + top, cols + left

    def _need(
        self,
        surface: Surface,
        state: NDArray[np.uint8],
        shift: NDArray[np.float32],
        outside: NDArray[np.float32],
        rows: NDArray[np.intp],
        cols: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """How much paint each eye or mouth pixel needs, 0..1."""
        need = (state[rows, cols] == fields.HOLE).astype(np.float32)
        own = shift[rows, cols]
        x = np.clip((cols + 0.5 + own[:, 0]).astype(int), 0, self._rim.shape[1] - 1)
        y = np.clip((rows + 0.5 + own[:, 1]).astype(int), 0, self._rim.shape[0] - 1)
        step = fields.COARSE
        around = outside[np.minimum(rows // step, len(outside) - 1), cols // step]
        gap = np.linalg.norm(own - around, axis=1) / (APART_PER_IOD * self.reference.geometry.iod)
        apart = np.clip(gap - 0.25, 0, 1)
        need = np.maximum(need, self._rim[y, x] * apart)
        kind = self.reference.frame.face_class[surface.face_id[rows, cols]]
        inside = np.bincount(cols[kind != EYE], minlength=1).max()
        ratio = (inside + 1) / (self.reference.geometry.opening + 1)
        other = np.clip(abs(np.log(ratio)) / np.log(OPENING_RATIO) - 0.5, 0, 1)
        return np.where(kind == CAVITY, np.maximum(need, other), need).astype(np.float32)

    def _gaps(
        self, state: NDArray[np.uint8], shift: NDArray[np.float32]
    ) -> NDArray[np.bool_] | None:
        """Hidden surface through which the background would show, between parts of the person.

        Hidden surface at the outline is left out: there the head just ends a little earlier, which
        nobody notices, while invented hair or cheek is seen at once.
        """
        hidden = state == fields.HIDDEN
        if not hidden.any():
            return None
        person = self._carry(self._matte, shift) > 0.5
        reach = max(1, round(GAP_PER_IOD * self.reference.geometry.iod / fields.COARSE))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
        closed = cv2.morphologyEx(person.astype(np.uint8), cv2.MORPH_CLOSE, disc)
        hole = cv2.dilate(closed & ~person, np.ones((3, 3), np.uint8))
        if not hole.any():
            return None
        gap = hidden & (cv2.resize(hole, state.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)
        return _without_specks(gap, round((SPECK_PER_IOD * self.reference.geometry.iod) ** 2))

    def _carry(self, small: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float32]:
        """A coarse image of the reference, warped to the driven frame."""
        step = fields.COARSE
        coarse = shift[step // 2 :: step, step // 2 :: step] / step
        axis = np.arange(coarse.shape[0], dtype=np.float32)
        u, v = axis[None, :] + coarse[..., 0], axis[:, None] + coarse[..., 1]
        moved = cv2.remap(small, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return moved.astype(np.float32)

    def _fill(self, shift: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Smooth continuation ``(S, S, 3)`` of the skin and hair that the photo does show."""
        known = np.clip(weight / fields.COARSE**2, 0, 1)
        filled = push_pull(self._carry(self._small, shift), known)
        size = shift.shape[0]
        return cv2.resize(filled, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _without_specks(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Connected parts of at least ``least`` pixels."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return large[parts]


def _rim(reference: Reference) -> NDArray[np.float32]:
    """1 at the edge of the photo's eyes and mouth, 0 inside them and elsewhere: ``(S, S)``."""
    kind, reach = reference.geometry.kind, RIM_PER_IOD * reference.geometry.iod
    rim = np.zeros(kind.shape, np.float32)
    for label in (*MOUTH, EYE):
        mask = (kind == label).astype(np.uint8)
        distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        rim = np.where(mask > 0, np.clip(1.5 - distance / reach, 0, 1), rim)
    return rim.astype(np.float32)
