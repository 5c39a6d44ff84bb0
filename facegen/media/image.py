"""Still pictures in and out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from facegen.errors import MediaError
from facegen.media.atomic import atomic_path, reason
from facegen.media.container import check_readable

MAX_PIXELS = 100_000_000
IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_OPTIONS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}
_TIFF_XMP = 700
_UNREADABLE = {".exr", ".hdr", ".heic", ".heif", ".jxl", ".raw", ".dng", ".cr2", ".nef", ".arw"}


@dataclass(frozen=True, eq=False)
class Image:
    """A picture in sRGB, upright.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        alpha: ``(H, W)`` uint8, or None where the file has no transparency.
        path: where it came from.
        notes: what was done to it on the way in (turned, converted from a colour profile, ...).
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    path: Path
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[0])


@contextmanager
def open_image(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Pil.Image]:
    """A Pillow picture whose header was read and whose size is allowed; every failure one line.

    Raises:
        MediaError: missing, empty, a folder, not an image, damaged, or above ``max_pixels``.
    """
    check_readable(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pil.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Pil.open(path) as picture:
                if picture.width * picture.height > max_pixels:
                    raise MediaError(
                        f"{path} has {picture.width} x {picture.height} pixels, more than "
                        f"{max_pixels}; shrink it or raise max_pixels"
                    )
                yield picture
    except Pil.DecompressionBombError:
        raise MediaError(
            f"{path} has far more than {max_pixels} pixels; shrink it or raise max_pixels"
        ) from None
    except UnidentifiedImageError:
        hint = "convert it to PNG or JPEG" if path.suffix.lower() in _UNREADABLE else "check it"
        raise MediaError(f"{path} is not an image this facegen reads; {hint}") from None
    except MemoryError:
        raise MediaError(f"{path} does not fit into memory; shrink it") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise MediaError(f"cannot read {path}: damaged or cut off ({reason(error)})") from error


def read_image(
    path: Path | str, *, max_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> Image:
    """Read a picture as upright sRGB; an animation gives its first frame.

    The content decides the format, not the name. EXIF orientation is applied, colour profiles are
    converted to sRGB, 16-bit and float greys are brought to 8 bits.

    Args:
        max_side: shrink so that the longer side has at most this many pixels.
        max_pixels: refuse larger files before decoding them.

    Raises:
        MediaError: the file cannot be read; the message says why.
    """
    path = Path(path)
    with open_image(path, max_pixels) as picture:
        notes: list[str] = []
        if getattr(picture, "n_frames", 1) > 1:
            notes.append("first frame of an animation")
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if picture.getexif().get(0x0112, 1) != 1:
            notes.append("turned upright by its EXIF tag")
        rgb, alpha = _split(upright, notes)
        if max_side is not None and max(rgb.size) > max_side:
            scale = max_side / max(rgb.size)
            size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
            notes.append(f"shrunk from {rgb.width} x {rgb.height}")
            rgb = rgb.resize(size, Pil.Resampling.LANCZOS)
            alpha = alpha and alpha.resize(size, Pil.Resampling.LANCZOS)
        return Image(
            np.array(rgb, np.uint8),
            None if alpha is None else np.array(alpha, np.uint8),
            path,
            tuple(notes),
        )


def _split(picture: Pil.Image, notes: list[str]) -> tuple[Pil.Image, Pil.Image | None]:
    """sRGB picture and alpha (mode L) of any Pillow mode."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        notes.append(f"{picture.mode} grey brought to 8 bits")
        return _eight_bit(picture).convert("RGB"), None
    alpha = None
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        colour = rgba.convert("RGB") if picture.mode not in ("LA",) else picture.convert("L")
    else:
        colour = picture if picture.mode in ("RGB", "L", "CMYK", "LAB") else picture.convert("RGB")
    return _to_srgb(colour, picture.info.get("icc_profile"), notes), alpha


def _eight_bit(picture: Pil.Image) -> Pil.Image:
    """Wide greys to 8 bits: 16-bit codes by their full range, floats taken as 0..1 or 0..255."""
    grey = np.asarray(picture).astype(np.float64)
    if picture.mode == "F":
        grey = np.nan_to_num(grey)
        top = 1.0 if grey.max(initial=0) <= 1 else 255.0
    else:
        top = 255.0 if picture.mode == "I" and grey.max(initial=0) <= 255 else 65535.0
    return Pil.fromarray(np.rint(np.clip(grey / top, 0, 1) * 255).astype(np.uint8))


def _to_srgb(picture: Pil.Image, profile: bytes | None, notes: list[str]) -> Pil.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            if "srgb" in ImageCms.getProfileDescription(source).lower():
                return picture.convert("RGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if converted is not None:
                notes.append("converted from its colour profile to sRGB")
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("its colour profile is unusable and was ignored")
    return picture.convert("RGB")


def write_image(
    path: Path | str,
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None = None,
    *,
    xmp: bytes | None = None,
) -> None:
    """Write a picture; it appears whole or not at all.

    Args:
        path: ``.png`` (lossless), ``.jpg``, ``.webp``, ``.bmp`` or ``.tif``.
        rgb: ``(H, W, 3)`` uint8 sRGB.
        alpha: ``(H, W)`` uint8; not for JPEG and BMP.
        xmp: metadata packet; BMP has no room for it.

    Raises:
        MediaError: unknown suffix, wrong array, or the file cannot be written.
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise MediaError(f"cannot write {path}: use one of {', '.join(sorted(_FORMATS))}")
    check_picture(rgb, path)
    layers = rgb
    if alpha is not None:
        if kind in ("JPEG", "BMP"):
            raise MediaError(f"cannot write {path}: {kind} has no transparency; use .png")
        if alpha.shape != rgb.shape[:2]:
            raise MediaError(f"cannot write {path}: alpha {alpha.shape} is not {rgb.shape[:2]}")
        layers = np.dstack([rgb, alpha])
    with atomic_path(path) as part, part.open("wb") as stream:
        Pil.fromarray(layers).save(
            stream, format=kind, **_OPTIONS.get(kind, {}), **_packet(kind, xmp)
        )


def _packet(kind: str, xmp: bytes | None) -> dict[str, Any]:
    """How Pillow wants an XMP packet for a format."""
    if xmp is None or kind == "BMP":
        return {}
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"pnginfo": info}
    return {"tiffinfo": {_TIFF_XMP: xmp}} if kind == "TIFF" else {"xmp": xmp}


def read_xmp(path: Path | str) -> str:
    """The XMP packet of a picture as text, "" without one.

    Raises:
        MediaError: the file cannot be read.
    """
    with open_image(Path(path)) as picture:
        packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
        if not packet and picture.format == "TIFF":
            packet = picture.getexif().get(_TIFF_XMP, b"")
    return packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)


def check_picture(rgb: NDArray[np.uint8], path: Path) -> None:
    """Refuse arrays that are not pictures.

    Raises:
        MediaError: not ``(H, W, 3)`` uint8.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise MediaError(
            f"cannot write {path}: expected (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}"
        )
