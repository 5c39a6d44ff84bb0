"""Videos come in upright, in true colour, with their own times; broken ones as one clear line."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image as Pil

from facegen.errors import MediaError
from facegen.media import has_sound, is_still, probe, read_video, write_image
from facegen.media.color import tone_map

from .media_factory import click, make_sound, make_video, picture

RATES = [Fraction(12), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(120)]


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_frame_rate_is_exact(fps: Fraction, tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 12, fps=fps)
    info, frames = probe(path), list(read_video(path))
    assert info.fps == fps
    assert (info.frame_count, info.frame_count_exact, info.is_vfr) == (12, True, False)
    assert [f.index for f in frames] == list(range(12))
    assert [f.exact_time for f in frames] == [i / fps for i in range(12)]


CONTAINERS = {
    "x.mp4": "libx264",
    "x.mov": "libx264",
    "x.mkv": "libx264",
    "x.webm": "libvpx-vp9",
    "x.avi": "mpeg4",
    "x.mpg": "mpeg2video",
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers(name: str, tmp_path: Path) -> None:
    path = make_video(tmp_path / name, 12, codec=CONTAINERS[name])
    frames = list(read_video(path))
    assert len(frames) == 12
    assert frames[0].time == 0
    assert np.allclose(np.diff([f.time for f in frames]), 0.04, atol=0.0011)
    assert np.abs(frames[5].rgb.astype(int) - picture(5)).mean() < 12
    assert probe(path).frame_count_exact <= (probe(path).frame_count == 12)


def test_gif(tmp_path: Path) -> None:
    frames = [Pil.fromarray(picture(i)) for i in range(4)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:], duration=80)
    got = list(read_video(tmp_path / "x.gif"))
    assert [f.exact_time for f in got] == [Fraction(8 * i, 100) for i in range(4)]


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("hflip", [False, True])
def test_rotation_and_mirror_are_applied(rotation: int, hflip: bool, tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 2, rotation=rotation, hflip=hflip)
    with av.open(str(path)) as container:
        matrix = next(container.decode(video=0)).side_data.get("DISPLAYMATRIX")
    want = picture(0)
    if matrix is not None:
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5] // 65536
        want = place_by_matrix(want, a, b, c, d)
    info, frame = probe(path), next(iter(read_video(path)))
    assert frame.rgb.shape == want.shape == (info.height, info.width, 3)
    assert np.abs(frame.rgb.astype(int) - want).mean() < 12


def place_by_matrix(rgb: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """ISO 14496-12: a stored pixel (x, y) is shown at (a x + c y, b x + d y)."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    u, v = a * x + c * y, b * x + d * y
    out = np.zeros((np.ptp(v) + 1, np.ptp(u) + 1, 3), np.uint8)
    out[v - v.min(), u - u.min()] = rgb
    return out


SKIN = (214, 150, 120)
TAGS = {
    "601 limited": {"colorspace": 5, "color_range": 1},
    "601 full": {"colorspace": 5, "color_range": 2},
    "709 limited": {"colorspace": 1, "color_range": 1},
    "709 full": {"colorspace": 1, "color_range": 2},
    "untagged small": {},
}


@pytest.mark.parametrize("name", TAGS)
def test_matrix_and_range(name: str, tmp_path: Path) -> None:
    def flat(_: int, w: int, h: int) -> np.ndarray:
        return np.full((h, w, 3), SKIN, np.uint8)

    path = make_video(tmp_path / "x.mp4", 3, draw=flat, color=TAGS[name], options={"crf": "4"})
    frame = list(read_video(path))[1]
    assert np.abs(frame.rgb.astype(int) - SKIN).max() <= 3


@pytest.mark.parametrize(("kind", "white"), [("PQ", 0.5807), ("HLG", 0.75)])
def test_hdr_white_and_order(kind: str, white: float) -> None:
    """Diffuse white (203 nits; ITU-R BT.2408 table 1) lands near the top; darker stays ordered."""
    codes = (np.linspace(0, 1, 64) * 65535).astype(np.uint16)
    ramp = tone_map(np.repeat(codes[None, :, None], 3, -1), kind)
    assert (np.diff(ramp[0, :, 1].astype(int)) >= 0).all()
    assert ramp.max() > 245
    assert ramp[0, 0].max() == 0
    at_white = tone_map(np.full((1, 1, 3), round(white * 65535), np.uint16), kind)
    assert 225 <= at_white.max() <= 250
    assert np.ptp(at_white) <= 1


def test_hdr_file_is_tone_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.BT2020, ColorRange.MPEG
        context.color_trc, context.color_primaries = ColorTrc.SMPTE2084, ColorPrimaries.BT2020
        frame = av.VideoFrame(64, 64, "yuv420p10le")
        luma = 64 + round(0.5807 * 876)
        for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
        frame.color_trc, frame.color_primaries = ColorTrc.SMPTE2084, ColorPrimaries.BT2020
        frame.colorspace, frame.color_range = 9, ColorRange.MPEG
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert probe(path).hdr == "PQ"
    rgb = next(iter(read_video(path))).rgb
    assert 225 <= rgb.max() <= 250
    assert np.ptp(rgb) <= 3


def test_pixel_aspect_gives_square_pixels(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0))))
        out.mux(stream.encode(None))
    assert (probe(path).width, probe(path).height) == (96, 48)
    assert next(iter(read_video(path))).rgb.shape == (48, 96, 3)


