"""Each measure of a talking head on curves whose value is known by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from facegen.evaluation.talk import talk_metrics
from facegen.evaluation.talk_clip import Contrast, sound_offset, still, stretches
from facegen.evaluation.talk_manner import (
    BlinkRate,
    FaceFlicker,
    FaceJerk,
    HeadMotion,
    beat_alignment,
    blink_rate,
    head_beats,
    head_statistics,
    voice_onsets,
)
from facegen.evaluation.talk_methods import LoudnessJaw, OtherLips
from facegen.evaluation.talk_metrics import (
    BilabialClosure,
    OpeningCorrelation,
    OpeningError,
    TalkSync,
    WidthCorrelation,
)
from tests.evaluation.speaking import FPS, FRAMES, make_clip, mouth, perform, sound, turned

TIMES = np.arange(FRAMES) / FPS


def against(clip, pred, shift_s=0.0):
    return Contrast(clip, pred, shift_s)


def test_the_true_lips_are_perfect():
    clip = make_clip(bilabials=(0.48, 0.95))
    for metric in talk_metrics():
        spec = metric.spec
        values = metric.measure(against(clip, clip.truth))
        assert spec.main in values and set(spec.notes) <= set(values)
        if not math.isnan(spec.perfect):
            assert values[spec.main] == pytest.approx(spec.perfect, abs=1e-9), spec.name


def test_correlation_of_two_frames_late():
    """A delay of 80 ms is found; at zero lag r is that of the delayed curve."""
    clip = make_clip()
    late = perform(mouth(TIMES + 0.02 - 0.08))
    found = OpeningCorrelation().measure(against(clip, late))
    by_hand = np.corrcoef(late.opening, clip.truth.opening)[0, 1]
    assert found["zero_lag"] == pytest.approx(by_hand)
    assert found["lag_s"] == pytest.approx(0.08, abs=0.011)
    assert found["best_lag"] > 0.99
    # The same method on a clip whose sound is 80 ms late is in time.
    in_time = OpeningCorrelation().measure(against(clip, late, 0.08))
    assert in_time["zero_lag"] > 0.999
    assert in_time["uncorrected"] == pytest.approx(by_hand)
    assert in_time["offset_s"] == 0.08


def test_correlation_of_nothing():
    clip = make_clip()
    assert OpeningCorrelation().measure(against(clip, still(clip.truth, 0)))["zero_lag"] == 0
    short = perform(mouth(TIMES[:7]))
    assert math.isnan(OpeningCorrelation().measure(against(clip, short))["zero_lag"])
    calm = replace(clip, truth=replace(clip.truth, opening=np.full(FRAMES, 0.1)))
    assert math.isnan(OpeningCorrelation().measure(against(calm, clip.truth))["zero_lag"])


def test_opening_error_by_hand():
    truth = np.tile([0.0, 0.2], 10)
    clip = make_clip()
    clip = replace(clip, truth=perform(truth))
    found = OpeningError().measure(against(clip, perform(truth / 2 + 0.02)))
    # Errors of +0.02 and -0.08; a still mouth at 0.1 is off by 0.1.
    assert found["rmse"] == pytest.approx(math.sqrt((0.02**2 + 0.08**2) / 2))
    assert found["constant"] == pytest.approx(0.1)
    assert found["ratio"] == pytest.approx(found["rmse"] / 0.1)
    assert found["spread"] == pytest.approx(0.5)


def test_width_correlation_by_hand():
    clip = make_clip()
    pred = replace(clip.truth, width=2 - clip.truth.width)
    assert WidthCorrelation().measure(against(clip, pred))["zero_lag"] == pytest.approx(-1)


def test_frame_rates_do_not_matter():
    clip = make_clip()
    times = np.arange(200) / 50
    quick = perform(mouth(times + 0.02), 50.0)
    found = OpeningError().measure(against(clip, quick))
    assert found["rmse"] < 1e-12


def test_closure_by_hand():
    """Shut at one of two marks and at a quarter of the rest."""
    opening = np.full(FRAMES, 0.2)
    opening[23:28] = 0.0  # around 1.0 s
    opening[60:] = 0.0  # from 2.4 s on
    clip = make_clip(bilabials=(1.0, 2.0), hear=False)
    clip = replace(
        clip, truth=perform(np.where(np.abs(TIMES[:, None] - (1, 2)).min(1) < 0.05, 0, 0.2))
    )
    found = BilabialClosure().measure(against(clip, perform(opening)))
    assert found["closed"] == 0.5 and found["moments"] == 2
    others = np.arange(0.2, 3.8, 0.02)
    others = others[np.abs(others[:, None] - (1.0, 2.0)).min(1) > 0.15]
    # A window of 80 ms after reaches the shut stretch from 2.32 s on.
    assert found["elsewhere"] == pytest.approx((others > 2.325).mean(), abs=0.02)
    assert found["margin"] == pytest.approx(found["closed"] - found["elsewhere"])
    assert found["truth"] > 0.9
    for level in (0.0, 0.2):
        fixed = BilabialClosure().measure(against(clip, perform(np.full(FRAMES, level))))
        assert fixed["margin"] == 0
    # Marks are on the clock of the sound, here 0.2 s after the picture.
    late = replace(clip)
    late.__dict__["offset_s"] = 0.2
    on_sound = BilabialClosure().measure(against(late, clip.truth, 0.2))
    on_picture = BilabialClosure().measure(against(late, perform(np.roll(clip.truth.opening, -5))))
    assert (on_sound["closed"], on_picture["closed"]) == (1, 1)
    assert BilabialClosure().measure(against(late, clip.truth))["closed"] == 0
    assert math.isnan(BilabialClosure().measure(against(make_clip(), clip.truth))["margin"])


@pytest.mark.parametrize("late_s", [-0.2, -0.08, 0.0, 0.12, 0.3])
def test_offset_of_sound_is_found(late_s):
    clip = make_clip(late_s=late_s)
    assert clip.offset_s == pytest.approx(late_s, abs=0.021)


def test_offset_of_unrelated_sound_is_none():
    clip = make_clip()
    noise = np.random.default_rng(3).normal(size=64000).astype(np.float32)
    assert abs(sound_offset(clip.truth, noise)) <= 0.2
    assert sound_offset(clip.truth, np.zeros(64000, np.float32)) == 0
    assert sound_offset(clip.truth, np.zeros(0, np.float32)) == 0


def test_sync_falls_to_its_control():
    clip = make_clip()
    good = TalkSync().measure(against(clip, clip.truth))
    assert good["r"] > 0.9 and good["margin"] > 0.7
    assert good["margin"] == pytest.approx(good["r"] - good["control"])
    assert good["lse_c"] > 0.5 and abs(good["offset_frames"]) <= 1
    random = np.random.default_rng(5).permutation(FRAMES)
    bad = TalkSync().measure(against(clip, perform(clip.truth.opening[random])))
    assert abs(bad["margin"]) < 0.25
    # Sound and picture 120 ms apart: the true lips are measured in step.
    late = make_clip(late_s=0.12)
    assert TalkSync().measure(against(late, late.truth))["r"] > 0.9
    deaf = make_clip(hear=False)
    assert math.isnan(TalkSync().measure(against(deaf, deaf.truth))["margin"])


def test_loudness_moves_the_jaw():
    clip, other = make_clip(late_s=0.12), make_clip(name="other")
    other = replace(other, sound=sound()[::-1].copy())
    jaw = LoudnessJaw().perform(clip, other)
    found = OpeningCorrelation().measure(against(clip, jaw, clip.offset_s))
    assert found["zero_lag"] > 0.85 > found["uncorrected"]
    control = LoudnessJaw(of_other=True).perform(clip, other)
    assert OpeningCorrelation().measure(against(clip, control))["zero_lag"] < 0.5
    assert OtherLips().perform(clip, other) is other.truth
    assert not np.isnan(jaw.opening).any() and 0 <= jaw.opening.min() <= jaw.opening.max() <= 0.18


def test_jerk_by_hand():
    """A cube grows by 6 per step cubed, here of one in 68 points along one axis."""
    clip = make_clip()
    points = np.zeros((FRAMES, 68, 3))
    points[:, 0, 0] = (np.arange(FRAMES) / 10.0) ** 3
    clip = replace(clip, truth=replace(clip.truth, points=points))
    found = FaceJerk().measure(against(clip, replace(clip.truth, points=2 * points)))
    assert found["truth"] == pytest.approx(6 / 1000 * FPS**3 / 68)
    assert found["gap"] == pytest.approx(1 / 3)


def test_flicker_of_a_still_face_is_no_rounding_noise():
    clip = make_clip()
    found = FaceFlicker().measure(against(clip, still(clip.truth, 0)))
    assert found["value"] == 0 and found["gap"] == 1


def test_blinks_by_hand():
    clip = make_clip()
    # Two dips of 160 ms in four seconds; one that begins at 0 s is left out by construction.
    assert blink_rate(clip.truth) == pytest.approx(60 * 1 / 4)
    long = replace(clip.truth, lids=np.where(TIMES < 1, 0.05, 0.3))
    assert blink_rate(long) == 0
    found = BlinkRate().measure(against(clip, long))
    assert found["gap"] == 1
    assert math.isnan(blink_rate(perform(np.zeros(9))))


def test_head_motion_by_hand():
    """Swinging +-3 degrees: spread 3 / sqrt 2, mean speed 4 * 3 * frequency."""
    spread, speed = head_statistics(make_clip().truth)
    assert spread == pytest.approx(3 / math.sqrt(2) * 0.93, rel=0.03)
    # Smoothing by 80 ms takes 7 % off a swing of 0.75 Hz.
    assert speed == pytest.approx(4 * 3 * 0.75 * 0.93, rel=0.06)
    clip = make_clip()
    found = HeadMotion().measure(against(clip, still(clip.truth, 3)))
    assert found["spread_gap"] == found["speed_gap"] == 1 and found["spread"] == 0


def test_beats_by_hand():
    assert beat_alignment(np.array([1.0, 2.0]), np.array([1.0, 2.1])) == pytest.approx(
        (1 + math.exp(-0.5)) / 2
    )
    assert beat_alignment(np.array([1.0]), np.zeros(0)) == 0
    assert math.isnan(beat_alignment(np.zeros(0), np.array([1.0])))
    # A head that swings pauses at its turning points.
    swing = perform(np.zeros(FRAMES), rotation=turned(5 * np.sin(2 * np.pi * TIMES)))
    np.testing.assert_allclose(head_beats(swing), np.arange(0.25, 4, 0.5), atol=0.041)
    still_head = perform(np.zeros(FRAMES), rotation=turned(np.zeros(FRAMES)))
    assert len(head_beats(still_head)) == 0
    burst = np.zeros(64000, np.float32)
    burst[24000:] = np.random.default_rng(0).normal(size=40000) * 0.1
    np.testing.assert_allclose(voice_onsets(burst), [1.5], atol=0.05)


def test_stretches():
    assert stretches(np.array([1, 1, 0, 1], bool)) == [slice(0, 2), slice(3, 4)]
    assert stretches(np.zeros(3, bool)) == []
