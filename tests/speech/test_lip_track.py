"""The contract of predicted mouths."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.speech.lip_track import LipTrack


def track(frames: int, seed: int = 0) -> LipTrack:
    rng = np.random.default_rng(seed)
    rows = rng.random((5, frames)).astype(np.float32)
    return LipTrack(("jawOpen", "mouthClose"), rows[:2].T.copy(), rows[2], rows[3], rows[4])


def test_arrays_of_unequal_length_are_refused() -> None:
    good = track(4)
    with pytest.raises(UsageError, match="bilabial"):
        LipTrack(good.names, good.curves, good.closure, good.bilabial[:3], good.speech)


def test_column_by_name() -> None:
    lips = track(4)
    assert np.array_equal(lips.column("mouthClose"), lips.curves[:, 1])
    assert not lips.column("tongueOut").any()


@given(st.integers(1, 80), st.sampled_from([24, 25, 30, 50, 60]), st.integers(0, 9))
def test_resampling_keeps_length_and_range(frames: int, fps: int, seed: int) -> None:
    lips = track(frames, seed)
    out = lips.resampled(Fraction(fps))
    assert len(out) == int(np.ceil(Fraction(frames * fps, 50)))
    assert out.rate == fps
    assert (out.curves >= lips.curves.min(0) - 1e-6).all()
    assert (out.curves <= lips.curves.max(0) + 1e-6).all()


def test_resampling_to_its_own_rate_changes_nothing() -> None:
    lips = track(20)
    out = lips.resampled(Fraction(50))
    np.testing.assert_allclose(out.curves, lips.curves, atol=1e-6)


def test_a_ramp_stays_where_it_was_in_time() -> None:
    ramp = np.arange(100, dtype=np.float32) / 100
    flat = np.zeros(100, np.float32)
    out = LipTrack(("jawOpen",), ramp[:, None], flat, flat, flat).resampled(Fraction(25))
    # Frame k of 25 covers frames 2 k and 2 k + 1 of 50.
    np.testing.assert_allclose(out.curves[2:-2, 0], (2 * np.arange(2, 48) + 0.5) / 100, atol=1e-6)


def test_a_short_closure_does_not_fall_between_frames() -> None:
    flat = np.zeros(50, np.float32)
    for start in range(20, 24):
        closed = flat.copy()
        closed[start : start + 2] = 0.9
        out = LipTrack((), np.zeros((50, 0), np.float32), closed, closed, flat)
        assert out.resampled(Fraction(25)).bilabial.max() > 0.85
