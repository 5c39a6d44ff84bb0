"""Streaming equals denoising the whole clip, whatever its length, in memory that does not grow."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegen.errors import UsageError
from facegen.networks.sd15.sampling import (
    Denoiser,
    Frame,
    Person,
    Strengths,
    denoise,
    denoise_wrapping,
    frame_noise,
)
from facegen.networks.sd15.schedule import Schedule
from facegen.networks.sd15.windows import Windows, wrapping_windows

SHAPE = (2, 3, 3)


class Neighbours:
    """A network whose every frame depends on all frames of its window and their places."""

    unet = SimpleNamespace(motion=SimpleNamespace(frames=32))
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, frames: list[Frame], time: Tensor) -> Tensor:
        self.lengths.append(len(frames))
        x = torch.stack([frame.latent + frame.guidance for frame in frames])
        place = torch.arange(len(x)).view(-1, 1, 1, 1)
        return torch.sin(x + 0.3 * x.mean(0) + 0.1 * place + time / 1000)


def clip(count: int, first: int = 0) -> list[Frame]:
    numbers = range(first, first + count)
    return [Frame(frame_noise(n, SHAPE, 1), frame_noise(n, SHAPE, 2)) for n in numbers]


def stream(frames, steps: int, windows: Windows) -> Tensor:
    return torch.stack(list(denoise(iter(frames), Neighbours(), Schedule(steps), windows)))


def whole_clip(frames: list[Frame], steps: int, windows: Windows) -> Tensor:
    """The definition: all windows of a step, weighted, before the next step."""
    count, schedule, predict = len(frames), Schedule(steps), Neighbours()
    length, shared = windows.length, windows.overlap
    starts = [s for s in range(0, count, windows.stride) if s == 0 or s + shared < count]
    x = torch.stack([frame.latent for frame in frames])
    for time in schedule.times:
        total, weights = torch.zeros_like(x), torch.zeros(count)
        for start in starts:
            rows = slice(start, min(start + length, count))
            size = rows.stop - rows.start
            weight = torch.ones(size)
            if start:
                weight[:shared] = torch.arange(1, shared + 1) / (shared + 1)
            if start + windows.stride in starts:
                weight[size - shared :] = torch.arange(shared, 0, -1) / (shared + 1)
            parts = [Frame(z, f.guidance) for z, f in zip(x[rows], frames[rows], strict=True)]
            total[rows] += weight.view(-1, 1, 1, 1) * predict(parts, time)
            weights[rows] += weight
        torch.testing.assert_close(weights, torch.ones(count))
        x = schedule.step(total, time, x)
    return x


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 40),
    steps=st.integers(1, 4),
    length=st.integers(1, 12),
    data=st.data(),
)
def test_streaming_is_denoising_the_whole_clip(count, steps, length, data):
    windows = Windows(length, data.draw(st.integers(0, length // 2)))
    frames = clip(count)
    torch.testing.assert_close(
        stream(frames, steps, windows), whole_clip(frames, steps, windows), rtol=0, atol=1e-5
    )


def test_a_part_with_its_lead_equals_the_whole():
    windows, steps, start = Windows(6, 2), 3, 20
    whole = stream(clip(40), steps, windows)
    first = start - steps * windows.stride
    part = stream(clip(40 - first, first), steps, windows)
    torch.testing.assert_close(part[start - first :], whole[start:], rtol=0, atol=0)
    assert (part[:2] - whole[first : first + 2]).abs().max() > 1e-3, "the lead is needed"


def test_the_clips_end_reaches_only_its_own_windows():
    windows, steps = Windows(6, 2), 2
    short, long = stream(clip(20), steps, windows), stream(clip(60), steps, windows)
    torch.testing.assert_close(short[:8], long[:8], rtol=0, atol=0)


def test_no_window_is_longer_than_asked_and_few_frames_wait():
    waiting = peak = 0

    def coming():
        nonlocal waiting, peak
        for frame in clip(2000):
            waiting += 1
            peak = max(peak, waiting)
            yield frame

    predict, windows, steps = Neighbours(), Windows(12, 4), 20
    done = 0
    for _ in denoise(coming(), predict, Schedule(steps), windows):
        waiting -= 1
        done += 1
    assert done == 2000 and max(predict.lengths) == 12
    assert peak <= steps * (windows.length + 1), "frames read but not finished"


def test_noise_belongs_to_the_frame():
    np.testing.assert_array_equal(frame_noise(7, SHAPE, 3), frame_noise(7, SHAPE, 3))
    drawn = torch.stack([frame_noise(n, (4, 16, 16), 3) for n in range(50)])
    assert abs(float(drawn.mean())) < 0.01 and abs(float(drawn.std()) - 1) < 0.01
    assert not torch.equal(drawn[0], drawn[1])


class Sum:
    """A network that is a sum of what it is told."""

    dtype, motion = torch.float32, SimpleNamespace(frames=32)

    def __call__(self, x, time, tokens, *, guidance, memory):
        out = torch.zeros_like(x) + tokens.sum()
        out = out if guidance is None else out + 10
        return out if memory is None else out + 100


@pytest.mark.parametrize(
    ("strengths", "wanted", "passes"),
    [
        (Strengths(1, 1), 112, 1),
        (Strengths(0, 1), 11, 2),
        (Strengths(3, 1), 112 + 2 * 101, 2),
        (Strengths(1, 0), 102, 2),
        (Strengths(3, 2), 112 + 2 * 101 + 10, 3),
    ],
)
def test_identity_and_motion_are_guided_apart(strengths, wanted, passes):
    person = Person(memory=object(), tokens=torch.tensor(2.0), no_tokens=torch.tensor(1.0))
    got = Denoiser(Sum(), person, strengths)(clip(2), torch.tensor(1))
    assert float(got.mean()) == wanted and strengths.passes == passes


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="at most half"):
        Windows(6, 4)
    with pytest.raises(UsageError, match="know 32 positions"):
        stream(clip(3), 1, Windows(33, 1))
    with pytest.raises(UsageError, match="know 32 positions"):
        denoise_wrapping(clip(3), Neighbours(), Schedule(1), 33, 1)


@given(count=st.integers(1, 300), length=st.integers(2, 24))
def test_wrapping_windows_cover_every_frame(count, length):
    seen = {frame for window in wrapping_windows(count, length, 1) for frame in window}
    assert seen == set(range(count))
