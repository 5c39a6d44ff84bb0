"""Figures of predicted mouths on made-up clips whose answers are known."""

import numpy as np
import pytest

from facegen.data.speech.phones import Segment
from facegen.errors import UsageError
from facegen.speech import lip_eval, lip_gain
from facegen.speech.lip_eval import LipClip, closures, lip_table, segments_of, viseme_table
from facegen.speech.lip_gain import at_rate, best_lag, correlation, estimate_gain, shifted
from facegen.speech.lip_names import SYMMETRIC, arkit_names, both_sides
from facegen.speech.lip_rules import rule_curves
from facegen.speech.lip_track import LipTrack
from facegen.speech.mouth import open_mouth

NAMES = arkit_names(SYMMETRIC)
RNG = np.random.default_rng(0)


def wave(frames: int = 200) -> np.ndarray:
    return np.clip(np.convolve(RNG.normal(0, 0.1, frames), np.ones(5) / 2, "same"), 0, 1)


def clip(opening: np.ndarray, *, name: str = "a", lag: int | None = 0) -> LipClip:
    return LipClip(
        name, "group", "her", np.zeros(len(opening) * 320, np.float32), opening, opening, None, lag
    )


def test_a_perfect_prediction() -> None:
    true = wave()
    row = lip_table([clip(true)], {"network": lambda c: (c.opening, c.width)})[0]
    assert row.r == row.r_best == row.width_r == pytest.approx(1)
    assert row.rmse_mm == pytest.approx(0)
    assert row.constant_mm == pytest.approx(90 * true.std())
    assert row.spread == pytest.approx(1)
    assert row.lag_ms == 0


def test_a_late_picture_is_found_and_every_row_uses_it() -> None:
    true = wave()
    late = clip(np.roll(true, 6), lag=None)
    rows = lip_table(
        [late], {"network": lambda c: (true, true), "other": lambda c: (2 * true, true)}
    )
    for row in rows:
        assert row.r > 0.99
        assert row.lag_ms == pytest.approx(120)
    in_step = lip_table([clip(np.roll(true, 6), lag=0)], {"network": lambda c: (true, true)})
    assert in_step[0].r < 0.9


def test_a_row_that_cannot_predict_is_left_out() -> None:
    rows = lip_table(
        [clip(wave())], {"network": lambda c: (c.opening, c.width), "none": lambda c: None}
    )
    assert [row.predictor for row in rows] == ["network"]


def test_shifting_and_rates() -> None:
    x = np.arange(20.0)
    a, b = shifted(x, np.roll(x, 3), 3)
    np.testing.assert_array_equal(a, b)
    a, b = shifted(np.roll(x, 3), x, -3)
    np.testing.assert_array_equal(a, b)
    assert best_lag(wave(), np.zeros(200))[0] == 0
    assert np.isnan(correlation(np.zeros(9), np.arange(9)))
    np.testing.assert_allclose(at_rate(x, 25)[1:-1], (np.arange(1, 39) + 0.5) / 2 - 0.5)


def mouthing(opening: np.ndarray) -> LipTrack:
    """A track whose jaw makes the given opening, about."""
    curves = np.zeros((len(opening), len(NAMES)), np.float32)
    curves[:, 0] = opening / 0.33
    flat = np.zeros(len(opening), np.float32)
    return LipTrack(NAMES, curves, flat, flat, flat + 1)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.8])
def test_gain_of_a_wider_mouth(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    said = np.clip(wave(600), 0, 0.3)
    monkeypatch.setattr(lip_gain, "predict_lips", lambda samples, net=None: mouthing(said))
    seen = factor * open_mouth(NAMES).opening(mouthing(said).curves)
    sound = np.zeros(600 * 320, np.float32)
    # Drawn a little towards 1: two seconds of prior against twelve of speech.
    expected = (factor * 12 + 2) / 14
    assert estimate_gain(sound, seen, 50) == pytest.approx(expected, rel=0.03)
    assert estimate_gain(sound, np.roll(seen, 5), 50) == pytest.approx(expected, rel=0.05)
    seen[::7] = np.nan
    assert estimate_gain(sound, seen, 50) == pytest.approx(expected, rel=0.05)


def test_gain_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="second"):
        estimate_gain(np.zeros(1000, np.float32), np.zeros(3), 25)


def test_closures_are_counted_where_lips_touch() -> None:
    track = mouthing(np.r_[np.full(20, 0.1), np.zeros(5), np.full(20, 0.1), np.zeros(5)])
    open_mouth(NAMES)
    # The open head's lips stand 0.7 mm apart at rest, which counts as touching.
    here, there = Segment("PP", 0.42, 0.48), Segment("PP", 0.6, 0.66)
    assert closures(track, [here])[:2] == (1, 1)
    assert closures(track, [there])[:2] == (1, 0)
    assert closures(track, [here])[2] == 1
    assert closures(track, [here, Segment("sil", 0.9, 1.0)])[2] == 0


def test_labels_as_segments() -> None:
    found = segments_of(np.array([0, 0, 1, 1, 1, 14]))
    assert [s.phone for s in found] == ["sil", "PP", "AA"]
    assert found[1].start == pytest.approx(0.04)
    assert found[-1].stop == pytest.approx(0.12)


def test_visemes_are_judged_on_their_own_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    said = np.clip(wave(400), 0, 0.3)
    monkeypatch.setattr(lip_eval, "predict_lips", lambda samples, **_: mouthing(said))
    truth = open_mouth(NAMES).opening(mouthing(said).curves)
    truth[:200] = RNG.normal(0, 1, 200)
    segments = [Segment("AA", 0.0, 4.0), Segment("DD", 4.0, 8.0)]
    out = viseme_table([(np.zeros(128000, np.float32), segments, (truth, truth))])
    assert abs(out["open"]) < 0.3
    assert out["alveolar"] > 0.99


def test_rules_open_on_vowels_and_close_on_lips() -> None:
    segments = [
        Segment("sil", 0, 0.3), Segment("AA", 0.3, 0.5), Segment("PP", 0.5, 0.6),
        Segment("UW", 0.6, 0.8), Segment("sil", 0.8, 1.2),
    ]  # fmt: skip
    curves = rule_curves(segments, 60)
    assert curves.min() >= 0
    assert curves.max() <= 1
    opening = open_mouth(NAMES).opening(both_sides(curves, SYMMETRIC))
    assert opening[20] > 2 * opening[27]
    assert curves[35, SYMMETRIC.index("mouthPucker")] > 0.4
    assert opening[-1] < 0.03


def test_loudness_is_a_number_per_frame() -> None:
    sound = np.r_[np.zeros(3200), np.ones(3200)].astype(np.float32)
    level = lip_eval.energy(sound)
    assert len(level) == 20
    assert level[:7].max() == 0
    assert level[14] == pytest.approx(1, rel=0.05)
