"""Training of autoencoder and UNet on the packaged tiny set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from facegen.data import TINY
from facegen.errors import UsageError
from facegen.networks.reenactor import Reenactor, load_reenactor
from facegen.training.autoencoder import AutoencoderSettings, AutoencoderTask
from facegen.training.config import TrainConfig
from facegen.training.loop import train
from facegen.training.pictures import PictureFolder
from facegen.training.reenactor import ReenactorSettings, ReenactorTask, paint_window

pytest.importorskip("accelerate")
SMALL_UNET = {"widths": (16, 32), "attention": (1,)}
SMALL_AUTOENCODER = {"widths": (16, 16), "encoder_depth": (1, 1), "decoder_depth": (1, 1)}


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps of a narrow one."""
    settings = AutoencoderSettings(images=TINY, size=64, batch_size=2, model=SMALL_AUTOENCODER)
    config = TrainConfig(
        output=tmp_path_factory.mktemp("autoencoder"), steps=3, batch_size=2, precision="fp32"
    )
    return train(AutoencoderTask(settings), config)


def task(autoencoder: Path, **changes: object) -> ReenactorTask:
    plain = {
        "windows": TINY, "autoencoder": autoencoder, "batch_size": 2, "held": 2, "decode": 64,
        "displace": True,
    }  # fmt: skip
    return ReenactorTask(ReenactorSettings(**{**plain, "model": SMALL_UNET, **changes}))


