"""Pictures in any mode come in as upright sRGB; broken ones as one clear line."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Pil
from PIL import ImageCms

from facegen.errors import MediaError
from facegen.media import read_image, write_image

from .media_factory import picture

RGB = picture(3)


def pil(mode: str) -> Pil.Image:
    return Pil.fromarray(RGB).convert(mode)


def deep(top: int, kind: type, mode: str | None = None) -> Pil.Image:
    grey = np.asarray(pil("L")).astype(np.float64) / 255 * top
    return Pil.fromarray(grey.astype(kind), mode) if mode else Pil.fromarray(grey.astype(kind))


MODES = {
    "rgb.png": lambda p: pil("RGB").save(p),
    "palette.png": lambda p: pil("P").save(p),
    "transparent palette.png": lambda p: pil("P").save(p, transparency=0),
    "grey.png": lambda p: pil("L").save(p),
    "one bit.png": lambda p: pil("1").save(p),
    "rgba.png": lambda p: pil("RGBA").save(p),
    "grey and alpha.png": lambda p: pil("LA").save(p),
    "16 bit grey.png": lambda p: deep(65535, np.uint16).save(p),
    "16 bit grey.tif": lambda p: deep(65535, np.uint16).save(p),
    "float grey.tif": lambda p: deep(1, np.float32).save(p),
    "cmyk.jpg": lambda p: pil("CMYK").save(p, quality=95),
    "ycbcr.jpg": lambda p: pil("RGB").save(p, quality=95),
    "grey.jpg": lambda p: pil("L").save(p, quality=95),
    "lzw.tif": lambda p: pil("RGB").save(p, compression="tiff_lzw"),
    "lossless.webp": lambda p: pil("RGB").save(p, lossless=True),
    "plain.bmp": lambda p: pil("RGB").save(p),
    "plain.gif": lambda p: pil("P").save(p),
    "a png named.jpg": lambda p: pil("RGB").save(p, format="PNG"),
    "no_suffix": lambda p: pil("RGB").save(p, format="PNG"),
    "ünïcødé 名前 😀.png": lambda p: pil("RGB").save(p),
}


@pytest.mark.parametrize("name", MODES)
def test_every_mode_keeps_its_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    MODES[name](path)
    image = read_image(path)
    assert image.rgb.dtype == np.uint8
    assert image.rgb.shape == RGB.shape
    want = RGB.astype(float)
    if "grey" in name or "bit" in name:
        want = np.repeat(np.asarray(pil("L"))[..., None].astype(float), 3, -1)
    off = np.abs(image.rgb - want).mean()
    assert off < (130 if "one bit" in name else 25 if "palette" in name or "gif" in name else 5)
    assert (image.alpha is None) == (not any(w in name for w in ("rgba", "alpha", "transparent")))


@pytest.mark.parametrize("tag", range(1, 9))
def test_exif_orientation_shows_upright(tag: int, tmp_path: Path) -> None:
    stored = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, 1),
        7: np.rot90(RGB.transpose(1, 0, 2), 2),
        8: np.rot90(RGB, -1),
    }[tag]
    exif = Pil.Exif()
    exif[0x0112] = tag
    Pil.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "e.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "e.png").rgb, RGB)


def test_animation_gives_its_first_frame_and_says_so(tmp_path: Path) -> None:
    frames = [Pil.fromarray(picture(i)) for i in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    image = read_image(tmp_path / "a.webp")
    assert np.array_equal(image.rgb, picture(0))
    assert "animation" in image.notes[0]


def test_colour_profile_is_converted(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    to_lab = ImageCms.profileToProfile(
        pil("RGB"), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
    )
    to_lab.save(tmp_path / "lab.tif", icc_profile=lab.tobytes())
    image = read_image(tmp_path / "lab.tif")
    assert np.abs(image.rgb.astype(int) - RGB).mean() < 4
    assert any("profile" in note for note in image.notes)


def test_useless_profile_is_ignored(tmp_path: Path) -> None:
    pil("RGB").save(tmp_path / "x.png", icc_profile=b"nonsense" * 20)
    image = read_image(tmp_path / "x.png")
    assert np.array_equal(image.rgb, RGB)
    assert "ignored" in image.notes[0]


def test_max_side_shrinks_colour_and_alpha_together(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png", RGB, np.full(RGB.shape[:2], 7, np.uint8))
    image = read_image(tmp_path / "x.png", max_side=32)
    assert image.rgb.shape == (24, 32, 3)
    assert image.alpha is not None
    assert image.alpha.shape == (24, 32)


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def saved(tmp_path: Path, suffix: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Pil.fromarray(noise).save(tmp_path / f"whole{suffix}")
    return (tmp_path / f"whole{suffix}").read_bytes()


BAD = {
    "missing": (lambda d: d / "nobody.png", "no such file"),
    "folder": (lambda d: d, "folder"),
    "empty": (lambda d: _file(d / "e.png", b""), "empty"),
    "text": (lambda d: _file(d / "t.png", b"hello"), "not an image"),
    "nul bytes": (lambda d: _file(d / "n.png", bytes(1000)), "not an image"),
    "cut png": (lambda d: _file(d / "c.png", cut(saved(d, ".png"), 0.5)), "damaged"),
    "cut jpeg": (lambda d: _file(d / "c.jpg", cut(saved(d, ".jpg"), 0.5)), "damaged"),
    "cut bmp": (lambda d: _file(d / "c.bmp", cut(saved(d, ".bmp"), 0.5)), "damaged"),
    "cut webp": (lambda d: _file(d / "c.webp", cut(saved(d, ".webp"), 0.5)), "damaged"),
    "header only": (lambda d: _file(d / "h.png", cut(saved(d, ".png"), 0.002)), "image"),
    "exr": (lambda d: _file(d / "x.exr", b"\x76\x2f\x31\x01" + bytes(50)), "convert it"),
    "heic": (lambda d: _file(d / "x.heic", b"\0\0\0\x18ftypheic" + bytes(50)), "convert it"),
    "svg": (lambda d: _file(d / "x.svg", b"<svg/>"), "not an image"),
    "huge": (lambda d: _huge(d / "x.png"), "pixels"),
}


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _huge(path: Path) -> Path:
    Pil.new("1", (20000, 10000)).save(path)
    return path


@pytest.mark.parametrize("name", BAD)
def test_bad_image_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, words = BAD[name]
    path = make(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(MediaError, match=words) as caught:
            read_image(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_size_limit_can_be_raised(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png", RGB)
    with pytest.raises(MediaError, match="max_pixels"):
        read_image(tmp_path / "x.png", max_pixels=100)
    assert read_image(tmp_path / "x.png", max_pixels=64 * 48).width == 64


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rgb=st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
        lambda s: arrays(np.uint8, (*s, 3))
    ),
    suffix=st.sampled_from([".png", ".bmp", ".tif"]),
)
def test_lossless_round_trip(rgb: np.ndarray, suffix: str, tmp_path: Path) -> None:
    write_image(tmp_path / f"x{suffix}", rgb)
    assert np.array_equal(read_image(tmp_path / f"x{suffix}").rgb, rgb)


BAD_WRITES = {
    "unknown suffix": ("x.xyz", RGB, None, "use one of"),
    "no parent": ("a/b/x.png", RGB, None, "no folder"),
    "alpha in jpeg": ("x.jpg", RGB, RGB[..., 0], "transparency"),
    "alpha of other size": ("x.png", RGB, RGB[:9, :9, 0], "alpha"),
    "float picture": ("x.png", RGB / 255.0, None, "uint8"),
    "grey picture": ("x.png", RGB[..., 0], None, r"\(H, W, 3\)"),
    "no pixels": ("x.png", RGB[:0], None, r"\(H, W, 3\)"),
    "too large for jpeg": ("x.jpg", np.zeros((1, 70000, 3), np.uint8), None, "cannot write"),
}


@pytest.mark.parametrize("name", BAD_WRITES)
def test_bad_write_leaves_nothing(name: str, tmp_path: Path) -> None:
    file, rgb, alpha, words = BAD_WRITES[name]
    with pytest.raises(MediaError, match=words):
        write_image(tmp_path / file, rgb, alpha)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    write_image(tmp_path / "x.png", RGB)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pil.Image, "save", full)
    with pytest.raises(MediaError, match="no space left"):
        write_image(tmp_path / "x.png", 255 - RGB)
    monkeypatch.undo()
    assert np.array_equal(read_image(tmp_path / "x.png").rgb, RGB)
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
