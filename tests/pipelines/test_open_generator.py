"""The open generator with small untrained networks: files in, frames out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.demo import MOTION, PHOTO
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.generators import load_generator
from facegen.pipelines.reenact import ReenactmentPipeline

CONFIG = ReenactConfig(size=128, steps=2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from facegen.networks.autoencoder import FaceAutoencoder
    from facegen.networks.reenactor import save_reenactor
    from facegen.networks.unet import ReenactorUNet

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    autoencoder = FaceAutoencoder(widths=(16, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))
    unet = ReenactorUNet(widths=(32, 32, 32), attention=(2,))
    # Untrained networks do nothing by design; these do something.
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_reenactor(folder, autoencoder, unet, torch.float32)
    return folder


@pytest.fixture(scope="module")
def short() -> Motion:
    return Motion.load(MOTION)[24:34]


@pytest.fixture(scope="module")
def pipe(head: HeadModel, weights: Path) -> ReenactmentPipeline:
    return ReenactmentPipeline(head, generator=load_generator("open", weights=weights))


@pytest.fixture(scope="module")
def result(pipe: ReenactmentPipeline, short: Motion):
    return pipe(PHOTO, short, config=CONFIG)


def test_frames_repeat_and_differ_from_the_warp(result, head: HeadModel, short: Motion) -> None:
    first, again = list(result.frames(workers=0)), list(result.frames(workers=2))
    warped = list(ReenactmentPipeline(head)(PHOTO, short, config=ReenactConfig(size=256)))
    for a, b, w in zip(first, again, warped, strict=True):
        np.testing.assert_array_equal(a, b)
        changed = (a != w).any(-1)
        assert 0.001 < changed.mean() < 0.25
        assert not changed[300:].any(), "the space suit"


def test_a_displacement_moves_the_frames_own_pixels(
    head: HeadModel, weights: Path, short: Motion, tmp_path: Path
) -> None:
    """Nothing is painted here: what differs from the warp was moved."""
    from facegen.networks.blend import Trust
    from facegen.networks.guidance import CHANNELS
    from facegen.networks.reenactor import load_reenactor, save_reenactor
    from facegen.networks.unet import adapted

    plain = load_reenactor(weights, precision="fp32")
    unet = adapted(plain.unet, tuple(CHANNELS), displace=True)
    with torch.no_grad():
        unet.displacer.layers[2].bias.add_(1)
    frames = {}
    for move in (0.0, 1.0):
        folder = tmp_path / str(move)
        folder.mkdir()
        save_reenactor(folder, plain.autoencoder, unet, torch.float32, Trust(0.0, (), move))
        pipe = ReenactmentPipeline(head, generator=load_generator("open", weights=folder))
        frames[move] = next(iter(pipe(PHOTO, short, config=CONFIG).frames(workers=0)))
    warped = ReenactmentPipeline(head)(PHOTO, short, config=ReenactConfig(size=256))
    np.testing.assert_array_equal(frames[0.0], next(iter(warped.frames(workers=0))))
    changed = (frames[1.0] != frames[0.0]).any(-1)
    assert 0.001 < changed.mean() < 0.25 and not changed[300:].any()


def test_a_resumed_run_gives_the_same_frames(result) -> None:
    whole = list(result.frames(workers=0))
    for a, b in zip(result.frames(9, workers=0), whole[9:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_told_apart_by_name(weights: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "other"
    shutil.copytree(weights, other)
    file = next(other.rglob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-4] + b"abcd")
    doubting = tmp_path / "doubting"
    shutil.copytree(weights, doubting)
    index = doubting / "model_index.json"
    index.write_text(index.read_text().replace('"strength": 1.0', '"strength": 0.5'))
    folders = (weights, weights, other, doubting)
    names = {load_generator("open", weights=f).name for f in folders}
    assert len(names) == 3 and all(name.startswith("open-") for name in names)
    assert load_generator(str(weights)).name in names, "a folder is a generator too"


def test_a_pipeline_is_saved_with_its_network(
    pipe: ReenactmentPipeline, short: Motion, tmp_path: Path
) -> None:
    pipe.save_pretrained(tmp_path / "mine")
    again = ReenactmentPipeline.from_pretrained(tmp_path / "mine")
    assert again.generator == pipe.generator
    a = next(iter(pipe(PHOTO, short, config=CONFIG).frames(workers=0)))
    b = next(iter(again(PHOTO, short, config=CONFIG).frames(workers=0)))
    # The head is stored in half precision: a rounding away, not a byte away.
    assert np.abs(a.astype(int) - b).mean() < 0.5


@pytest.mark.slow
def test_memory_does_not_grow_with_length(pipe: ReenactmentPipeline) -> None:
    import os

    import psutil

    result = pipe(PHOTO, Motion.load(MOTION), config=ReenactConfig(size=64))
    resident = []
    for index, _ in enumerate(result):
        if index % 24 == 23:
            resident.append(psutil.Process(os.getpid()).memory_info().rss / 1e6)
    # 120 frames of 512 x 512 would be 95 MB.
    assert resident[-1] - resident[0] < 50
