import json
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from facegen.data.speech.cache import Window  # noqa: E402
from facegen.emotion.labels import EMOTIONS  # noqa: E402
from facegen.errors import ModelFileError, UsageError  # noqa: E402
from facegen.speech.head_channels import (  # noqa: E402
    CHANNELS,
    CURVES,
    Clip,
    channels_of,
    curves_of,
    mirrored,
    splice,
)
from facegen.speech.head_net import HeadMotionNet, HeadNetConfig, feelings  # noqa: E402
from facegen.speech.head_report import report  # noqa: E402
from facegen.speech.head_sample import draw_channels, neutral, sample_head  # noqa: E402
from facegen.speech.head_task import HeadTask  # noqa: E402
from facegen.speech.head_weights import load_head_net, save_head_net  # noqa: E402

SMALL = HeadNetConfig(channels=CHANNELS, width=16, dilations=(1, 2, 4), window=60, context=15)


@pytest.fixture(scope="module")
def net() -> HeadMotionNet:
    """A small network whose flow goes to zero with a pull from the sound."""
    torch.manual_seed(0)
    net = HeadMotionNet(SMALL)
    torch.nn.init.normal_(net.leave.weight, std=0.02)
    net.scale.copy_(torch.full((len(CHANNELS),), 0.05))
    return net.train(False).requires_grad_(False)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    count = round(seconds * 16000)
    gate = np.repeat(rng.random(count // 1600 + 1) > 0.4, 1600)[:count]
    return (0.1 * rng.standard_normal(count) * gate).astype(np.float32)


def clip(seconds: float, seed: int) -> Clip:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.standard_normal((round(25 * seconds), len(CHANNELS))), 0) * 0.002
    return Clip(sound(seconds, seed), walk.astype(np.float32))


def test_channels_are_deviations_without_blinks_and_jitter():
    frames, rng = 150, np.random.default_rng(0)
    curves = np.full((frames, 52), 0.1, np.float32)
    curves[60:66] = 0.9  # a blink drags the brows along
    window = Window(
        samples=np.zeros(frames * 320, np.float32), phones=np.zeros(frames, np.int64),
        curves=curves, geometry=np.zeros((frames, 8), np.float32),
        rotation=(0.3 + 0.001 * rng.standard_normal((frames, 3))).astype(np.float32),
        face=np.ones(frames, bool), inside=np.ones(frames, bool),
    )  # fmt: skip
    channels = channels_of(window)
    assert channels.shape == (75, len(CHANNELS))
    assert np.abs(channels[:, 3:]).max() < 1e-6
    assert np.abs(channels[:, :3].mean(0)).max() < 1e-4
    assert channels[:, :3].std() < 0.0006


def test_a_mirror_turns_yaw_and_roll():
    channels = np.ones((4, len(CHANNELS)), np.float32)
    np.testing.assert_array_equal(mirrored(channels)[0, :4], [1, -1, -1, 1])
    np.testing.assert_array_equal(mirrored(mirrored(channels)), channels)


def test_spliced_clips_have_no_jump():
    clips = [clip(3.0, seed) for seed in range(4)]
    for i, one in enumerate(clips):
        one.channels[:] += 0.1 * i
    joined = splice(clips)
    assert len(joined.channels) == 300
    assert len(joined.samples) == 12 * 16000
    steps = np.abs(np.diff(joined.channels, axis=0))
    assert steps[[74, 149, 224]].max() <= np.abs(np.diff(clips[0].channels, axis=0)).max() + 0.01


def test_curves_get_both_sides():
    face = np.linspace(-0.5, 1.5, len(CHANNELS) - 3)[None]
    curves = dict(zip(CURVES, curves_of(face)[0], strict=True))
    assert len(CURVES) == 13
    assert curves["browDownLeft"] == curves["browDownRight"] == 0
    assert curves["noseSneerRight"] == 1
    assert 0 < curves["eyeSquintLeft"] < 1


@pytest.mark.parametrize("count", [0, 1, 639, 641, 16000, 50000, 80001])
def test_any_length_gives_a_row_per_frame(net, count):
    track = sample_head(sound(6.0)[:count], seed=1, net=net)
    assert track.rotation.shape == (-(-count // 640), 3)
    assert track.curves.shape == (-(-count // 640), 13)
    assert track.names == CURVES
    assert np.isfinite(track.rotation).all()
    assert ((track.curves >= 0) & (track.curves <= 1)).all()


@pytest.mark.parametrize("rate", [24, 25, Fraction(30000, 1001), 50, 60])
def test_any_rate_follows_the_same_path(net, rate):
    wave = sound(5.0)
    track = sample_head(wave, seed=1, rate=rate, net=net)
    base = sample_head(wave, seed=1, rate=25, net=net)
    assert track.rate == rate
    assert len(track.rotation) == int(np.ceil(5 * Fraction(rate)))
    times = np.arange(len(track.rotation)) / float(rate)
    inner = (times > 0.2) & (times < 4.7)
    expected = np.interp(times, np.arange(len(base.rotation)) / 25, base.rotation[:, 1])
    # An untrained network draws noise, between whose frames a spline swings wider than a line.
    assert np.corrcoef(track.rotation[inner, 1], expected[inner])[0, 1] > 0.9
    whole = np.flatnonzero(inner & np.isclose(times * 25, np.round(times * 25)))
    at = np.round(times[whole] * 25).astype(int)
    np.testing.assert_allclose(track.rotation[whole], base.rotation[at], atol=1e-6)


def test_the_seed_decides(net):
    wave = sound(6.0)
    one, again, other = (sample_head(wave, seed=s, net=net).rotation for s in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_what_comes_later_changes_nothing_before(net):
    long = sound(20.0)
    whole = draw_channels(net, np.array_split(long, 7), neutral(len(long)), seed=5)
    short = 12 * 16000
    part = draw_channels(net, [long[:short]], neutral(short), seed=5)
    # A window sees the sound to its end.
    safe = 300 - SMALL.window
    np.testing.assert_allclose(part[:safe], whole[:safe], atol=1e-4)


def test_windows_leave_no_seam(net):
    drawn = draw_channels(net, [sound(60.0)], neutral(60 * 16000), seed=2)
    steps = np.abs(np.diff(drawn, axis=0)).mean(1)
    first = SMALL.window - 12
    joints = np.arange(first, len(drawn) - 1, SMALL.window - SMALL.context - 12)
    assert len(joints) > 30
    at = steps[np.concatenate([joints - 1, joints])].mean()
    assert at < 1.3 * steps.mean()


def test_the_past_is_kept_as_given(net):
    known = torch.randn(1, 60, len(CHANNELS))
    given = torch.zeros(1, 60, 1)
    given[:, :15] = 1
    feeling = feelings(torch.zeros(1, 60, len(EMOTIONS)))
    noisy, audio = torch.randn(1, 60, len(CHANNELS)), torch.zeros(1, 120, 320)
    out = net(noisy, torch.tensor([0.5]), audio, feeling, known, given)
    hidden = known.clone()
    hidden[:, 15:] = 9.0  # what is not given is not seen
    same = net(noisy, torch.tensor([0.5]), audio, feeling, hidden, given)
    torch.testing.assert_close(out, same)
    hidden[:, :15] += 1
    assert (net(noisy, torch.tensor([0.5]), audio, feeling, hidden, given) - out).abs().max() > 1e-4


def test_feelings_carry_valence_and_arousal():
    emotion = torch.eye(len(EMOTIONS))
    out = feelings(emotion)
    assert out.shape == (8, 10)
    valence, arousal = dict(zip(EMOTIONS, out[:, 8], strict=True)), out[:, 9]
    assert valence["happy"] > 0 > valence["sad"]
    assert arousal[EMOTIONS.index("angry")] > arousal[EMOTIONS.index("sad")]
    torch.testing.assert_close(out[0, 8:], torch.zeros(2))


def test_emotion_must_fit_the_sound(net):
    with pytest.raises(UsageError, match=r"wants \(25, 8\)"):
        sample_head(sound(1.0), np.zeros((24, 8)), seed=0, net=net)
    with pytest.raises(UsageError, match="length"):
        sample_head([sound(1.0)], seed=0, net=net)


def test_training_goes_through_the_shared_loop(tmp_path):
    pytest.importorskip("accelerate")
    from facegen.training.config import TrainConfig
    from facegen.training.loop import train

    clips = [clip(3.0, seed) for seed in range(12)]
    task, same = (HeadTask(clips, clips, batch_size=4, stretches=4, config=SMALL) for _ in "ab")
    first, again = task.batch(3, 0, 1), same.batch(3, 0, 1)
    for name, value in first.items():
        torch.testing.assert_close(value, again[name])
    assert first["motion"].shape == (4, 60, len(CHANNELS))
    assert first["audio"].shape == (4, 120, 320)
    config = TrainConfig(
        output=tmp_path, steps=30, batch_size=4, learning_rate=1e-2, warmup=5, workers=0,
        log_every=10, sample_every=30, save_every=30, precision="fp32",
    )  # fmt: skip
    folder = train(task, config)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").open()]
    assert losses[-1] < 0.9 * losses[0]
    told = json.loads(next((tmp_path / "samples").glob("*.json")).read_text())
    assert set(told) == set(CHANNELS)
    loaded = load_head_net(folder)
    assert loaded.scale.min() > 0
    assert sample_head(sound(1.0), seed=0, net=loaded).rotation.shape == (25, 3)


def test_nothing_to_learn_from_is_told():
    with pytest.raises(UsageError, match="no tracked faces"):
        HeadTask([])


def test_files_that_are_no_network(tmp_path, net):
    with pytest.raises(ModelFileError, match="facegen train head"):
        load_head_net(tmp_path)
    save_head_net(net, tmp_path)
    again = load_head_net(tmp_path)
    torch.testing.assert_close(again.leave.weight, net.leave.weight, atol=1e-3, rtol=1e-2)
    header = json.loads((tmp_path / "head.json").read_text())
    (tmp_path / "head.json").write_text(json.dumps(header | {"format": 2}))
    with pytest.raises(ModelFileError, match="another format"):
        load_head_net(tmp_path)
    (tmp_path / "head.json").write_text(json.dumps(header | {"width": 20}))
    with pytest.raises(ModelFileError, match="cannot|no head network"):
        load_head_net(tmp_path)


def test_the_report_tells_copies_from_noise(net):
    clips = [clip(3.0, seed) for seed in range(6)]
    told = report(net, clips)
    assert set(told["pitch"]) == {
        "spread", "speed", "speed_distance", "real_correlation", "other_seed",
    }  # fmt: skip
    assert told["pitch"]["speed"][0] > 0
