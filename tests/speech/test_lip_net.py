"""The lip network: shapes, causality, pieces equal to the whole."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.speech.lip_net import LipNet, LipNetConfig, LipStream

CONFIG = LipNetConfig(
    encoder="logmel",
    features=6,
    curves=("jawOpen", "mouthClose"),
    geometry=("opening",),
    phones=("sil", "PP", "FF"),
    channels=8,
    dilations=(1, 2),
)


@pytest.fixture(scope="module")
def net() -> LipNet:
    torch.manual_seed(0)
    return LipNet(CONFIG).eval()


def test_one_output_per_frame(net: LipNet) -> None:
    for frames in (1, 4, 5, 30):
        out = net(torch.randn(2, frames, 6))
        assert [part.shape for part in out] == [(2, frames, 2), (2, frames, 1), (2, frames, 3)]
        assert out.curves.min() >= 0
        assert out.curves.max() <= 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_pieces_give_what_the_whole_gives(sizes: list[int]) -> None:
    torch.manual_seed(1)
    net = LipNet(CONFIG).eval()
    sizes = [*sizes, 7]
    features = torch.randn(1, sum(sizes), 6)
    stream = LipStream(net)
    pieces = [stream.push(piece) for piece in features.split(sizes, 1)] + [stream.flush()]
    for k, whole in enumerate(net(features)):
        torch.testing.assert_close(torch.cat([p[k] for p in pieces], 1), whole)


def test_sees_a_tenth_of_a_second_ahead_and_no_more(net: LipNet) -> None:
    features = torch.randn(1, 60, 6)
    other = features.clone()
    other[:, 40:] = torch.randn(1, 20, 6)
    a, b = net(features).geometry[0, :, 0], net(other).geometry[0, :, 0]
    torch.testing.assert_close(a[:35], b[:35])
    assert not torch.allclose(a[35], b[35])
