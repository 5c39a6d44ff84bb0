"""Feelings over speech: lips that must close close, and the words stay readable."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import maximum_filter1d
from scipy.stats import spearmanr

from facegen.arkit import ARKIT, INDEX, columns, from_motion
from facegen.demo import MOTION
from facegen.emotion import EMOTIONS, EmotionTrack, style
from facegen.emotion.driven import release_of, with_emotion
from facegen.emotion.prototypes import action_table, prototype_table
from facegen.emotion.styling import lip_disturbance
from facegen.flame.landmark_sets import LIP_PAIRS
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.speech.mouth import MouthShape, open_mouth
from facegen.transfer.closure import gaps_of

TOUCH = 0.012  # outer eye distances: the rest gap of the open head


@dataclass
class Said:
    closure: np.ndarray
    bilabial: np.ndarray
    speech: np.ndarray


def babble(frames: int = 200) -> tuple[np.ndarray, Said]:
    """Open and close, 25 frames per second: vowels with a bilabial of 3 frames every 16."""
    t = np.arange(frames)
    curves = np.zeros((frames, len(ARKIT)))
    swing = 0.5 * (1 - np.cos(2 * np.pi * t / 16))
    curves[:, INDEX["jawOpen"]] = 0.4 * swing
    curves[:, columns("mouthLowerDown")] = 0.4 * swing[:, None]
    curves[:, columns("mouthUpperUp")] = 0.2 * swing[:, None]
    curves[:, INDEX["mouthPucker"]] = 0.4 * np.maximum(np.sin(2 * np.pi * t / 64), 0)
    closed = np.minimum(t % 16, -t % 16) <= 1
    shut = closed.astype(np.float32) * 0.9
    return curves, Said(shut, shut, np.ones(frames, np.float32))


def felt(name: str, level: float, frames: int) -> np.ndarray:
    out = np.zeros((frames, len(EMOTIONS)))
    out[:, EMOTIONS.index(name)] = level
    return out


@pytest.mark.parametrize("name", EMOTIONS)
@pytest.mark.parametrize("level", [0.3, 0.6, 1.0])
def test_bilabials_close_at_every_intensity(name: str, level: float) -> None:
    curves, said = babble()
    out = style(curves, said, felt(name, level, len(curves)))
    gaps = np.maximum(open_mouth(ARKIT).gap(out), 0).max(1)
    assert (gaps[said.bilabial > 0.5] < TOUCH).all()
    assert gaps[said.bilabial == 0].max() > 0.1, "vowels open"


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_the_articulators_hardly_change(name: str) -> None:
    curves, said = babble()
    calm = style(curves, said, felt("neutral", 1, len(curves)))
    moved = style(curves, said, felt(name, 1, len(curves)))
    assert lip_disturbance(calm, moved, said.speech) <= 0.15
    jaw = [out[:, INDEX["jawOpen"]] for out in (calm, moved)]
    assert np.corrcoef(*jaw)[0, 1] > 0.95


def test_disturbance_sees_a_gaping_mouth() -> None:
    curves, said = babble()
    gaping = curves.copy()
    gaping[:, INDEX["jawOpen"]] += 0.5
    assert lip_disturbance(curves, gaping, said.speech) > 0.5


def test_neutral_changes_nothing_but_closure() -> None:
    curves, said = babble()
    out = style(curves, said, felt("neutral", 1, len(curves)))
    # Lips on their way to a closure move as well.
    away = maximum_filter1d(said.bilabial, 7) == 0
    assert away.mean() > 0.3
    np.testing.assert_allclose(out[away], curves[away], atol=1e-6)


def test_smiles_yield_to_rounding() -> None:
    curves, said = babble()
    out = style(curves, said, felt("happy", 0.8, len(curves)))
    smile = out[:, INDEX["mouthSmileLeft"]]
    pucker = curves[:, INDEX["mouthPucker"]]
    assert smile[pucker > 0.39].mean() < 0.7 * smile[pucker == 0].mean()


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_a_silent_face_ranks_by_intensity(name: str) -> None:
    levels = np.array([0, 0.3, 0.6, 0.9])
    emotion = np.concatenate([felt(name, level, 1) for level in levels])
    quiet = Said(*np.zeros((3, len(levels)), np.float32))
    out = style(np.zeros((len(levels), len(ARKIT))), quiet, emotion)
    own = prototype_table().actions[EMOTIONS.index(name)] @ action_table().curves
    assert spearmanr(levels, out @ own).statistic == pytest.approx(1)


def test_a_driven_motion_feels_and_keeps_its_head(head: HeadModel) -> None:
    motion = Motion.load(MOTION)
    sad = with_emotion(motion, head, EmotionTrack.parse("sad:0.8"))
    np.testing.assert_array_equal(sad.neck_pose, motion.neck_pose)
    np.testing.assert_array_equal(sad.leye_pose, motion.leye_pose)
    change = from_motion(sad, head) - from_motion(motion, head)
    assert change[:, INDEX["browInnerUp"]].mean() > 0.4
    assert change[:, INDEX["mouthFrownLeft"]].mean() > 0.2
    assert with_emotion(motion, head, EmotionTrack.parse("neutral")) is motion


def test_lips_of_a_driven_mouth_still_meet(head: HeadModel) -> None:
    curves, said = babble()
    mouth = MouthShape.of(head, ARKIT)
    from facegen.speech.assemble import speaker_motion

    spoken = style(curves, said, felt("neutral", 1, len(curves)), mouth=mouth)
    motion = speaker_motion(
        spoken, np.zeros((len(curves), 3)), np.zeros((len(curves), 2)), head, fps=Fraction(25)
    )
    moved = with_emotion(motion, head, EmotionTrack.parse("surprised"))
    before, after = (gaps_of(m, head, LIP_PAIRS).max(1) for m in (motion, moved))
    shut = said.bilabial > 0.5
    assert after[shut].max() < before[shut].max() + 0.02
    assert after[~shut].mean() > before[~shut].mean()


def test_only_other_feelings_drive_a_photos_smile_out() -> None:
    times = np.array([0.0, 1.0])
    assert not release_of(EmotionTrack.parse("happy:0.9"), times).any()
    assert not release_of(EmotionTrack.parse("neutral"), times).any()
    weak, strong = (release_of(EmotionTrack.parse(f"sad:{x}"), times)[0] for x in (0.3, 0.9))
    assert 0.4 < weak < strong <= 1
