"""Against the published programs, run once beside ours on the same made-up numbers.

``upstream.npz`` holds samples of their results (every n-th number) at reduced width, single
precision, on a CPU: MagicPortrait at commit 010332a with diffusers 0.32.2.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor

from facegen.networks.attention import Attention
from facegen.networks.sd15.config import MotionConfig
from facegen.networks.sd15.guider import GuidanceEncoder
from facegen.networks.sd15.layers import Memory, MotionModule, SpatialTransformer
from facegen.networks.sd15.sampling import (
    Denoiser,
    Frame,
    Person,
    Strengths,
    clip_noise,
    denoise_wrapping,
)
from facegen.networks.sd15.schedule import Schedule
from facegen.networks.sd15.unet import UNet
from tests.networks.sd15.numbers import array, fill
from tests.networks.sd15.published import CONFIG, picture, tiny_vae

FRAMES, WIDTH, TOLERANCE = 12, 64, 1e-4
TIME = torch.tensor(601)


@pytest.fixture(scope="module")
def upstream() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name("upstream.npz"), allow_pickle=False) as stored:
        return dict(stored)


def assert_same(
    upstream: dict[str, np.ndarray], name: str, got: Tensor, tolerance: float = TOLERANCE
) -> None:
    flat, kept = got.float().reshape(-1).numpy(), 64 if name.startswith("bank") else 1024
    samples = flat[:: max(1, flat.size // kept)]
    np.testing.assert_allclose(samples, upstream[name], rtol=0, atol=tolerance, err_msg=name)


def block(name: str) -> Tensor:
    x, tokens, plain = array("x", (FRAMES, WIDTH, 8, 8)), array("tokens", (1, 77, 32)), Attention()
    spatial = SpatialTransformer(WIDTH, 8, 32, 32, plain)
    makers = {
        "resnet": lambda: fill(
            ResnetBlock2D(
                in_channels=WIDTH, out_channels=32, temb_channels=128, groups=32, eps=1e-5
            ),
            "resnet",
        )(x, array("temb", (1, 128))),
        "downsample": lambda: fill(Downsample2D(WIDTH, use_conv=True, name="op"), "downsample")(x),
        "upsample": lambda: fill(Upsample2D(WIDTH, use_conv=True), "upsample")(x),
        "motion module": lambda: fill(MotionModule(WIDTH, 32, MotionConfig(), plain), "motion")(x),
        "spatial transformer": lambda: fill(spatial, "spatial")(x, tokens),
        "spatial transformer, reference bank": lambda: fill(spatial, "spatial")(
            x, tokens, read=Memory([array("bank", (1, 64, WIDTH))]).reader()
        ),
        "guidance encoder": lambda: fill(GuidanceEncoder(32), "depth")(
            array("maps", (FRAMES, 3, 64, 64)).abs().clamp(0, 1)
        ),
    }
    return makers[name]()


@pytest.mark.parametrize(
    "name",
    [
        "resnet",
        "downsample",
        "upsample",
        "motion module",
        "spatial transformer",
        "spatial transformer, reference bank",
        "guidance encoder",
    ],
)
@torch.no_grad()
def test_blocks(upstream, name):
    assert_same(upstream, name, block(name))


@pytest.fixture(scope="module")
def unets() -> tuple[UNet, UNet]:
    reference = fill(UNet(CONFIG, output=False), "reference")
    return reference, fill(UNet(CONFIG, MotionConfig()), "denoising")


@pytest.fixture(scope="module")
def person(unets) -> Person:
    tokens = array("tokens", (1, 77, 32))
    with torch.no_grad():
        memory = unets[0].remember(array("reference latent", (1, 4, 8, 8)), tokens)
    return Person(memory, tokens, tokens)


def window() -> list[Frame]:
    latents, guidance = array("latent", (FRAMES, 4, 8, 8)), array("guidance", (FRAMES, 32, 8, 8))
    return [Frame(z, g) for z, g in zip(latents, guidance, strict=True)]


def test_reference_features(upstream, person):
    """All sixteen, paired by place: down, middle, up."""
    order = [f"down_blocks.{i}.attentions.{j}" for i in range(3) for j in range(2)]
    order += ["mid_block.attentions.0"]
    order += [f"up_blocks.{i}.attentions.{j}" for i in (1, 2, 3) for j in range(3)]
    assert len(person.memory.features) == 16
    for name, feature in zip(order, person.memory.features, strict=True):
        assert_same(upstream, f"bank {name}.transformer_blocks.0", feature)


@torch.no_grad()
def test_whole_network_and_one_step(upstream, unets, person):
    half = Person(person.memory.to(torch.float16), person.tokens, person.no_tokens)
    frames = window()
    on = Denoiser(unets[1], half, Strengths(identity=1))(frames, TIME)
    assert_same(upstream, "denoising UNet, reference on", on)
    off = Denoiser(unets[1], half, Strengths(identity=0))(frames, TIME)
    assert_same(upstream, "denoising UNet, reference off", off)
    schedule = Schedule(20)
    np.testing.assert_array_equal(schedule.times, upstream["timesteps"])
    velocity = Denoiser(unets[1], half, Strengths())(frames, TIME)
    x = torch.stack([frame.latent for frame in frames])
    assert_same(upstream, "one denoising step", schedule.step(velocity, schedule.times[8], x))


def clip_latents(unets, frames: int, schedule: Schedule, dtype: torch.dtype) -> Tensor:
    """From a photo and maps, the published programs' way."""
    reference, denoising = (network.to(dtype) for network in unets)
    vae, tokens = tiny_vae().to(dtype), array("tokens", (1, 77, 32)).to(dtype)
    names = ("depth", "normal", "render")
    guiders = {name: fill(GuidanceEncoder(32), name).to(dtype) for name in names}
    photo = (array("photo", (3, 64, 64)).abs() / 2).clamp(0, 1).mul(255).round() / 255
    latent = vae.encode((photo[None] * 2 - 1).to(dtype)).latent_dist.mean
    memory = reference.remember(latent * vae.config["scaling_factor"], tokens)
    noise = clip_noise(frames, (4, 8, 8), 42)

    def guidance(number: int) -> Tensor:
        maps = {name: picture(f"{name} map {number}")[None].to(dtype) for name in names}
        return sum(guider(maps[name])[0] for name, guider in guiders.items())

    clip = [Frame(noise[i], guidance(i)) for i in range(frames)]
    predict = Denoiser(denoising, Person(memory, tokens, tokens), Strengths())
    return denoise_wrapping(clip, predict, schedule, 12, 1)


