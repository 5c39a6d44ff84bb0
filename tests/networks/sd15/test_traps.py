"""Faults of the published programs: ours does better by default, and repeats them with ``compat``.

One test for each; what concerns only their installation is tested for its absence here.
"""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facegen.cli.magic_options import Published
from facegen.demo import MOTION, PHOTO
from facegen.motion import Motion
from facegen.networks.sd15.animate import Animator, Sampling
from facegen.networks.sd15.family import open_family
from facegen.networks.sd15.layout import find_layout
from facegen.networks.sd15.profiles import MAGICPORTRAIT
from facegen.networks.sd15.sampling import denoise
from facegen.networks.sd15.schedule import Schedule
from facegen.networks.sd15.windows import Windows, wrapping_windows
from facegen.pipelines.config import NO_FACE, ReenactConfig
from facegen.pipelines.magic_config import MagicConfig
from facegen.pipelines.magic_generator import face_window, sampling_of
from tests.networks.sd15.published import picture
from tests.networks.sd15.test_sampling import Neighbours, clip

ROOT = Path(__file__).resolve().parents[3]


def maps_of(number: int) -> dict[str, torch.Tensor]:
    return {name: picture(f"{name} map {number}") for name in MAGICPORTRAIT.guiders}


def test_1_low_precision_is_really_used(published):
    """``weight_dtype: fp16`` was overwritten with single precision, twice."""
    layout = find_layout(published, MAGICPORTRAIT)
    family = open_family(layout, MAGICPORTRAIT, dtype=torch.bfloat16)
    seen: set[torch.dtype] = set()

    def look(_module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        seen.update(x.dtype for x in (*inputs, output))

    for network in family.networks.values():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.register_forward_hook(look)
    animator, sampling = Animator(family), Sampling(steps=1, windows=Windows(2, 0))
    person = animator.prepare(np.zeros((64, 64, 3), np.uint8), sampling)
    next(animator.animate(person, [maps_of(0), maps_of(1)], sampling))
    assert seen == {torch.bfloat16}
    assert Published(compat=True).parts.precision == "fp32"
    assert Published(precision="bf16").parts.precision == "bf16"


def test_2_windows_do_not_wrap_around():
    assert wrapping_windows(100, 12, 1)[-1] == [99, *range(11)]
    assert wrapping_windows(30, 12, 1)[-1] == [*range(22, 30), 0, 1, 2, 3]
    for count in (1, 12, 13, 30, 100):
        for window, _ in Windows(12, 4).cut(range(count)):
            assert window == list(range(window[0], window[-1] + 1))


def test_3_neighbours_share_more_than_a_frame():
    compat, ours = sampling_of(MagicConfig(compat=True)), sampling_of(MagicConfig())
    assert (compat.windows.length, compat.windows.overlap) == (12, 1)
    assert ours.windows.overlap >= 4
    before, after = torch.zeros(4, 1), torch.ones(4, 1)
    blended = ours.windows.crossfade(before, after)[:, 0].tolist()
    assert blended == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_4_rate_is_the_drivers():
    """24 frames a second whatever the driver had; here the motion carries its own rate."""
    motion = replace(Motion.load(MOTION), fps=Fraction(30000, 1001))
    assert motion[:5].fps == Fraction(30000, 1001)


def test_5_maps_are_encoded_a_window_at_a_time(family):
    animator = Animator(family)
    maps = [maps_of(n) for n in range(6)]
    whole = animator.guide(maps)
    parts = torch.cat([animator.guide(maps[:4]), animator.guide(maps[4:])])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-4)
    sizes: list[int] = []
    guider = family.guiders["depth"]
    hook = guider.register_forward_hook(lambda _m, x, _y: sizes.append(len(x[0])))
    sampling = Sampling(windows=Windows(4, 1))
    frames = list(animator._frames(maps, sampling, 0))
    hook.remove()
    assert sizes == [3, 3]
    torch.testing.assert_close(torch.stack([f.guidance for f in frames]), whole)


def test_6_a_clip_is_not_cut_off():
    """``frame_range: [0, 100]`` stood in the shipped settings."""
    made = list(denoise(iter(clip(130)), Neighbours(), Schedule(1), Windows()))
    assert len(made) == 130
    assert ReenactConfig().max_frames is None


def test_7_a_turned_face_gets_a_window_as_large(head):
    from facegen.compose import Reference
    from facegen.media import read_image
    from facegen.tracking import track_image

    photo = read_image(PHOTO)
    fit = track_image(photo.rgb, head)
    turned = replace(fit, neck_pose=fit.neck_pose + np.array([[0, 0.9, 0]], np.float32))

    def side(motion: Motion, compat: bool) -> int:
        reference = Reference.build(photo.rgb, motion, head)
        return face_window(reference, motion.camera, MagicConfig(compat=compat)).side

    frontal, narrow, ours = side(fit, False), side(turned, True), side(turned, False)
    assert narrow < 0.92 * frontal, "the width as it looks"
    assert ours > 1.03 * narrow
    assert side(fit, True) == pytest.approx(frontal, rel=0.1)


def test_8_frames_without_a_face_are_a_decision():
    """They were fitted as if the face filled the frame."""
    assert {"error", "hold", "interpolate", "drop"} == set(NO_FACE)
    assert ReenactConfig().no_face in NO_FACE


def test_9_weights_are_found_from_any_folder(published, monkeypatch):
    monkeypatch.chdir(published.parent)
    layout = find_layout(Path(published.name), MAGICPORTRAIT)
    assert layout.vae.is_dir() and layout.reference.is_file()


def test_10_requirements_do_not_contradict_each_other():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [line.split(">")[0] for line in extras["optional-dependencies"]["published"]]
    assert len(set(names)) == len(names) and not any("==" in n for n in names)


def test_11_no_device_is_assumed_and_nothing_loads_at_import():
    code = (
        "import sys, torch, facegen.pipelines.magic_generator;"
        "assert not torch.cuda.is_initialized();"
        "assert not hasattr(sys.modules.get('mediapipe'), 'tasks')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_12_every_window_is_visited_at_every_step():
    """The loop over windows reused the loop variable of the steps."""
    times: list[int] = []

    class Watching(Neighbours):
        def __call__(self, frames, time):
            times.append(int(time))
            return super().__call__(frames, time)

    schedule = Schedule(5)
    list(denoise(iter(clip(28)), Watching(), schedule, Windows(12, 4)))
    assert sorted(times) == sorted(3 * schedule.times.tolist())


def test_13_no_compiled_files_are_kept():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    assert not [name for name in listed.split() if name.endswith(".pyc")]
