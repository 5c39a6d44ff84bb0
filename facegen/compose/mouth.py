"""The mouth's inside, rendered from the model's teeth, tongue and cheeks in the photo's light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import HeadFrame
from facegen.compose.light import white_under
from facegen.compose.reference import Reference
from facegen.compose.surface import Surface, values_at
from facegen.flame.model import HeadModel

# Crown widths from the midline outwards, millimetres (Wheeler's dental anatomy, rounded).
UPPER_WIDTHS = (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 10.0)
LOWER_WIDTHS = (5.3, 5.8, 6.8, 7.0, 7.0, 11.0, 11.0)
# Visible crown height, millimetres; above it the gum begins.
CROWN_MM = 9.5
# The adult inter-ocular distance these millimetres belong to.
_IOD_MM = 62.0
_ENAMEL = np.array([0.97, 0.95, 0.90], np.float32)
_TONGUE = np.array([0.74, 0.40, 0.40], np.float32)
_GUM = np.array([0.66, 0.36, 0.35], np.float32)
_CHEEK = np.array([0.50, 0.23, 0.22], np.float32)
# Light falls off behind the lips over this depth, metres.
_FALLOFF = 0.02


class MouthPaint:
    """Colours of one mouth.

    Args:
        reference: the prepared photo.
    """

    def __init__(self, reference: Reference) -> None:
        self._frame = reference.frame
        self._white = white_under(reference.skin)
        self._iod = reference.geometry.iod
        self._arch = _arch_coordinates(reference.model, reference.frame)
        self._names = reference.model.region_names
        model = reference.model
        lips = np.isin(model.face_regions, model.region_ids("lips"))
        self._lips = np.unique(model.faces[lips]) if lips.any() else np.arange(0)

    def colour(
        self, surface: Surface, rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Painted interior ``(N, 3)`` 0..255 at driven pixels of class ``INNER``."""
        face = surface.face_id[rows, cols]
        region = self._frame.face_region[face]
        depth = surface.depth[rows, cols]
        behind = np.clip(depth - self._lip_depth(surface), 0, None)
        shade = np.exp(-behind / _FALLOFF)
        rim = self._rim_shade(rows, cols)
        albedo = np.empty((len(rows), 3), np.float32)
        albedo[:] = _CHEEK
        light = shade * rim
        self._set(albedo, region, "tongue", _TONGUE)
        light = np.where(self._is(region, "tongue"), rim * np.exp(-behind / (2 * _FALLOFF)), light)
        for name, widths in (("teeth_upper", UPPER_WIDTHS), ("teeth_lower", LOWER_WIDTHS)):
            here = np.flatnonzero(self._is(region, name))
            if len(here) == 0:
                continue
            arch = values_at(
                surface.pixels,
                self._frame.faces,
                surface.face_id,
                rows[here],
                cols[here],
                self._arch,
            )
            tooth, glow = _teeth(arch, widths, 1.2 * _IOD_MM / self._iod)
            albedo[here] = tooth
            light[here] = glow * rim[here]
            if name == "teeth_lower":
                light[here] *= 0.78
        return albedo * light[:, None] * self._white

    def _is(self, region: NDArray[np.uint8], name: str) -> NDArray[np.bool_]:
        return region == (self._names.index(name) if name in self._names else 255)

    def _set(self, albedo: NDArray, region: NDArray, name: str, colour: NDArray) -> None:
        albedo[self._is(region, name)] = colour

    def _lip_depth(self, surface: Surface) -> float:
        if len(self._lips) == 0:
            return float(surface.depth[surface.face_id >= 0].min())
        return float(np.percentile(surface.pixels[self._lips, 2], 40))

    def _rim_shade(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[np.float32]:
        """The upper lip shades what lies close beneath its edge."""
        top = np.full(cols.max() + 1, np.iinfo(np.int32).max)
        np.minimum.at(top, cols, rows)
        below = (rows - top[cols]) / (0.06 * self._iod)
        return (0.65 + 0.35 * np.clip(below, 0, 1)).astype(np.float32)


def _arch_coordinates(model: HeadModel, frame: HeadFrame) -> NDArray[np.float32]:
    """Millimetres along the dental arch and above the biting edge, ``(V, 2)``; 0 off the teeth."""
    out = np.zeros((model.n_vertices, 2), np.float32)
    millimetre = frame.local * _IOD_MM
    for name, up in (("teeth_upper", 1.0), ("teeth_lower", -1.0)):
        index = np.unique(model.faces[np.isin(model.face_regions, model.region_ids(name))])
        if len(index) == 0:
            continue
        points = millimetre[index]
        back = points[:, 2].min()
        angle = np.arctan2(points[:, 0], points[:, 2] - back + 1e-3)
        radius = np.hypot(points[:, 0], points[:, 2] - back)
        grid = np.linspace(-np.pi / 2, np.pi / 2, 41)
        # The outer surface of the band: the farthest vertices in each direction.
        near = np.abs(angle[:, None] - grid) < 0.16
        outer = np.where(near, radius[:, None], 0).max(0)
        outer = np.interp(grid, grid[outer > 0], outer[outer > 0])
        curve = np.stack([outer * np.sin(grid), outer * np.cos(grid)], -1)
        length = np.concatenate([[0], np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()])
        out[index, 0] = np.interp(angle, grid, length - np.interp(0, grid, length))
        height = up * points[:, 1]
        edge = np.array([height[np.abs(angle - a) < 0.2].min(initial=np.inf) for a in grid])
        known = np.isfinite(edge)
        out[index, 1] = height - np.interp(angle, grid[known], edge[known])
    return out


def _teeth(
    arch: NDArray[np.float32], widths: tuple[float, ...], blur_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Albedo ``(N, 3)`` and brightness ``(N,)`` of teeth at arch coordinates ``(N, 2)``.

    Args:
        blur_mm: size of a pixel on the teeth: gaps are never drawn thinner.
    """
    along, above = np.abs(arch[:, 0]), arch[:, 1]
    gaps = np.concatenate([[0], np.cumsum(widths)])
    nearest = np.abs(along[:, None] - gaps).min(1)
    sigma = max(0.45, 0.6 * blur_mm)
    # Crowns part from each other towards the biting edge.
    strength = 0.22 * np.clip(0.45 / sigma, 0.4, 1) * (1.3 - 0.5 * np.clip(above / CROWN_MM, 0, 1))
    glow = 1 - strength * np.exp(-((nearest / sigma) ** 2))
    glow *= 1 - 0.78 * np.clip(along / 26, 0, 1) ** 1.4
    gum = np.clip((above - CROWN_MM) / 1.5, 0, 1)[:, None].astype(np.float32)
    return _ENAMEL * (1 - gum) + _GUM * gum, glow.astype(np.float32)