@pytest.mark.slow
@torch.no_grad()
def test_a_window_of_twelve_frames_and_its_pictures(upstream, unets):
    """Four steps of guidance 3.5 on made-up weights enlarge the last bit, at times to 5e-4."""
    latents = clip_latents(unets, 12, Schedule(4), torch.float32)
    assert_same(upstream, "pipeline 12 fp32 bank latents", latents, 10 * TOLERANCE)
    vae = tiny_vae()
    pictures = torch.cat(
        [vae.decode(z[None] / vae.config["scaling_factor"]).sample for z in latents]
    )
    got = (pictures / 2 + 0.5).clamp(0, 1)
    assert_same(upstream, "pipeline 12 fp32 bank frames", got, 10 * TOLERANCE)


@pytest.mark.slow
@torch.no_grad()
def test_windows_that_wrap_around(upstream):
    """Thirty frames, one step; frames 0 to 3 are in the first and in the last window.

    In double precision, both programs: the smallest norm of these tiny networks sees two numbers
    and enlarges single precision's last bit to 0.01. What remains is rounding of noise and maps.
    """
    unets = (
        fill(UNet(CONFIG, output=False), "reference"),
        fill(UNet(CONFIG, MotionConfig()), "denoising"),
    )
    latents = clip_latents(unets, 30, Schedule(1), torch.float64)
    assert_same(upstream, "pipeline 30 double latents", latents)
