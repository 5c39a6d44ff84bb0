"""The estimate is what the networks use; what does not fit is placed otherwise or refused."""

from types import MappingProxyType

import numpy as np
import pytest
import torch

from facegen.errors import UsageError
from facegen.networks.attention import Attention
from facegen.networks.sd15.animate import Animator, Sampling
from facegen.networks.sd15.config import MotionConfig
from facegen.networks.sd15.memory import GIB, Need, PeakMemory, ShapesOnly, place
from facegen.networks.sd15.sampling import Denoiser, Frame, Person, Strengths
from facegen.networks.sd15.unet import UNet
from facegen.networks.sd15.windows import Windows
from tests.networks.sd15.numbers import array, fill
from tests.networks.sd15.published import CONFIG

MIB = 2**20


def test_tensors_that_live_at_once_are_counted():
    with PeakMemory() as counted:
        first = torch.zeros(MIB // 4)
        view = first.view(2, -1)[1]
        second = first + 1
        del first
        third = second * 2  # the first one lives on in its view
        del view, second
        torch.zeros(MIB // 8)
    assert counted.peak == 3 * MIB and third.numel()


def test_shapes_without_numbers_need_what_numbers_need():
    def peak(device: str) -> int:
        torch.manual_seed(0)
        backend = ShapesOnly() if device == "meta" else Attention()
        network = UNet(CONFIG, MotionConfig(), backend=backend).to(device)
        x, tokens = torch.zeros(4, 4, 8, 8, device=device), torch.zeros(1, 77, 32, device=device)
        with torch.no_grad(), PeakMemory() as counted:
            network(x, torch.zeros((), device=device), tokens)
        return counted.peak

    assert abs(peak("meta") / peak("cpu") - 1) < 0.1


@pytest.fixture
def need() -> Need:
    parts = {"reference UNet": 3, "denoising UNet": 5, "guider depth": 1, "autoencoder": 1}
    gib = {name: size * GIB for name, size in parts.items()}
    layers = dict.fromkeys(parts, GIB // 4)
    working = {"remembering": GIB, "denoising": 2 * GIB, "guidance": GIB, "decoding": GIB}
    return Need(MappingProxyType(gib), MappingProxyType(layers), MappingProxyType(working))


def test_the_reference_network_makes_room(need):
    assert need.peak() == pytest.approx(1.2 * (2 + 5 + 2) * GIB)
    assert need.peak(offload=True) == pytest.approx(1.2 * (0.5 + 0.25 + 2) * GIB)


def test_placement(need):
    assert place(need, None, None, "mps") is False
    assert place(need, 11 * GIB, 80 * GIB, "cuda") is False
    assert place(need, 8 * GIB, 80 * GIB, "cuda") is True
    assert place(need, None, 8 * GIB, "cuda") is True
    with pytest.raises(UsageError, match=r"about 10.8 GB .* 3.3 GB .* --max-vram is 2.0 GB: take"):
        place(need, 2 * GIB, 80 * GIB, "cuda")
    with pytest.raises(UsageError, match="free memory of cuda is 3.0 GB"):
        place(need, 11 * GIB, 3 * GIB, "cuda")


def test_estimate_of_a_run(family):
    animator = Animator(family)
    small, large = animator.need(64, 4), animator.need(128, 4)
    assert large.working["denoising"] > 3 * small.working["denoising"]
    assert animator.need(64, 8).working["denoising"] > 1.6 * small.working["denoising"]
    weights = sum(p.numel() * 4 for p in family.denoising.parameters())
    assert small.weights["denoising UNet"] == weights


def test_layers_fetched_one_by_one_give_the_same():
    pytest.importorskip("accelerate")
    import accelerate

    network = fill(UNet(CONFIG, MotionConfig()), "denoising")
    tokens = array("tokens", (1, 77, 32))
    frames = [
        Frame(z, g)
        for z, g in zip(array("z", (2, 4, 8, 8)), array("g", (2, 32, 8, 8)), strict=True)
    ]
    person = Person(None, tokens, tokens)
    predict = Denoiser(network, person, Strengths(identity=1))
    with torch.inference_mode():
        before = predict(frames, torch.tensor(500))
        accelerate.cpu_offload(network, execution_device=torch.device("cpu"))
        assert all(p.device.type == "meta" for p in network.parameters())
        np.testing.assert_array_equal(before, predict(frames, torch.tensor(500)))


def test_offload_is_chosen_where_memory_is_short(published):
    from facegen.networks.sd15.family import open_family
    from facegen.networks.sd15.layout import find_layout
    from facegen.networks.sd15.profiles import MAGICPORTRAIT

    family = open_family(find_layout(published, MAGICPORTRAIT), MAGICPORTRAIT)
    sampling = Sampling(windows=Windows(4, 1))
    need = Animator(family).need(64, 4)
    between = (need.peak() + need.peak(offload=True)) // 2
    Animator(family, max_memory=between).prepare(np.zeros((64, 64, 3), np.uint8), sampling)
    assert all(p.device.type == "meta" for p in family.denoising.parameters())
