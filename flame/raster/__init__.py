"""Triangle rasteriser with interchangeable back ends.

=========== ============================== =====================================================
back end    runs on                        notes
=========== ============================== =====================================================
numba       CPU                            default there
warp        CPU, CUDA                      default on CUDA; ``pip install 'facegen[cuda]'``
torch       any device                     no compiler needed
pytorch3d   CPU, CUDA                      used only when asked for; very slow on a CPU
=========== ============================== =====================================================

All of them answer with the same :class:`Fragments`. Which triangle a pixel shows is never
differentiated; *where* on the triangle is, so :func:`interpolate` passes gradients to the vertices
whatever drew them.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.errors import MissingExtraError, UsageError
from facegen.flame.raster.fragments import Fragments, differentiable, interpolate

__all__ = [
    "Fragments",
    "available_backends",
    "differentiable",
    "interpolate",
    "rasterize",
    "rasterize_attributes",
]

_MODULES = {"numba": "numba", "warp": "warp", "torch": "torch", "pytorch3d": "pytorch3d"}
_HOW = {
    "numba": "pip install numba",
    "warp": "pip install 'facegen[cuda]'",
    "pytorch3d": "pip install 'facegen[pytorch3d]' (see its INSTALL.md)",
}


def available_backends() -> tuple[str, ...]:
    """Names of the back ends whose packages are installed."""
    return tuple(n for n, module in _MODULES.items() if importlib.util.find_spec(module))


def rasterize(
    screen: Tensor,
    faces: Tensor,
    height: int,
    width: int,
    *,
    backend: str = "auto",
    perspective: bool = True,
    cull: bool = True,
) -> Fragments:
    """Find the triangle, and the point on it, behind every pixel centre.

    A triangle that reaches behind the camera (a corner nearer than a micrometre) is left out; one
    outside the image costs nothing. Two surfaces at the same depth: the lower index wins.

    Args:
        screen: ``(B, V, 3)`` float; u, v in pixels and depth in metres (``Camera.project``).
        faces: ``(F, 3)`` integer, counter-clockwise seen from outside.
        height, width: pixels.
        backend: a name of :func:`available_backends`, or ``auto`` by device.
        perspective: False for an orthographic camera: depth is then linear in the image.
        cull: leave out triangles that face away.

    Returns:
        Fragments, float32; where ``screen`` requires gradients, barycentrics and depth are in its
        dtype and carry them.

    Raises:
        ValueError: a shape does not fit. UsageError: no such back end.
        MissingExtraError: the back end's package is not installed.
    """
    if screen.ndim != 3 or screen.shape[-1] != 3 or faces.ndim != 2 or faces.shape[-1] != 3:
        raise ValueError(
            f"rasterize: screen {tuple(screen.shape)} and faces {tuple(faces.shape)}, "
            "expected (B, V, 3) and (F, 3)"
        )
    faces = faces.to(screen.device)
    name = _choose(screen.device) if backend == "auto" else backend
    module = _load(name)
    with torch.no_grad():
        drawn: Fragments = module.fragments(
            screen.detach(), faces, height, width, perspective=perspective, cull=cull
        )
    if screen.requires_grad:
        return differentiable(drawn, screen, faces, perspective=perspective)
    return drawn


def rasterize_attributes(
    screen: NDArray[np.floating],
    faces: NDArray[np.int32],
    attributes: NDArray[np.floating],
    height: int,
    width: int,
    *,
    perspective: bool = True,
    cull: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Draw one frame and blend vertex attributes into it at once: the path for video on a CPU.

    Args:
        screen: ``(V, 3)``. faces: ``(F, 3)``. attributes: ``(V, C)``.
        height, width, perspective, cull: as for :func:`rasterize`.

    Returns:
        attributes ``(H, W, C)`` (0 where nothing is seen), face ``(H, W)`` (-1 there) and depth
        ``(H, W)`` in metres (0 there).
    """
    from facegen.flame.raster import numba_backend

    return numba_backend.attributes(
        screen, faces, attributes, height, width, perspective=perspective, cull=cull
    )


def _choose(device: torch.device) -> str:
    if device.type == "cpu":
        return "numba"
    return "warp" if device.type == "cuda" and "warp" in available_backends() else "torch"


def _load(name: str) -> ModuleType:
    if name not in _MODULES:
        raise UsageError(f"no rasteriser {name!r}; there are {', '.join(_MODULES)}")
    if name not in available_backends():
        raise MissingExtraError(f"{name} is not installed; add it with: {_HOW[name]}")
    return importlib.import_module(f"facegen.flame.raster.{name}_backend")
