"""The whole way, on the packaged photo: determinism, sound, resume, what moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facegen.demo import MOTION, PHOTO
from facegen.errors import UsageError
from facegen.media import probe, read_image, read_video
from facegen.motion import Motion
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import ReenactmentPipeline, part_of
from facegen.pipelines.render import SaveOptions
from tests.cli import media_zoo as zoo


@pytest.fixture(scope="module")
def pipe() -> ReenactmentPipeline:
    return ReenactmentPipeline.from_pretrained("open")


@pytest.fixture(scope="module")
def short() -> Motion:
    return Motion.load(MOTION)[20:32]


def test_same_input_gives_the_same_bytes(pipe: ReenactmentPipeline, short: Motion) -> None:
    first = list(pipe(PHOTO, short))
    again = list(pipe(PHOTO, short).frames(workers=3))
    assert len(first) == len(short)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_frames_from_the_middle_equal_those_of_a_whole_run(
    pipe: ReenactmentPipeline, short: Motion
) -> None:
    result = pipe(PHOTO, short)
    whole = list(result)
    for a, b in zip(result.frames(7), whole[7:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_limits_of_length_and_size(pipe: ReenactmentPipeline, short: Motion) -> None:
    result = pipe(PHOTO, short, config=ReenactConfig(max_frames=2, max_size=200))
    assert [frame.shape for frame in result] == [(200, 200, 3)] * 2
    assert pipe(PHOTO, short, config=ReenactConfig(max_size=4000)).size == (512, 512)
    for wrong in (ReenactConfig(max_frames=0), ReenactConfig(max_size=8)):
        with pytest.raises(UsageError):
            wrong.validate()


def test_the_face_moves_and_the_far_background_does_not(
    pipe: ReenactmentPipeline, short: Motion
) -> None:
    photo = read_image(PHOTO).rgb
    frames = np.stack(list(pipe(PHOTO, short)))
    changed = (frames != photo).any(axis=(0, 3))
    ys, xs = np.nonzero(changed)
    assert changed[60:200, 170:280].mean() > 0.5, "the face region"
    assert not changed[300:, :].any(), "the space suit"
    assert not changed[:, 400:].any(), "the far background"
    assert len(xs) and ys.max() < 300


def test_keep_head_and_zero_gain_leave_the_photo_as_it_is(
    pipe: ReenactmentPipeline, short: Motion
) -> None:
    still = replace(
        short, **{n: np.zeros_like(getattr(short, n)) for n in ("leye_pose", "reye_pose")}
    )
    config = ReenactConfig(
        expression_gain=0, keep_head=True, motion="relative", reference_frame="0"
    )
    frames = list(pipe(PHOTO, still, config=config))
    error = np.abs(frames[-1].astype(int) - read_image(PHOTO).rgb).mean()
    assert error < 0.5


def test_only_lips_leaves_head_and_eyes(pipe: ReenactmentPipeline) -> None:
    driver = Motion.load(MOTION)
    config = ReenactConfig(only=("lips", "jaw"))
    motion = pipe(PHOTO, driver, config=config).motion
    for name in ("neck_pose", "leye_pose"):
        spread = np.ptp(getattr(motion, name), axis=0)
        np.testing.assert_allclose(spread, 0, atol=1e-6)
    assert np.ptp(motion.jaw_pose[:, 0]) > np.radians(4)
    blink = motion.expression_names.index("eyeBlinkLeft")
    assert np.ptp(motion.expression[:, blink]) < 1e-6


def test_identity_of_the_photo_is_kept(pipe: ReenactmentPipeline, short: Motion) -> None:
    stranger = replace(short, betas=np.ones_like(short.betas))
    result = pipe(PHOTO, stranger)
    np.testing.assert_array_equal(result.motion.betas, result.portrait.fit.betas)


def test_part_of_a_motion(short: Motion) -> None:
    part = part_of(short, ReenactConfig(start=0.08, stop=0.2))
    np.testing.assert_allclose(part.timestamps - short.timestamps[0], [0.08, 0.12, 0.16])
    with pytest.raises(UsageError):
        part_of(short, ReenactConfig(start=99))


def test_save_and_load_pipeline(pipe: ReenactmentPipeline, short: Motion, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "mine")
    again = ReenactmentPipeline.from_pretrained(tmp_path / "mine")
    a, b = next(iter(pipe(PHOTO, short))), next(iter(again(PHOTO, short)))
    # The head is stored in half precision: a rounding away, not a byte away.
    assert np.abs(a.astype(int) - b).mean() < 0.5


@pytest.mark.slow
def test_video_keeps_rate_sound_and_provenance(pipe: ReenactmentPipeline, tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(8), fps=rate, sound=True)
    out = pipe.write(tmp_path / "o.mp4", PHOTO, clip)
    info = probe(out)
    assert info.fps == rate
    assert info.has_audio
    assert info.frame_count == 8
    import av

    with av.open(str(out)) as container:
        assert "Synthetic media" in container.metadata["comment"]
        assert container.metadata["synthetic"] == "true"
        sound = list(container.decode(audio=0))
    with av.open(str(clip)) as container:
        original = list(container.decode(audio=0))
    np.testing.assert_array_equal(sound[2].to_ndarray(), original[2].to_ndarray())


@pytest.mark.slow
def test_extras_are_written(pipe: ReenactmentPipeline, tmp_path: Path) -> None:
    result = pipe(PHOTO, Motion.load(MOTION)[:3])
    options = SaveOptions(
        maps=tmp_path / "maps", motion=tmp_path / "m.motion.npz", sheet=tmp_path / "s.png"
    )
    result.save(tmp_path / "frames", options)
    assert len(list((tmp_path / "frames").glob("*.png"))) == 3
    assert len(list((tmp_path / "maps").glob("*_depth.png"))) == 3
    assert len(Motion.load(tmp_path / "m.motion.npz")) == 3
    assert read_image(tmp_path / "s.png").rgb.std() > 10


def start_demo(out: Path, *extra: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "facegen", "reenact", "--demo", "-o", str(out), *extra]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_interrupted_run_resumes_to_the_same_frames(tmp_path: Path, blow: signal.Signals) -> None:
    out, whole = tmp_path / "o.mp4", tmp_path / "whole.mp4"
    run = start_demo(out)
    side = tmp_path / ".o.mp4.facegen"
    deadline = time.monotonic() + 120
    while not list(side.glob("00000.*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    run.send_signal(blow)
    _, error = run.communicate(timeout=60)
    assert not out.exists()
    if blow == signal.SIGINT:
        assert run.returncode == 2
        assert error.count("\n") == 1
        assert "--resume" in error
    for target, extra in ((out, ["--resume"]), (whole, [])):
        run = start_demo(target, *extra)
        run.communicate(timeout=300)
        assert run.returncode == 0
    frames = [[f.rgb for f in read_video(path)] for path in (out, whole)]
    assert len(frames[0]) == len(Motion.load(MOTION))
    for a, b in zip(*frames, strict=True):
        np.testing.assert_array_equal(a, b)
    assert {p.name for p in tmp_path.iterdir()} == {"o.mp4", "whole.mp4"}


@pytest.mark.slow
def test_memory_does_not_grow_with_length(pipe: ReenactmentPipeline, tmp_path: Path) -> None:
    import psutil

    motion = Motion.load(MOTION)
    repeats = 5
    arrays = {
        name: np.concatenate([getattr(motion, name)] * repeats)
        for name, value in vars(motion).items()
        if isinstance(value, np.ndarray) and len(value) == len(motion) and name != "timestamps"
    }
    long = replace(motion, timestamps=np.arange(len(motion) * repeats) / 25, **arrays)
    result = pipe(PHOTO, long, config=ReenactConfig(size=128))
    resident = []
    for index, _ in enumerate(result):
        if index % 50 == 49:
            resident.append(psutil.Process(os.getpid()).memory_info().rss / 1e6)
    # 700 frames of 512 x 512 would be 550 MB.
    assert resident[-1] - resident[0] < 60
