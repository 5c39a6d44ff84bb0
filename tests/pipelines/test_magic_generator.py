"""The command with published weights: a made-up reduced-width system, files in, files out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from facegen.cli import app
from facegen.demo import MOTION, PHOTO
from facegen.errors import ModelFileError, UsageError
from facegen.flame.model import HeadModel
from facegen.media import probe, read_video
from facegen.motion import Motion
from facegen.networks.sd15.profiles import CHAMP
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.generators import load_generator
from facegen.pipelines.magic_config import MagicConfig, PublishedParts
from facegen.pipelines.reenact import ReenactmentPipeline
from tests.networks.sd15.published import save_published

MAGIC = MagicConfig(size=64, steps=2, window=4, overlap=1)
CONFIG = ReenactConfig(magic=MAGIC)
EXACT = PublishedParts(precision="fp32")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_published(tmp_path_factory.mktemp("published") / "magicportrait")


@pytest.fixture(scope="module")
def short() -> Motion:
    return Motion.load(MOTION)[24:36]


@pytest.fixture(scope="module")
def pipe(head: HeadModel, weights: Path) -> ReenactmentPipeline:
    painter = load_generator("magicportrait", weights=weights, device="cpu", parts=EXACT)
    return ReenactmentPipeline(head, generator=painter)


@pytest.fixture(scope="module")
def result(pipe: ReenactmentPipeline, short: Motion):
    return pipe(PHOTO, short, config=CONFIG)


@pytest.fixture(scope="module")
def whole(result) -> list[np.ndarray]:
    return list(result.frames(workers=0))


def test_only_the_window_is_painted_and_every_frame_anew(whole, result) -> None:
    photo = result.portrait.photo.rgb
    for before, after in zip(whole, whole[1:], strict=False):
        assert (before != after).any()
    changed = np.stack([(frame != photo).any(-1) for frame in whole]).any(0)
    rows, cols = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    height, width = np.ptp(rows), np.ptp(cols)
    assert abs(height - width) <= 2 and 0.2 < width / photo.shape[1] < 0.6
    face = changed[rows[0] + height // 4 : rows[-1] - height // 4, cols[0] + width // 4 :]
    assert face[:, : width // 2].mean() > 0.95


def test_a_resumed_run_gives_the_same_frames(result, whole) -> None:
    painter = result.pipe.painter
    begin = painter.begin(11, result.config)
    # Two steps carry two windows far; the tail of a clip is short, so the start is inside it.
    assert begin == 3 and begin % 3 == 0
    np.testing.assert_array_equal(next(result.frames(11, workers=0)), whole[11])


def test_threads_change_nothing(result, whole) -> None:
    for a, b in zip(result.frames(workers=2), whole, strict=True):
        np.testing.assert_array_equal(a, b)


def test_settings_reach_the_network(pipe, short, whole) -> None:
    def first(**changed: object) -> np.ndarray:
        config = replace(CONFIG, magic=replace(MAGIC, **changed))
        return next(iter(pipe(PHOTO, short[:4], config=config)))

    plain = first()
    for changed in ({"seed": 7}, {"identity": 1.0}, {"motion": 2.0}, {"steps": 1}):
        assert (first(**changed) != plain).any(), changed
    # Memory in half precision and JPEG maps: near, not the same. The noise is another draw.
    assert (first(compat=True) != plain).any()


def test_weights_are_told_apart_by_name(pipe, weights, tmp_path) -> None:
    import shutil

    other = Path(shutil.copytree(weights, tmp_path / "other"))
    state = torch.load(other / "reference_unet.pth", weights_only=True)
    state["conv_in.bias"] += 1
    torch.save(state, other / "reference_unet.pth")
    name = load_generator("magicportrait", weights=other, device="cpu").name
    assert name != pipe.painter.name and name.startswith("magicportrait-")


def test_absent_weights_name_the_command(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path))
    with pytest.raises(ModelFileError, match="facegen assets download magicportrait sd15 sd-vae"):
        load_generator("magicportrait", device="cpu")
    save_published(tmp_path / "magicportrait")
    assert load_generator("magicportrait", device="cpu").name.startswith("magicportrait")


def test_too_little_memory_is_said_before_the_start(weights, short, head) -> None:
    parts = PublishedParts(precision="fp32", max_vram=0.001)
    painter = load_generator("magicportrait", weights=weights, device="cpu", parts=parts)
    pipe = ReenactmentPipeline(head, generator=painter)
    with pytest.raises(UsageError, match=r"needs about 0\.\d GB .*--max-vram is 0\.0 GB"):
        next(iter(pipe(PHOTO, short, config=CONFIG)))


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["reenact", *map(str, arguments)])
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


@pytest.mark.slow
def test_the_command_from_files_to_a_video(weights, short, tmp_path) -> None:
    drive, out = tmp_path / "short.motion.npz", tmp_path / "out.mp4"
    short.save(drive)
    code, text = run(
        "--ref", PHOTO, "--drive", drive, "-o", out, "--generator", "magicportrait",
        "--weights", weights, "--device", "cpu", "--size", 128, "--steps", 2, "--window", 6,
        "--overlap", 2, "--identity", 2, "--motion-guidance", 1.5,
        "--contact-sheet", tmp_path / "sheet.png",
    )  # fmt: skip
    assert code == 0, text
    frames = [frame.rgb for frame in read_video(out)]
    assert len(frames) == len(short) and (tmp_path / "sheet.png").is_file()
    # The driver's own rate, not the published programs' 24.
    assert probe(out).fps == short.fps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", 200], "--size 200: choose a multiple of 64"),
        (["--window", 40], "these weights know 32 positions"),
        (["--overlap", 9], "--overlap 9: at most half of --window 12"),
        (["--attention", "magic"], "attention magic: choose from"),
        (["--precision", "fp16", "--device", "cpu"], "fp16 needs a GPU"),
        (["--vae", "nowhere"], "--vae nowhere: no such folder"),
    ],
)
def test_wrong_options_are_one_line(weights, short, tmp_path, arguments, message) -> None:
    drive = tmp_path / "short.motion.npz"
    short[:2].save(drive)
    code, text = run(
        "--ref", PHOTO, "--drive", drive, "-o", tmp_path / "out.mp4",
        "--generator", "magicportrait", "--weights", weights, *arguments,
    )  # fmt: skip
    assert code != 0 and message in text
    assert not (tmp_path / "out.mp4").exists()


def test_another_system_is_refused(tmp_path) -> None:
    folder = save_published(tmp_path / "champ", CHAMP)
    code, text = run("--demo", "--generator", "magicportrait", "--weights", folder, "-o", "x.mp4")
    assert code != 0 and "holds Champ's weights" in text


def test_steps_of_other_generators_keep_their_limit() -> None:
    code, text = run("--demo", "--steps", 20, "-o", "x.mp4")
    assert code != 0 and "--steps 20: choose from 1 to 4" in text
