"""Cached training windows: one format written by every builder and read by every trainer.

A cache is a folder of shards (safetensors) and a ``manifest.json``. Pictures are WebP; geometry is
kept as head parameters (under a kilobyte) and drawn anew when read, by the code that draws it in
use: exact at any size, and small enough to carry around.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.media import atomic_path, file_sha256
from facegen.motion import POSES, Motion
from facegen.reading import inside, parse_json, read_json

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
MANIFEST = "manifest.json"
SPLITS = ("train", "held")
KINDS = ("clip", "photo", "render")
# At these qualities the pictures lose less than the autoencoder does (40 dB; masks 1/255).
PICTURE_QUALITY, MASK_QUALITY = 92, 90

_HEAD = ("expression", *POSES, "transl", "betas")
_FILES = ("target", "warped", "reference", "masks")


@dataclass(frozen=True, kw_only=True)
class WindowMeta:
    """Where a window comes from.

    Attributes:
        kind: ``clip``, ``photo`` or ``render``. split: ``train`` or ``held`` (measuring only).
        source: file or generator. licence: its tag. identity: of the person.
        frame, reference_frame: numbers in the source (for photos the pair's number and 0).
        window: ``x0, y0, side`` of the target's window in the source picture.
        reference_window: the same of the reference. picture: width and height of the pictures.
        yaw: turn of the head between reference and target, degrees.
        scale: window pixels per source pixel; above 1 the picture is softer than its size says.
    """

    kind: str
    split: str
    source: str
    licence: str
    identity: str
    frame: int
    reference_frame: int
    window: tuple[int, int, int]
    reference_window: tuple[int, int, int]
    picture: tuple[int, int]
    yaw: float
    scale: float


@dataclass(frozen=True, eq=False)
class Window:
    """One training pair of S by S pixels.

    Attributes:
        target: ``(S, S, 3)`` uint8, the truth. warped: what the warp made of the reference.
        reference: the photo, in the window that follows its own head.
        matte: ``(S, S)`` uint8, the target's person. moved: the reference's person, warped.
        visibility: ``(S, S)`` uint8, 255 where ``warped`` can be trusted.
        head: the target's head, one frame, with the window's camera.
        light: ``(9, 3)`` of the reference.
    """

    target: NDArray[np.uint8]
    warped: NDArray[np.uint8]
    reference: NDArray[np.uint8]
    matte: NDArray[np.uint8]
    moved: NDArray[np.uint8]
    visibility: NDArray[np.uint8]
    head: Motion
    light: NDArray[np.float32]
    meta: WindowMeta


def encode_picture(rgb: NDArray[np.uint8], quality: int = PICTURE_QUALITY) -> bytes:
    """WebP bytes of ``(H, W, 3)`` or ``(H, W)`` uint8."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()


def decode_picture(data: bytes, mode: str = "RGB") -> NDArray[np.uint8]:
    """Picture of :func:`encode_picture`; ``mode`` ``RGB`` or ``L``."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        return np.asarray(image.convert(mode))


def write_shard(path: Path, windows: Iterable[Window]) -> int:
    """Write windows of one size as a shard; it appears whole or not at all.

    Returns:
        number of windows; none are no shard.
    """
    from safetensors.numpy import save

    blob = _Blob()
    head: dict[str, list[NDArray]] = {name: [] for name in (*_HEAD, "camera", "light")}
    spans, metas, basis, size = [], [], "", 0
    for window in windows:
        masks = np.concatenate([window.visibility, window.moved, window.matte])
        pictures = [encode_picture(getattr(window, name)) for name in _FILES[:3]]
        spans.append([blob.add(p) for p in (*pictures, encode_picture(masks, MASK_QUALITY))])
        for name in _HEAD:
            value = getattr(window.head, name)
            head[name].append(value if name == "betas" else value[0])
        lens = window.head.camera
        head["camera"].append(np.array([lens.focal, lens.cx, lens.cy], np.float32))
        head["light"].append(window.light)
        metas.append(asdict(window.meta))
        basis, size = window.head.basis, len(window.target)
    if not metas:
        return 0
    tensors = {name: np.stack(rows).astype(np.float32) for name, rows in head.items()}
    tensors |= {"spans": np.array(spans, np.int64), "blob": blob.array()}
    header = {"format": FORMAT, "size": size, "basis": basis, "windows": metas}
    with atomic_path(path) as part:
        part.write_bytes(save(tensors, {"facegen": json.dumps(header)}))
    return len(metas)


def _meta(entry: dict[str, Any]) -> WindowMeta:
    """From JSON, which knows no tuples."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return WindowMeta(**values)


class _Blob:
    """Byte strings end to end; equal ones (a shared reference) are kept once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._known: dict[bytes, tuple[int, int]] = {}
        self._length = 0

    def add(self, data: bytes) -> tuple[int, int]:
        if data not in self._known:
            self._known[data] = (self._length, self._length + len(data))
            self._parts.append(data)
            self._length += len(data)
        return self._known[data]

    def array(self) -> NDArray[np.uint8]:
        return np.frombuffer(b"".join(self._parts), np.uint8)


class Shard:
    """A shard opened for reading; only what is asked for leaves the disk.

    Raises:
        ModelFileError: not a shard, or of a newer format.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            self._file = safe_open(path, framework="numpy")
            header = parse_json(self._file.metadata()["facegen"])
            if header["format"] != FORMAT:
                raise ModelFileError(
                    f"{path}: format {header['format']}, this facegen reads {FORMAT}"
                )
            self.size, self.basis = int(header["size"]), str(header["basis"])
            self.metas = [_meta(entry) for entry in header["windows"]]
            self._spans = self._file.get_tensor("spans")
            self._blob = self._file.get_slice("blob")
            self.head = {n: self._file.get_tensor(n) for n in (*_HEAD, "camera", "light")}
        except (
            OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError,
        ) as error:  # fmt: skip
            raise ModelFileError(f"{path} is not a shard of training windows ({error})") from error

    def __len__(self) -> int:
        return len(self.metas)

    def pictures(self, index: int) -> dict[str, NDArray[np.uint8]]:
        """``target, warped, reference (S, S, 3)`` and ``visibility, moved, matte (S, S)``."""
        data = [self._blob[int(a) : int(b)].tobytes() for a, b in self._spans[index]]
        out = {n: decode_picture(d) for n, d in zip(_FILES[:3], data[:3], strict=True)}
        masks = decode_picture(data[3], "L").reshape(3, self.size, self.size)
        return out | dict(zip(("visibility", "moved", "matte"), masks, strict=True))

    def camera(self, index: int) -> Camera:
        """Camera of a window."""
        focal, cx, cy = (float(v) for v in self.head["camera"][index])
        return Camera(focal, cx, cy, self.size, self.size)


def write_manifest(folder: Path, entries: Sequence[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write ``manifest.json``: what the shards are, with their hashes.

    Args:
        entries: one per shard, with at least ``file`` and ``split``. about: of the whole cache.
    """
    shards = []
    for entry in sorted(entries, key=lambda e: e["file"]):
        path = folder / entry["file"]
        shards.append(entry | {"sha256": file_sha256(path), "bytes": path.stat().st_size})
    manifest = {"format": FORMAT, **about, "shards": shards}
    with atomic_path(folder / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=1), encoding="utf-8")


class WindowSet:
    """Windows of a cache, ready for a network.

    Args:
        folder: with a ``manifest.json``.
        head: the head model the windows were made with.
        split: ``train`` or ``held``. kinds: only these kinds.
        check: compare the shards with the manifest's hashes.

    Raises:
        ModelFileError: no cache there, another head model, a changed shard, or nothing to read.
    """

    def __init__(
        self,
        folder: Path | str,
        head: HeadModel,
        *,
        split: str = "train",
        kinds: Sequence[str] = KINDS,
        check: bool = False,
    ) -> None:
        self.head = head
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        self._places: list[tuple[Shard, int]] = []
        for entry in manifest["shards"]:
            if entry["split"] != split:
                continue
            path = self.folder / entry["file"]
            if check and file_sha256(path) != entry["sha256"]:
                raise ModelFileError(f"{path} is not the file its manifest names; build it anew")
            shard = Shard(path)
            if shard.basis != head.version:
                raise ModelFileError(
                    f"{path} belongs to head model {shard.basis}, not {head.version}"
                )
            self._places += [(shard, i) for i, m in enumerate(shard.metas) if m.kind in kinds]
        if not self._places:
            raise ModelFileError(f"{self.folder} holds no {split} windows of {', '.join(kinds)}")
        self.size = self._places[0][0].size

    def __len__(self) -> int:
        return len(self._places)

    @cached_property
    def metas(self) -> list[WindowMeta]:
        """Where each window comes from."""
        return [shard.metas[i] for shard, i in self._places]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One window as tensors; see :meth:`batch` for names and ranges, without the batch axis."""
        return {name: value[0] for name, value in self.batch([index]).items()}

    def batch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Windows as float32 tensors, B of S by S pixels.

        Returns:
            ``target, reference, warped (B, 3, S, S)`` in -1..1; ``visibility, moved, matte, depth,
            mouth, eyes, inside (B, 1, S, S)`` in 0..1, the last 0 beyond the picture's edge;
            ``normal (B, 3, S, S)`` in -1..1; ``render (B, 3, S, S)`` in 0..1; ``region (B, S, S)``
            int64 labels.
        """
        import torch

        rows = [self._row(i, v) for i, v in zip(indices, self._vertices(indices), strict=True)]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def probabilities(self, shares: dict[str, float]) -> NDArray[np.float64]:
        """Chance ``(N,)`` of drawing each window: kinds by ``shares``, their people nearly alike.

        Soft pictures (``scale`` above 1) count less, by their true pixels. Kinds that are absent
        give their share to the others.
        """
        kinds = np.array([m.kind for m in self.metas])
        people = np.array([f"{m.kind}/{m.identity}" for m in self.metas])
        _, person, count = np.unique(people, return_inverse=True, return_counts=True)
        # Between one vote per person and one per window: a clip has more to tell than a photo.
        weight = 1 / np.sqrt(count[person])
        weight /= np.maximum([m.scale for m in self.metas], 1) ** 2
        for kind in np.unique(kinds):
            own = kinds == kind
            weight[own] *= shares.get(str(kind), 0.0) / weight[own].sum()
        if weight.sum() <= 0:
            raise ModelFileError(f"no window has a share: {shares}")
        return weight / weight.sum()

    def _vertices(self, indices: Sequence[int]) -> Tensor:
        import torch

        values = {
            name: torch.from_numpy(
                np.stack([shard.head[name][k] for shard, k in (self._places[i] for i in indices)])
            )
            for name in _HEAD
        }
        with torch.inference_mode():
            return self._layer(**values).vertices.clone()

    @cached_property
    def _layer(self) -> Any:
        from facegen.flame.skinning import HeadLayer

        return HeadLayer(self.head)

    def _row(self, index: int, vertices: Tensor) -> dict[str, Tensor]:
        import torch

        from facegen.compose.conditions import head_maps
        from facegen.compose.window import HeadWindow

        shard, k = self._places[index]
        pictures = shard.pictures(k)
        row = {
            name: torch.from_numpy(pictures[name].transpose(2, 0, 1).copy()).float() / 127.5 - 1
            for name in ("target", "reference", "warped")
        }
        for name in ("visibility", "moved", "matte"):
            row[name] = torch.from_numpy(pictures[name].copy()).float()[None] / 255
        meta = shard.metas[k]
        window = HeadWindow(*meta.window, self.size)
        row["inside"] = torch.from_numpy(window.inside(*meta.picture))[None]
        light = torch.from_numpy(shard.head["light"][k].copy())
        maps = head_maps(self.head, vertices, shard.camera(k), light)
        return row | maps | {"region": maps["region"].long()}


def read_manifest(folder: Path) -> dict[str, Any]:
    """A cache's manifest.

    Raises:
        ModelFileError: absent, unreadable or of a newer format.
    """
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
        if manifest["format"] == FORMAT:
            for entry in manifest["shards"]:
                inside(folder, entry["file"])
            return manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{folder} holds no training windows ({error}); make some with facegen data windows"
        ) from error
    raise ModelFileError(f"{path}: format {manifest['format']}, this facegen reads {FORMAT}")