def test_part_of_a_video_keeps_absolute_indices(tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 20)
    part = list(read_video(path, start=0.2, stop=0.4))
    assert [f.index for f in part] == [5, 6, 7, 8, 9]
    rest = list(read_video(path, start=0.2, stop=0.4, skip=3))
    assert [f.index for f in rest] == [8, 9]
    assert np.array_equal(rest[0].rgb, part[3].rgb)
    assert list(read_video(path, skip=20)) == []


def test_reader_can_be_read_again(tmp_path: Path) -> None:
    reader = read_video(make_video(tmp_path / "x.mp4", 5))
    assert len(list(reader)) == len(list(reader)) == 5


def test_pictures_as_video(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for i in (1, 2, 10):
        write_image(folder / f"p{i}.png", picture(i))
    for path in (folder, folder / "p%d.png"):
        frames = list(read_video(path, fps=Fraction(10)))
        assert [f.exact_time for f in frames] == [0, Fraction(1, 10), Fraction(1, 5)]
        assert np.array_equal(frames[2].rgb, picture(10))
    assert len(list(read_video(folder / "p2.png"))) == 1
    assert is_still(folder / "p2.png")
    assert not is_still(folder)


def test_sound_is_noticed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 10, sound=click(0.4, 0.1))
    assert probe(path).has_audio
    assert probe(path).audio_codec == "aac"
    assert has_sound(path)
    assert not has_sound(make_video(tmp_path / "y.mp4", 10))


def test_names_that_look_like_protocols_or_patterns(tmp_path: Path) -> None:
    for name in ("http:x.mp4", "a%b.mp4", "名前 é.mp4", "-i.mp4"):
        make_video(tmp_path / "x.mp4", 3).rename(tmp_path / name)
        assert len(list(read_video(tmp_path / name))) == 3


def test_cut_video_gives_what_is_there_and_warns(tmp_path: Path) -> None:
    whole = make_video(
        tmp_path / "w.mp4", 60, options={"g": "5", "bf": "0"}, size=(128, 96)
    ).read_bytes()
    # The index at the front (as for the web), the pictures cut off.
    path = tmp_path / "x.mkv"
    make_video(path, 60, options={"g": "5", "bf": "0"}, size=(128, 96))
    path.write_bytes(path.read_bytes()[: len(whole) // 2])
    reader = read_video(path)
    frames = list(reader)
    assert 5 < len(frames) < 60


def test_cut_mp4_with_index_first_warns(tmp_path: Path) -> None:
    from facegen.media import VideoWriter

    noise = np.random.default_rng(0)
    with VideoWriter(tmp_path / "x.mp4", 64, 48, 25) as writer:
        for _ in range(40):
            writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8))
    path = tmp_path / "x.mp4"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = read_video(path)
    assert 5 < len(list(reader)) < 40
    assert reader.warning is not None
    assert "\n" not in reader.warning


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _sizes_differ(folder: Path) -> Path:
    write_image(folder / "1.png", picture(0))
    write_image(folder / "2.png", picture(0, 32, 32))
    return folder


def _cut_index(d: Path) -> Path:
    data = make_video(d / "w.mp4", 30).read_bytes()
    return _file(d / "x.mp4", data[: len(data) // 2])


def _no_frames(d: Path) -> Path:
    with av.open(str(d / "x.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        out.start_encoding()
    return d / "x.mp4"


BAD = {
    "missing": (lambda d: d / "nobody.mp4", "no such file"),
    "missing pattern": (lambda d: d / "%05d.png", "no images"),
    "folder without images": (lambda d: d, "no images"),
    "empty": (lambda d: _file(d / "x.mp4", b""), "empty"),
    "text": (lambda d: _file(d / "x.mp4", b"this is no video at all\n" * 50), "not a media file"),
    "zeros": (lambda d: _file(d / "x.mp4", bytes(5000)), "not a media file"),
    "json": (lambda d: _file(d / "x.webm", b'{"a": 1}' * 99), "not a media file"),
    "mp4 cut before its index": (_cut_index, "not a media file or it is damaged"),
    "sound only wav": (lambda d: make_sound(d / "x.wav", click(0.5, 0.1)), "sound only"),
    "sound only mp3": (lambda d: make_sound(d / "x.mp3", click(0.5, 0.1), "mp3"), "sound only"),
    "sound only in mp4": (lambda d: make_sound(d / "x.mp4", click(0.5, 0.1), "aac"), "sound only"),
    "no frames": (_no_frames, "no video stream"),
    "sizes differ": (_sizes_differ, "make them equal"),
    "broken picture": (lambda d: _file(d / "x.png", b"hello"), "not an image"),
    "playlist to the network": (
        lambda d: _file(d / "x.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"),
        "cannot read",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_video_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(MediaError, match=words) as caught:
        list(read_video(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("span", [(-1, None), (0.2, 0.1), (5, None), (0.1, 0.1)])
def test_impossible_range(span: tuple, tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 5)
    with pytest.raises(MediaError):
        list(read_video(path, start=span[0], stop=span[1]))


def test_own_clips(dev_data: Path) -> None:
    """Real clips: nominal values and strictly increasing times."""
    for name, fps in (("lp_d0.mp4", 25), ("xp_driving.mp4", Fraction(12000, 1001))):
        path = dev_data / "driving" / name
        info, times = probe(path), [f.time for f in read_video(path)]
        assert info.fps == fps
        assert len(times) == info.frame_count
        assert (np.diff(times) > 0).all()
