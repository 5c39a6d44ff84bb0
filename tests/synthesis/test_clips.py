"""Clips: a feeling comes, stays and goes."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.media import probe, read_video
from facegen.synthesis.clips import course_of, envelope, identity_clips, rate_of
from facegen.synthesis.dataset import SyntheticDataset
from facegen.synthesis.identities import Identity
from facegen.synthesis.plan import Clips, Identities, People, Plan

GROUP = People(count=1, samples=0, clips=8)
PLAN = Plan(identities=Identities(people=(GROUP,)), clips=Clips(seconds=2.0, fps="25"))


@given(st.floats(0, 1), st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1))
def test_envelopes_rise_stay_and_fall(begin: float, up: float, stay: float, down: float) -> None:
    phases = (begin, begin + up, begin + up + stay, begin + up + stay + down)
    times = np.linspace(0, phases[3] + 1, 400)
    shown = envelope(times, phases)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert shown[times <= begin].max(initial=0) == 0
    assert shown[times >= phases[3]].max(initial=0) == pytest.approx(0)
    assert envelope(np.array([phases[1], phases[2]]), phases) == pytest.approx([1, 1])


def test_a_course_reaches_its_face_at_the_apex() -> None:
    for sample in identity_clips(PLAN, Identity("p", "train", GROUP)):
        assert sample is not None
        course = course_of(PLAN, sample)
        assert course.curves.shape == (50, 52)
        felt = sample.face.levels.max()
        if felt > 0.3:
            main = sample.face.levels.argmax()
            assert course.levels[0, main] < 0.5 * felt
            assert course.levels[course.apex, main] > 0.6 * felt
        assert np.abs(np.diff(course.turns, axis=0)).max() < np.radians(2)


@pytest.mark.parametrize("fps", ["0", "fast", "1/0", "-25"])
def test_a_rate_that_is_none_is_told(fps: str) -> None:
    plan = Plan(identities=PLAN.identities, clips=Clips(fps=fps))
    with pytest.raises(UsageError, match="clips.fps"):
        rate_of(plan)


def test_clips_keep_their_exact_rate(made: Path) -> None:
    clips = [row for row in SyntheticDataset(made).rows if row["kind"] == "clip"]
    assert len(clips) == 2
    for row in clips:
        file = made / row["file"]
        assert probe(file).fps == Fraction(30000, 1001)
        assert len(list(read_video(file))) == row["frames"] == 9
        assert 0 <= row["onset"] <= row["apex"] <= row["offset"] <= row["end"]
