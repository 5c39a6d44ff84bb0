"""Generators: what a network paints comes out where it belongs, the same however it is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from facegen.demo import MOTION, PHOTO
from facegen.errors import ModelFileError, UsageError
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.networks.precision import pick_device
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.generators import WarpGenerator, load_generator
from facegen.pipelines.open_generator import OpenGenerator
from facegen.pipelines.reenact import Portrait, Reenactment, ReenactmentPipeline

SMALL = ReenactConfig(size=128)


class Brush:
    """A made-up network; subclasses say what it paints."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.steps: list[int] = []

    def noise_shape(self, size: int) -> tuple[int, ...]:
        return (3, size, size)

    def prepare(self, reference: Tensor) -> Tensor:
        assert reference.shape[0] == 1 and reference.abs().max() <= 1
        return reference

    def paint(self, prepared, conditions, *, noise, steps) -> dict[str, Tensor]:
        self.batches.append(len(noise))
        self.steps.append(steps)
        image, mask = self.stroke(prepared, conditions, noise)
        keep = conditions["visibility"]
        return {"image": image, "mask": mask, "matte": conditions["moved"], "keep": keep}

    def stroke(self, prepared, conditions, noise) -> tuple[Tensor, Tensor]:
        return conditions["warped"], torch.ones_like(conditions["visibility"])


class Nothing(Brush):
    def stroke(self, prepared, conditions, noise):
        # As near to nothing as the end of a sigmoid comes.
        return -torch.ones_like(conditions["warped"]), 0.03 * torch.ones_like(noise[:, :1])


class GreenMouth(Brush):
    def stroke(self, prepared, conditions, noise):
        green = torch.tensor([-1.0, 1.0, -1.0])[:, None, None].expand_as(conditions["warped"])
        return green, _mouth(conditions).float()


class Noise(Brush):
    def stroke(self, prepared, conditions, noise):
        return noise.clamp(-1, 1), torch.ones_like(conditions["visibility"])


def _mouth(conditions: dict[str, Tensor]) -> Tensor:
    """Lips and everything behind them, by label."""
    labels = torch.tensor([2, 6, 7, 8, 9])
    return torch.isin(conditions["region"], labels)[:, None]


@pytest.fixture(scope="module")
def short() -> Motion:
    return Motion.load(MOTION)[20:31]


@pytest.fixture(scope="module")
def portrait(head: HeadModel) -> Portrait:
    return ReenactmentPipeline(head).portray(PHOTO, ReenactConfig())


def frames(head, portrait, motion, brush, start=0, workers=0) -> list[np.ndarray]:
    pipe = ReenactmentPipeline(head, generator=OpenGenerator(brush) if brush else "warp")
    carried = pipe.transfer(portrait, motion, SMALL)
    result = Reenactment(pipe, portrait, carried, SMALL, None)
    return list(result.frames(start, workers=workers))


@pytest.fixture(scope="module")
def warped(head, portrait, short) -> list[np.ndarray]:
    """The warp's frames with the geometry the open generator uses."""
    pipe = ReenactmentPipeline(head)
    return list(pipe(PHOTO, short, config=ReenactConfig(size=256)).frames(workers=0))


def test_without_a_mask_every_byte_is_the_warps(head, portrait, short, warped):
    for a, b in zip(frames(head, portrait, short, Nothing()), warped, strict=True):
        np.testing.assert_array_equal(a, b)


def test_painting_what_is_there_changes_nothing_that_is_seen(head, portrait, short, warped):
    for a, b in zip(frames(head, portrait, short, Brush()), warped, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 48  # fine detail of what is not seen goes
        assert np.abs(a.astype(int) - b).mean() < 0.2


def test_paint_lands_on_the_mouth_of_the_frame(head, portrait, short, warped):
    painted = frames(head, portrait, short, GreenMouth())
    for a, b in zip(painted, warped, strict=True):
        green = (a[..., 1] > 180) & (a[..., 0] < 80) & (a[..., 2] < 80)
        rows, cols = np.nonzero(green)
        assert len(rows) > 100
        # The astronaut's mouth.
        assert 125 < rows.mean() < 165 and 200 < cols.mean() < 250
        changed = (a != b).any(-1)
        assert changed.sum() < 4 * green.sum(), "nothing but the mouth and its rim"


def test_workers_do_not_change_frames(head, portrait, short):
    alone, many = (frames(head, portrait, short, Noise(), workers=w) for w in (0, 3))
    for a, b in zip(alone, many, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_part_looks_as_it_does_in_the_whole(head, portrait, short):
    whole = frames(head, portrait, short, Noise())
    brush = Noise()
    part = frames(head, portrait, short, brush, start=9)
    assert brush.batches == [3], "the run began at a whole pass"
    for a, b in zip(part, whole[9:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_noise_differs_from_frame_to_frame_but_little(head, portrait, short):
    first, second = frames(head, portrait, short, Noise())[:2]
    centre = (slice(100, 180), slice(190, 260))
    apart = np.abs(first[centre].astype(float) - second[centre]).mean()
    contrast = np.abs(first[centre].astype(float) - first[centre].mean()).mean()
    assert 0 < apart < contrast


def test_frames_go_through_in_batches_of_eight(head, portrait, short):
    brush = Brush()
    frames(head, portrait, short, brush)
    assert brush.batches == [8, 3] and set(brush.steps) == {1}


def test_the_window_edge_is_never_painted(head, portrait, short, warped):
    """A seam would show where the network's window ends."""
    painted = frames(head, portrait, short, Noise())
    for a, b in zip(painted, warped, strict=True):
        changed = np.abs(a.astype(int) - b).max(-1)
        rows, cols = np.nonzero(changed > 0)
        edge = changed[:, cols.min()].max()
        assert edge <= 4 and changed.max() > 100


def test_quality_says_size_and_steps():
    assert ReenactConfig().painting == (256, 1)
    assert ReenactConfig(quality="best").painting == (512, 4)
    assert ReenactConfig(quality="best", size=256, steps=2).painting == (256, 2)
    for wrong in (ReenactConfig(steps=5), ReenactConfig(quality="finest")):
        with pytest.raises(UsageError):
            wrong.validate()


def test_names_of_generators(tmp_path: Path):
    assert isinstance(load_generator("warp"), WarpGenerator)
    with pytest.raises(UsageError, match="choose from warp, open"):
        load_generator("magic")
    with pytest.raises(UsageError, match="add --generator open"):
        load_generator("warp", weights=tmp_path)
    with pytest.raises(ModelFileError, match="--weights.*--generator warp"):
        load_generator("open", weights=tmp_path)


def test_the_embedded_painter_changes_what_moved_and_stays_near_it(head, portrait, short, warped):
    painter = load_generator("open")
    assert painter.name == "open"
    painted = frames(head, portrait, short, painter.model)
    change = [np.abs(a.astype(int) - b) for a, b in zip(painted, warped, strict=True)]
    assert max(c.max() for c in change) > 8 and max(c.mean() for c in change) < 4


def test_a_pipeline_of_a_network_without_a_folder_is_not_saved(head, tmp_path: Path):
    with pytest.raises(ModelFileError, match="not loaded from a folder"):
        ReenactmentPipeline(head, generator=OpenGenerator(Brush())).save_pretrained(tmp_path)


def test_devices():
    assert pick_device("cpu").type == "cpu" and pick_device("auto").type in ("cpu", "cuda")
    for name in ("toaster", "cuda:77"):
        with pytest.raises(UsageError, match=f"--device {name}"):
            pick_device(name)
