"""Condition maps: what the head model says about every pixel of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.errors import UsageError
from facegen.flame.camera import Camera
from facegen.flame.flow import ReferenceGeometry, group_map, reproject
from facegen.flame.frame_maps import frame_maps
from facegen.flame.lighting import GREY, default_light, shade
from facegen.flame.model import HeadModel
from facegen.flame.normals import vertex_normals
from facegen.flame.raster import interpolate, rasterize

DEPTH_WINDOW = 0.32
"""Metres of depth that pictures show, centred on ``ConditionMaps.depth_centre``; near is white."""
DEPTH_PNG_UNIT = 1e-4
"""Metres per step of the saved 16-bit depth."""

_PALETTE = np.array(
    [
        [0, 0, 0],
        [225, 180, 150],
        [205, 80, 90],
        [240, 145, 70],
        [120, 85, 60],
        [170, 150, 190],
        [90, 25, 50],
        [245, 245, 235],
        [215, 215, 200],
        [230, 120, 160],
        [70, 150, 220],
        [80, 190, 120],
    ],
    np.uint8,
)
PICTURES = ("depth", "normal", "render", "regions", "alpha", "flow", "visibility")


@dataclass(frozen=True, eq=False)
class ConditionMaps:
    """B frames of maps, H by W pixels (axes and ranges: ``facegen/conventions.md``).

    Attributes:
        depth: ``(B, H, W)`` float32 metres, 0 where nothing is seen.
        normal: ``(B, H, W, 3)`` float32 unit vectors, camera space, 0 where nothing is seen.
        render: ``(B, H, W, 3)`` float32 RGB in 0..1, lit by spherical harmonics, black elsewhere.
        regions: ``(B, H, W)`` uint8 index into ``region_names``, 0 where nothing is seen.
        alpha: ``(B, H, W)`` float32, 1 on the head and 0 elsewhere.
        depth_centre: ``(B,)`` float32 metres, mean depth of the head's vertices.
        region_names: of the head model.
        flow: ``(B, H, W, 2)`` float32, reference pixel of each driven pixel, or None.
        visibility: ``(B, H, W)`` float32 in 0..1, how far the reference shows that pixel, or None.
    """

    depth: Tensor
    normal: Tensor
    render: Tensor
    regions: Tensor
    alpha: Tensor
    depth_centre: Tensor
    region_names: tuple[str, ...]
    flow: Tensor | None = None
    visibility: Tensor | None = None

    def __len__(self) -> int:
        return len(self.depth)

    def normalised_depth(self) -> Tensor:
        """``(B, H, W)`` in 0..1: 1 at the near end of ``DEPTH_WINDOW``, 0 where nothing is seen.

        The window is fixed in metres and travels with the head, so a turn of the head or an open
        mouth does not change the grey of the rest.
        """
        centre = self.depth_centre[:, None, None]
        return (0.5 - (self.depth - centre) / DEPTH_WINDOW).clamp(0, 1) * self.alpha

    def picture(self, name: str, frame: int = 0) -> NDArray[np.uint8]:
        """One map of one frame for looking at: ``(H, W, 3)`` uint8 RGB.

        Normals are ``n / 2 + 1/2``; flow shows x in red and y in green over the picture's size.

        Raises:
            UsageError: no such map, or flow of maps made without a reference.
        """
        if name not in PICTURES:
            raise UsageError(f"no map {name!r}; there are {', '.join(PICTURES)}")
        if name == "regions":
            labels = self.regions[frame].cpu().numpy()
            return _PALETTE[labels % len(_PALETTE)]
        image = self._unit(name, frame).detach().cpu().numpy()
        image = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)

    def _unit(self, name: str, frame: int) -> Tensor:
        """A map in 0..1."""
        if name == "depth":
            return self.normalised_depth()[frame]
        if name == "normal":
            return (self.normal[frame] / 2 + 0.5) * self.alpha[frame][..., None]
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise UsageError(f"these maps have no {name}: they were rendered without a reference")
        if name != "flow":
            return value[frame]
        height, width = self.depth.shape[1:]
        scaled = value[frame] / value.new_tensor([width, height])
        return torch.cat([scaled, torch.zeros_like(scaled[..., :1])], -1)

    def save(self, directory: Path | str, index: int = 0) -> None:
        """Write every frame: PNG pictures, 16-bit depth and the exact arrays.

        Files are named ``{index:06d}_depth.png`` (16 bit, ``DEPTH_PNG_UNIT`` metres a step),
        ``_normal.png``, ``_render.png``, ``_regions.png`` (labels, not colours) and ``.npz``.

        Args:
            directory: made if it does not exist. index: number of the first frame.
        """
        from PIL import Image

        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(len(self)):
            stem = f"{index + frame:06d}"
            steps = self.depth[frame].detach().cpu().numpy() / DEPTH_PNG_UNIT
            depth = np.rint(np.clip(steps, 0, 65535)).astype(np.uint16)
            Image.fromarray(depth).save(folder / f"{stem}_depth.png")
            for name in ("normal", "render"):
                Image.fromarray(self.picture(name, frame)).save(folder / f"{stem}_{name}.png")
            labels = self.regions[frame].cpu().numpy()
            Image.fromarray(labels).save(folder / f"{stem}_regions.png")
            np.savez_compressed(folder / f"{stem}.npz", **self._arrays(frame))

    def _arrays(self, frame: int) -> dict[str, NDArray]:
        names = ("depth", "normal", "render", "regions", "alpha", "flow", "visibility")
        values = {n: getattr(self, n) for n in names}
        arrays = {n: v[frame].detach().cpu().numpy() for n, v in values.items() if v is not None}
        arrays["depth_centre"] = self.depth_centre[frame].detach().cpu().numpy()
        return arrays


def render_maps(
    model: HeadModel,
    vertices: Tensor,
    camera: Camera,
    *,
    light: Tensor | None = None,
    albedo: Tensor | None = None,
    reference: ReferenceGeometry | None = None,
    backend: str = "auto",
) -> ConditionMaps:
    """Draw posed heads and everything a generator is told about them.

    Args:
        model: the head. vertices: ``(B, V, 3)`` camera space, metres.
        camera: gives the size of the maps.
        light: ``(9, 3)`` (see ``lighting``), a soft default if None.
        albedo: ``(V, 3)`` in 0..1, grey if None.
        reference: adds flow and visibility.
        backend: of the rasteriser. Gradients to ``vertices`` pass through depth, normal, render
            and flow.

    Raises:
        ValueError: ``vertices`` is not a batch of this model's heads.
    """
    if vertices.ndim != 3 or vertices.shape[1:] != (model.n_vertices, 3):
        raise ValueError(
            f"vertices: shape {tuple(vertices.shape)}, expected (B, {model.n_vertices}, 3)"
        )
    light = default_light() if light is None else light
    compiled = vertices.device.type == "cpu" and backend in ("auto", "numba")
    if compiled and not (vertices.requires_grad and torch.is_grad_enabled()):
        maps = frame_maps(model, vertices, camera, light, albedo, reference)
    else:
        maps = _torch_maps(model, vertices, camera, light, albedo, reference, backend)
    return ConditionMaps(
        alpha=(maps["depth"] > 0).to(maps["depth"].dtype),
        depth_centre=-vertices[..., 2].mean(1),
        region_names=model.region_names,
        **maps,
    )


def _torch_maps(
    model: HeadModel,
    vertices: Tensor,
    camera: Camera,
    light: Tensor,
    albedo: Tensor | None,
    reference: ReferenceGeometry | None,
    backend: str,
) -> dict[str, Tensor]:
    """Any device, differentiable; the twin of :func:`frame_maps`."""
    faces = torch.from_numpy(model.faces).to(vertices.device)
    drawn = rasterize(
        camera.project(vertices),
        faces,
        camera.height,
        camera.width,
        backend=backend,
        perspective=camera.kind == "perspective",
    )
    seen = drawn.mask[..., None]
    blended = interpolate(drawn, faces, vertex_normals(vertices, faces))
    normal = blended * (blended * blended).sum(-1, keepdim=True).clamp_min(1e-30).rsqrt()
    colour: Tensor | float = GREY
    if albedo is not None:
        colour = interpolate(drawn, faces, albedo[None].to(vertices))
    maps = {
        "depth": drawn.depth,
        "normal": normal,
        "render": shade(normal, colour, light.to(vertices)).clamp(0, 1) * seen,
        "regions": group_map(drawn.face, torch.from_numpy(model.face_regions).to(faces.device)),
    }
    if reference is not None:
        maps["flow"], maps["visibility"] = reproject(reference, drawn, faces)
    return maps
