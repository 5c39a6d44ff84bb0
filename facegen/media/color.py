"""Decoded video frames to sRGB: matrix, range, and high dynamic range.

Sources: ITU-R BT.601, BT.709, BT.2020 (matrices); BT.2100 (PQ and HLG curves); IEC 61966-2-1
(sRGB curve).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

Rgb8 = NDArray[np.uint8]

# Bicubic with accurate rounding and full chroma (values of libswscale's SWS_* flags): the cheap
# default shifts colours by up to three levels and smears chroma.
SWS_FLAGS = 4 | 0x40000 | 0x2000 | 0x4000
SDR_WHITE_NITS = 203.0  # ITU-R BT.2408: where HDR places the white of an SDR picture

_HDR = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
_BT709, _SMPTE240M, _BT2020_NCL, _BT2020_CL = 1, 7, 9, 10
_BT601 = (5, 6)

# Linear light, BT.2020 primaries to BT.709 primaries (ITU-R BT.2087).
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def hdr_kind(trc: int) -> str | None:
    """``"PQ"`` or ``"HLG"`` for those transfer curves (AVColorTransferCharacteristic)."""
    return _HDR.get(int(trc))


def guess_matrix(colorspace: int, width: int, height: int) -> Colorspace:
    """The YUV matrix to decode with.

    Untagged pictures follow what players do: BT.709 from high definition on, BT.601 below.
    """
    if colorspace in _BT601:
        return Colorspace.ITU601
    if colorspace == _BT709:
        return Colorspace.ITU709
    if colorspace == _SMPTE240M:
        return Colorspace.SMPTE240M
    if colorspace in (_BT2020_NCL, _BT2020_CL):
        return Colorspace.BT2020
    return Colorspace.ITU709 if width >= 1280 or height > 576 else Colorspace.ITU601


class ToRgb:
    """Turns decoded frames into full-range sRGB pictures; keeps its scaler between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, size: tuple[int, int] | None = None) -> Rgb8:
        """One frame as ``(H, W, 3)`` uint8.

        Args:
            size: (width, height) to scale to, for pixels that are not square.
        """
        hdr = hdr_kind(frame.color_trc)
        rgb = self._convert(frame, "rgb48le" if hdr else "rgb24", size)
        if not hdr:
            return rgb
        return tone_map(rgb, hdr, wide=frame.color_primaries in (int(ColorPrimaries.BT2020), 2))

    def _convert(self, frame: VideoFrame, fmt: str, size: tuple[int, int] | None) -> NDArray:
        is_rgb = frame.format.is_rgb or frame.format.name.startswith(("pal", "gray"))
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        width, height = size or (frame.width, frame.height)
        out = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=fmt,
            src_colorspace=None
            if is_rgb
            else guess_matrix(frame.colorspace, frame.width, frame.height),
            dst_colorspace=None if is_rgb else Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if full or is_rgb else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=SWS_FLAGS,
            threads=1,
        )
        return out.to_ndarray()


@cache
def _to_linear(kind: str) -> NDArray[np.float32]:
    """``(65536,)`` table: 16-bit code to linear light, 1 = SDR white (BT.2100 tables 4 and 5)."""
    code = np.linspace(0, 1, 65536)
    if kind == "PQ":
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = code ** (1 / m2)
        nits = 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
        return (nits / SDR_WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    # A 1000-nit display's system gamma, applied per channel: close to the luminance rule on skin.
    return (scene**1.2 * 1000 / SDR_WHITE_NITS).astype(np.float32)


@cache
def _to_srgb() -> NDArray[np.uint8]:
    """``(65536,)`` table: linear 0..1 to sRGB bytes."""
    x = np.linspace(0, 1, 65536)
    curve = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.rint(curve * 255).astype(np.uint8)


def tone_map(rgb16: NDArray[np.uint16], kind: str, *, wide: bool = True) -> Rgb8:
    """HDR picture to sRGB.

    Light up to 0.75 of SDR white stays as it is, so skin keeps its level; what is above is rolled
    off by an extended Reinhard curve on the brightest channel, which keeps hues.

    Args:
        rgb16: ``(H, W, 3)`` uint16, ``kind``-encoded, full range.
        kind: ``"PQ"`` or ``"HLG"``.
        wide: the primaries are BT.2020.
    """
    linear = _to_linear(kind)[rgb16]
    if wide:
        linear = np.maximum(linear @ _BT2020_TO_BT709.T, 0)
    peak = linear.max(axis=-1, keepdims=True)
    knee = 0.75
    over = np.maximum(peak - knee, 0) / (1 - knee)
    rolled = knee + (1 - knee) * over / (1 + over)
    linear *= np.where(peak > knee, rolled / np.maximum(peak, 1e-6), 1)
    return _to_srgb()[(np.clip(linear, 0, 1) * 65535 + 0.5).astype(np.uint16)]