def test_every_parameter_is_reached_by_the_loss(autoencoder: Path) -> None:
    work = task(autoencoder)
    torch.manual_seed(0)
    model = work.model()
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    losses = work.loss(model, work.batch(0, 0, 1), torch.Generator().manual_seed(0))
    losses["loss"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert set(losses) > {"flow", "absolute", "composite", "matte", "moved", "uneven"}
    assert all(parameter.grad is None for parameter in work._frozen.parameters())


def test_batches_are_functions_of_step_and_process(autoencoder: Path) -> None:
    work = task(autoencoder)
    first, again = work.batch(3, 0, 2), work.batch(3, 0, 2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["target"], work.batch(3, 1, 2)["target"])


def test_the_decoded_part_lies_in_the_window_on_the_grid_of_latents(autoencoder: Path) -> None:
    corners = torch.cat([task(autoencoder).batch(step, 0, 1)["corner"] for step in range(6)])
    assert (corners % 8 == 0).all() and corners.min() >= 0 and corners.max() <= 128 - 64
    with pytest.raises(UsageError, match="--decode"):
        task(autoencoder, decode=100)


def test_the_untrained_painter_keeps_the_warp(autoencoder: Path) -> None:
    """And its loss starts where the warp's own error is: nothing is made worse."""
    work = task(autoencoder)
    window = work._held_windows.batch([0])
    out = paint_window(Reenactor(work._frozen, work.model()), window, 0)
    seen = window["visibility"] > 0.95
    difference = (out["composite"] - window["warped"]).abs()
    assert float((difference * seen).max()) < 0.15


def test_run_samples_and_exports(autoencoder: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        output=tmp_path, steps=2, batch_size=2, sample_every=2, log_every=1, save_every=2,
        precision="fp32",
    )  # fmt: skip
    painter = load_reenactor(train(task(autoencoder), config))
    assert painter.noise_shape(256) == (16, 32, 32)
    (line,) = [
        json.loads(t) for t in (tmp_path / "samples" / "held.jsonl").read_text().split("\n") if t
    ]
    assert line["step"] == 2 and 10 < line["all_warp"] < 60
    assert (tmp_path / "samples" / "0000002.png").is_file()


def test_training_begins_with_exported_weights(autoencoder: Path, tmp_path: Path) -> None:
    config = TrainConfig(output=tmp_path, steps=1, batch_size=2, precision="fp32")
    exported = train(task(autoencoder, held=0), config)
    begun = task(autoencoder, init=exported).model()
    written = load_reenactor(exported, precision="fp32").unet.state_dict()
    assert all(torch.equal(value, written[name]) for name, value in begun.state_dict().items())
    assert all(parameter.requires_grad for parameter in begun.parameters())


def test_older_weights_get_a_displacement_and_keep_their_result(
    autoencoder: Path, tmp_path: Path
) -> None:
    config = TrainConfig(output=tmp_path, steps=1, batch_size=2, precision="fp32")
    exported = train(task(autoencoder, held=0, displace=False), config)
    work = task(autoencoder, init=exported)
    window = work._held_windows.batch([0])
    trained = load_reenactor(exported, precision="fp32").unet
    old = paint_window(Reenactor(work._frozen, trained), window, 0)
    new = paint_window(Reenactor(work._frozen, work.model()), window, 0)
    assert "shift" not in old and not new["shift"].any()
    torch.testing.assert_close(new["composite"], old["composite"], atol=1e-5, rtol=0)


def test_the_displacement_alone_is_taught_by_the_photo_it_moves(autoencoder: Path) -> None:
    """The term of the moved photo reaches the new head even where nothing is painted."""
    work = task(autoencoder)
    model = work.model()
    losses = work.loss(model, work.batch(0, 0, 1), torch.Generator().manual_seed(0))
    losses["moved"].backward()
    assert model.displacer.layers[2].weight.grad.abs().max() > 0
    assert model.velocity.weight.grad is None


@pytest.mark.parametrize("changes", [{"start": "noise"}, {"groups": ("depth", "normal")}])
def test_ablations_train(autoencoder: Path, changes: dict[str, object]) -> None:
    work = task(autoencoder, **changes)
    losses = work.loss(work.model(), work.batch(0, 0, 1), torch.Generator().manual_seed(0))
    assert losses["loss"].isfinite()


def test_a_cache_of_windows_serves_as_pictures() -> None:
    pictures = PictureFolder(TINY).pictures
    assert len(pictures) > 4 and pictures[0].shape == (128, 128, 3)
    with pytest.raises(UsageError, match="no pictures"):
        PictureFolder(TINY.parent / "speech")


@pytest.mark.slow
def test_the_tiny_set_trains_to_the_stated_loss(tmp_path: Path) -> None:
    """The documented example: minutes on a CPU, from nothing."""
    settings = AutoencoderSettings(images=TINY, held=TINY, size=128, batch_size=4)
    config = TrainConfig(
        output=tmp_path / "autoencoder", steps=60, batch_size=4, learning_rate=1e-3, warmup=10,
        schedule="cosine", ema=0.9, sample_every=60, log_every=10,
    )  # fmt: skip
    encoder = train(AutoencoderTask(settings), config)
    held = json.loads((config.output / "samples" / "held.jsonl").read_text())
    assert held["psnr"] > 32
    work = ReenactorTask(ReenactorSettings(windows=TINY, autoencoder=encoder, batch_size=4))
    config = TrainConfig(
        output=tmp_path / "reenactor", steps=200, batch_size=4, learning_rate=1e-3, warmup=10,
        schedule="cosine", ema=0.9, log_every=10,
    )  # fmt: skip
    painter = load_reenactor(train(work, config), precision="fp32")
    before, after = (errors(work, model) for model in (work.model(), painter.unet))
    assert after["flow"] < 0.95 * before["flow"], (before, after)
    assert after["composite"] < 0.99 * before["composite"], (before, after)


@torch.no_grad()
def errors(work: ReenactorTask, model: torch.nn.Module) -> dict[str, float]:
    """Mean losses of the same eight batches, noise included."""
    losses = [
        work.loss(model, work.batch(10_000 + i, 0, 1), torch.Generator().manual_seed(i))
        for i in range(8)
    ]
    return {name: float(torch.stack([row[name] for row in losses]).mean()) for name in losses[0]}
