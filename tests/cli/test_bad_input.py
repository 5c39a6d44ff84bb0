"""Rubbish in: one clear line and exit code 2, or the right result. Never half a file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegen.demo import MOTION, PHOTO
from facegen.media import probe, read_image
from tests.command import assert_refused, run

from . import media_zoo as zoo


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zoo") / "clip.mp4"
    return zoo.write_clip(path, zoo.moving_face(6), sound=True)


# --- photos -----------------------------------------------------------------------------------


def _save(name: str, change: Callable[[Image.Image], Image.Image], **options: object):
    def make(folder: Path) -> Path:
        path = folder / name
        change(zoo.portrait(256, 256)).save(path, **options)
        return path

    return make


def _bytes(name: str, data: bytes):
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _grey16(folder: Path) -> Path:
    grey = np.asarray(zoo.portrait(256, 256).convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "g16.png")
    return folder / "g16.png"


def _truncated(name: str, share: float):
    def make(folder: Path) -> Path:
        whole = folder.parent / ("whole_" + name)
        zoo.portrait(256, 256).save(whole)
        return zoo.cut(whole, folder / name, share)

    return make


def _two_faces(folder: Path) -> Path:
    pair = np.concatenate([np.asarray(zoo.portrait(320, 320))] * 2, 1)
    Image.fromarray(pair).save(folder / "two.png")
    return folder / "two.png"


def _turned(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def _exif_rotated(folder: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 clockwise to show": the pixels lie on their side
    _turned(zoo.portrait(256, 320)).save(folder / "exif.jpg", exif=exif)
    return folder / "exif.jpg"


def _alpha(image: Image.Image) -> Image.Image:
    image.putalpha(Image.fromarray(np.full((256, 256), 200, np.uint8)))
    return image


def _folder(folder: Path) -> Path:
    (folder / "a_folder.jpg").mkdir()
    return folder / "a_folder.jpg"


def _with_tiny_face(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (640, 640), (90, 120, 150))
    canvas.paste(image.resize((24, 24)), (300, 300))
    return canvas


NOISE = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)


def _bomb(folder: Path) -> Path:
    Image.new("1", (12000, 12000)).save(folder / "huge.png")
    return folder / "huge.png"


BAD_PHOTOS = {
    "144 megapixels": _bomb,
    "missing": lambda folder: folder / "nobody.jpg",
    "folder": _folder,
    "empty": _bytes("empty.jpg", b""),
    "text": _bytes("text.jpg", b"this is not a picture"),
    "truncated header": _truncated("t.png", 0.02),
    "truncated jpeg": _truncated("t.jpg", 0.3),
    "radiance hdr": _bytes("light.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n"),
    "noise": _save("noise.png", lambda _: Image.fromarray(NOISE)),
    "black": _save("black.png", lambda _: Image.new("RGB", (300, 300))),
    "one pixel": _save("one.png", lambda i: i.resize((1, 1))),
    "one row": _save("row.png", lambda i: i.resize((400, 1))),
    "face of 8 pixels": _save("tiny.png", _with_tiny_face),
    "svg": _bytes("face.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
}

GOOD_PHOTOS = {
    "odd size": _save("odd.png", lambda i: i.resize((251, 333))),
    "small": _save("small.png", lambda i: i.resize((144, 144))),
    "grey": _save("grey.png", lambda i: i.convert("L")),
    "grey 16 bit": _grey16,
    "palette": _save("palette.png", lambda i: i.quantize(64)),
    "cmyk": _save("cmyk.jpg", lambda i: i.convert("CMYK")),
    "alpha": _save("alpha.png", _alpha),
    "grey and alpha": _save("la.png", lambda i: _alpha(i).convert("LA")),
    "animated": _save(
        "anim.gif", lambda i: i, save_all=True, append_images=[zoo.portrait(256, 256)]
    ),
    "webp": _save("x.webp", lambda i: i),
    "bmp": _save("x.bmp", lambda i: i),
    "tiff": _save("x.tiff", lambda i: i),
    "wrong suffix": _save("really_a_png.jpg", lambda i: i, format="PNG"),
    "rotated by exif": _exif_rotated,
    "two faces": _two_faces,
    "unicode and spaces": _save("ich & \u00fc\u00f1\u4f60 \U0001f600.png", lambda i: i),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_bad_photo_is_refused(
    name: str, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, results = tmp_path / "in", tmp_path / "out"
    inputs.mkdir(), results.mkdir()
    photo = BAD_PHOTOS[name](inputs)
    outcome = run(monkeypatch, "reenact", "--ref", photo, "--drive", clip, "-o", results / "o.mp4")
    assert_refused(outcome, results, set())


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD_PHOTOS)
def test_odd_but_valid_photo_works(
    name: str, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = GOOD_PHOTOS[name](tmp_path)
    out = tmp_path / "o.mp4"
    outcome = run(monkeypatch, "reenact", "--ref", photo, "--drive", clip, "-o", out)
    assert outcome.code == 0, outcome.error
    info, image = probe(out), read_image(photo).rgb
    assert abs(info.width - image.shape[1]) <= 1
    assert abs(info.height - image.shape[0]) <= 1
    assert info.fps == 25
    assert info.has_audio


# --- drivers ----------------------------------------------------------------------------------


def _clip(name: str, frames: int = 6, **options: object):
    def make(folder: Path) -> Path:
        return zoo.write_clip(folder / name, zoo.moving_face(frames), **options)

    return make


def _truncated_clip(share: float):
    def make(folder: Path) -> Path:
        whole = zoo.write_clip(folder.parent / "whole.mp4", zoo.moving_face(6))
        return zoo.cut(whole, folder / "cut.mp4", share)

    return make


def _faceless(folder: Path) -> Path:
    return zoo.write_clip(folder / "noise.mp4", [NOISE] * 5)


def _empty_folder(folder: Path) -> Path:
    (folder / "frames").mkdir()
    return folder / "frames"


def _frames_folder(folder: Path) -> Path:
    target = folder / "frames"
    target.mkdir()
    for i, rgb in enumerate(zoo.moving_face(4)):
        Image.fromarray(rgb).save(target / f"{i:05d}.png")
    return target


def _variable_rate(folder: Path) -> Path:
    times = [Fraction(n, 1000) for n in (0, 40, 90, 210, 250, 400)]
    return zoo.write_clip(folder / "vfr.mp4", zoo.moving_face(6), times=times)


def _sideways(folder: Path) -> Path:
    frames = [np.ascontiguousarray(np.rot90(rgb)) for rgb in zoo.moving_face(5, 256, 320)]
    return zoo.write_clip(folder / "phone.mp4", frames, rotate=90)


BAD_DRIVERS = {
    "missing": lambda folder: folder / "no.mp4",
    "empty": _bytes("empty.mp4", b""),
    "text": _bytes("text.mp4", b"no video here" * 50),
    "audio only": lambda folder: zoo.audio_only(folder / "sound.mp4"),
    "header cut away": _truncated_clip(0.5),
    "no face at all": _faceless,
    "empty folder": _empty_folder,
    "corrupt motion": _bytes("x.motion.npz", b"PK\x03\x04 not really"),
    "pickled motion": lambda folder: _pickled(folder / "evil.motion.npz"),
}

GOOD_DRIVERS = {
    "one frame": (_clip("one.mp4", 1), 1, Fraction(25)),
    "120 fps": (_clip("fast.mp4", 12, fps=Fraction(120)), 12, Fraction(120)),
    "ntsc": (_clip("ntsc.mp4", 6, fps=Fraction(30000, 1001)), 6, Fraction(30000, 1001)),
    "webm": (_clip("x.webm"), 6, Fraction(25)),
    "mpeg": (_clip("x.mpg"), 6, Fraction(25)),
    "gif": (_clip("x.gif"), 6, Fraction(25)),
    "variable rate": (_variable_rate, 6, None),
    "rotated phone": (_sideways, 5, Fraction(25)),
    "a picture": (_save("still.png", lambda i: i), 1, None),
    "a folder of frames": (_frames_folder, 4, None),
}


def _pickled(path: Path) -> Path:
    with path.open("wb") as stream:
        np.savez(stream, header=np.array([{"a": 1}], dtype=object))
    return path


@pytest.mark.parametrize("name", BAD_DRIVERS)
def test_bad_driver_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, results = tmp_path / "in", tmp_path / "out"
    inputs.mkdir(), results.mkdir()
    driver = BAD_DRIVERS[name](inputs)
    target = results / "o.mp4"
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", driver, "-o", target)
    assert_refused(outcome, results, set())


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD_DRIVERS)
def test_odd_but_valid_driver_works(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, frames, fps = GOOD_DRIVERS[name]
    out = tmp_path / "o.mp4"
    driver = make(tmp_path)
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", driver, "-o", out)
    assert outcome.code == 0, outcome.error
    import av

    with av.open(str(out)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == frames
    if fps is not None:
        assert probe(out).fps == fps
    if name == "variable rate":
        assert np.allclose(times, [0, 0.04, 0.09, 0.21, 0.25, 0.4], atol=2e-3)


# --- arguments and outputs --------------------------------------------------------------------

BAD_ARGUMENTS = {
    "unknown suffix": ["-o", "{out}/o.xyz"],
    "folder missing": ["-o", "{out}/no/such/o.mp4"],
    "unknown region": ["-o", "{out}/o.mp4", "--only", "lips,tail"],
    "unknown motion": ["-o", "{out}/o.mp4", "--motion", "fancy"],
    "unknown policy": ["-o", "{out}/o.mp4", "--no-face", "cry"],
    "unknown generator": ["-o", "{out}/o.mp4", "--generator", "magic"],
    "face index too high": ["-o", "{out}/o.mp4", "--ref-face", "7"],
    "face not a choice": ["-o", "{out}/o.mp4", "--face", "the left one"],
    "stop before start": ["-o", "{out}/o.mp4", "--start", "2", "--stop", "1"],
    "start after the end": ["-o", "{out}/o.mp4", "--start", "99"],
    "neutral frame too high": ["-o", "{out}/o.mp4", "--reference-frame", "9999"],
    "audio file missing": ["-o", "{out}/o.mp4", "--audio", "{out}/no.wav"],
    "audio file without sound": ["-o", "{out}/o.mp4", "--audio", str(PHOTO)],
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_argument_is_refused(
    name: str, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = [part.format(out=tmp_path) for part in BAD_ARGUMENTS[name]]
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", clip, *extra)
    assert_refused(outcome, tmp_path, set())


def test_an_input_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = zoo.write_clip(tmp_path / "clip.mp4", zoo.moving_face(3))
    before = driver.read_bytes()
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", driver, "-o", driver)
    assert_refused(outcome, tmp_path, {"clip.mp4"})
    assert driver.read_bytes() == before


def test_default_name_is_not_replaced_without_overwrite(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("astronaut_clip.mp4").write_bytes(b"precious")
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", clip)
    assert_refused(outcome, tmp_path, {"astronaut_clip.mp4"})
    assert Path("astronaut_clip.mp4").read_bytes() == b"precious"


def test_a_failed_run_keeps_the_old_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"precious")
    driver = _faceless(tmp_path)
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", driver, "-o", out)
    assert outcome.code == 2
    assert out.read_bytes() == b"precious"


def test_profile_without_a_second_eye_is_refused(
    dev_data: Path, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = dev_data / "portraits" / "cc0_024.jpg"
    outcome = run(monkeypatch, "reenact", "--ref", photo, "--drive", clip, "-o", tmp_path / "o.mp4")
    assert_refused(outcome, tmp_path, set())
    assert "towards the camera" in outcome.error


@pytest.mark.slow
def test_result_may_have_any_name(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "Gr\u00fc\u00dfe an \u4f60 & 'ich'.webm"
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", clip, "-o", out)
    assert outcome.code == 0, outcome.error
    assert probe(out).has_audio


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder_is_named(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    target = locked / "o.mp4"
    outcome = run(monkeypatch, "reenact", "--ref", PHOTO, "--drive", clip, "-o", target)
    assert_refused(outcome, locked, set())


def test_motion_of_another_head_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from facegen.motion import Motion

    replace(Motion.load(MOTION), basis="flame2020").save(tmp_path / "m.motion.npz")
    outcome = run(
        monkeypatch,
        *("reenact", "--ref", PHOTO, "--drive", tmp_path / "m.motion.npz"),
        *("-o", tmp_path / "o.mp4"),
    )
    assert_refused(outcome, tmp_path, {"m.motion.npz"})
    assert "flame2020" in outcome.error


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
def test_full_disk_ends_in_one_line(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the write itself fails half-way."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000));"
        f"sys.argv = ['facegen', 'reenact', '--demo', '-o', {str(tmp_path / 'o.mp4')!r}];"
        "from facegen.__main__ import main; main()"
    )
    run_ = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run_.returncode == 2, run_.stderr
    assert "Traceback" not in run_.stderr
    assert not (tmp_path / "o.mp4").exists()
