"""Speech to lip tracks: lengths, pieces, silence, gain, files. A made-up network, real features."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.audio import LogMel, load_speech
from facegen.errors import ModelFileError, UsageError
from facegen.speech.lip_names import SYMMETRIC, arkit_names
from facegen.speech.lip_net import LipNet, LipNetConfig
from facegen.speech.lip_predict import articulated, predict_lips, talking
from facegen.speech.lip_track import LipTrack
from facegen.speech.lip_weights import load_lip_net, open_lip_net, save_lip_net
from facegen.speech.mouth import open_mouth

CONFIG = LipNetConfig(
    encoder=LogMel.name,
    features=LogMel.dim,
    curves=SYMMETRIC,
    geometry=("opening",),
    phones=("sil", "PP", "FF", "AA"),
    channels=8,
    dilations=(1, 2),
)


@pytest.fixture(scope="module")
def net() -> LipNet:
    torch.manual_seed(0)
    return LipNet(CONFIG).eval()


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * 16000)).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 16001])
def test_a_frame_for_every_20_ms_begun(net: LipNet, samples: int) -> None:
    track = predict_lips(noise(2)[:samples], net=net)
    assert len(track) == -(-samples // 320)
    assert track.names == arkit_names(SYMMETRIC)


def test_blocks_give_what_the_whole_gives(net: LipNet) -> None:
    sound = noise(3)
    whole = predict_lips(sound, net=net)
    pieces = predict_lips(np.array_split(sound, [7, 5000, 5001, 30000]), net=net)
    for name in ("curves", "closure", "bilabial", "speech"):
        np.testing.assert_allclose(getattr(pieces, name), getattr(whole, name), atol=1e-5)


def spoken(frames: int = 100, *, speech: float = 1.0, bilabial: float = 0.0) -> LipTrack:
    names = arkit_names(SYMMETRIC)
    curves = np.full((frames, len(names)), 0.2, np.float32)
    curves[:, names.index("mouthClose")] = 0

    def level(value: float) -> np.ndarray:
        return np.full(frames, value, np.float32)

    return LipTrack(names, curves, level(bilabial), level(bilabial), level(speech))


def test_gain_scales_the_mouth() -> None:
    once, twice = articulated(spoken(), 1.0), articulated(spoken(), 2.0)
    np.testing.assert_allclose(twice.curves, 2 * once.curves)
    assert articulated(spoken(), 4.0).curves.max() <= 1
    assert not articulated(spoken(), 0.0).curves.any()


def test_nobody_speaks_nothing_moves() -> None:
    assert not articulated(spoken(speech=0.02), 1.0).curves.any()


def test_lips_meet_at_any_gain() -> None:
    for gain in (0.5, 1.0, 3.0):
        track = articulated(spoken(bilabial=0.6), gain)
        assert open_mouth(track.names).gap(track.curves).max() < 1e-3


def test_the_mouth_may_move_before_the_voice_but_not_for_a_click() -> None:
    voice = np.zeros(200, np.float32)
    voice[100:150] = 1
    level = talking(voice)
    assert level[90] > 0.9
    assert level[60] == 0
    click = np.zeros(200, np.float32)
    click[100] = 1
    assert talking(click).max() <= 0.21


def test_gain_out_of_range_is_refused(net: LipNet) -> None:
    for gain in (-0.1, 4.1, float("nan")):
        with pytest.raises(UsageError, match="gain"):
            predict_lips(noise(0.1), gain=gain, net=net)


def test_another_encoders_network_is_refused() -> None:
    other = LipNet(replace(CONFIG, features=768, encoder="hubert"))
    with pytest.raises(ModelFileError, match="hubert"):
        predict_lips(noise(0.1), net=other)


def test_files_bring_the_network_back(net: LipNet, tmp_path: Path) -> None:
    save_lip_net(net, tmp_path)
    back = load_lip_net(tmp_path)
    assert back.config == net.config
    a, b = (predict_lips(noise(1), net=n) for n in (net, back))
    np.testing.assert_allclose(a.speech, b.speech, atol=2e-3)


def test_a_missing_or_damaged_network_says_how_to_make_one(net: LipNet, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="train motion"):
        load_lip_net(tmp_path)
    save_lip_net(net, tmp_path)
    (tmp_path / "lips.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelFileError, match="train motion"):
        load_lip_net(tmp_path)


def test_the_shipped_network_is_small_and_rests_in_silence_and_noise() -> None:
    net = open_lip_net()
    assert sum(p.numel() for p in net.parameters()) < 2_000_000
    rng = np.random.default_rng(0)
    for sound in (np.zeros(48_000), rng.normal(0, 1e-3, 48_000), rng.normal(0, 0.1, 48_000)):
        assert predict_lips(sound.astype(np.float32)).curves.max() < 0.05


def test_a_faint_voice_moves_the_mouth_as_a_loud_one() -> None:
    from facegen.demo import VOICE

    voice = load_speech(VOICE).samples
    loud, faint = predict_lips(voice), predict_lips(voice * np.float32(0.03))
    assert loud.curves.max() > 0.2
    both = np.corrcoef(loud.column("jawOpen"), faint.column("jawOpen"))[0, 1]
    assert both > 0.9


@pytest.mark.slow
def test_the_shipped_network_follows_real_lips(dev_data: Path) -> None:
    from facegen.data.speech.geometry import mouth_geometry
    from facegen.faces import LandmarkTracker
    from facegen.media import read_video
    from facegen.speech.lip_gain import at_rate, correlation

    clip = dev_data / "talking_grid_s1" / "bbaszn.mpg"
    with LandmarkTracker() as tracker:
        points = [tracker(frame.rgb) for frame in read_video(clip)]
    none = np.full((478, 3), np.nan)
    seen = mouth_geometry(np.stack([none if p is None else p for p in points]))[:, 0]
    track = predict_lips(load_speech(clip).samples)
    said, real = open_mouth(track.names).opening(track.curves), at_rate(seen, 25)
    count = min(len(said), len(real))
    assert correlation(said[:count], real[:count]) > 0.8
