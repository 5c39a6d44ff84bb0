"""A photo that speaks: timing, determinism, files in every format, long recordings."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facegen.arkit import INDEX, columns, from_motion
from facegen.audio import load_speech
from facegen.demo import MOTION, PHOTO
from facegen.emotion import EMOTIONS
from facegen.emotion.prototypes import action_table, prototype_table
from facegen.errors import MediaError, UsageError
from facegen.media import probe, read_video
from facegen.motion import Motion
from facegen.pipelines.render import SaveOptions
from facegen.pipelines.talk import TalkingHeadPipeline
from facegen.pipelines.talk_config import TalkConfig
from tests.cli import media_zoo as zoo
from tests.emotion.test_recognition import voice

CALM = TalkConfig(gaze="camera", blink_rate=0, head_motion="still")


@pytest.fixture(scope="module")
def pipe() -> TalkingHeadPipeline:
    return TalkingHeadPipeline.from_pretrained("open")


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "hello.wav"
    soundfile.write(path, voice(2.05, 150, 0.2), 16_000)
    return path


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_frames_cover_the_sound_at_any_rate(
    pipe: TalkingHeadPipeline, wav: Path, fps: Fraction
) -> None:
    motion = pipe.speak(wav, config=TalkConfig(fps=fps))
    assert motion.fps == fps
    assert (len(motion) - 1) / fps < Fraction(205, 100) <= len(motion) / fps
    np.testing.assert_allclose(motion.timestamps, [float(k / fps) for k in range(len(motion))])
    assert np.isfinite(motion.expression).all()


def test_one_seed_one_motion(pipe: TalkingHeadPipeline, wav: Path) -> None:
    def spoken(seed: int) -> Motion:
        return pipe.speak(wav, config=TalkConfig(gaze="natural", seed=seed))

    first, again, other = spoken(1), spoken(1), spoken(2)
    np.testing.assert_array_equal(first.expression, again.expression)
    np.testing.assert_array_equal(first.neck_pose, again.neck_pose)
    assert np.abs(first.neck_pose - other.neck_pose).max() > 1e-3


def test_a_longer_recording_begins_alike(pipe: TalkingHeadPipeline, tmp_path: Path) -> None:
    sound = voice(6, 150, 0.2)
    for name, part in (("short", sound[: 3 * 16_000]), ("long", sound)):
        soundfile.write(tmp_path / f"{name}.wav", part, 16_000, subtype="FLOAT")
    config = TalkConfig(gaze="natural")
    short, long = (pipe.speak(tmp_path / f"{n}.wav", config=config) for n in ("short", "long"))
    blink = short.expression_names.index("eyeBlinkLeft")
    np.testing.assert_allclose(short.expression[:50, blink], long.expression[:50, blink], atol=1e-6)
    jaw = np.abs(short.jaw_pose[:60, 0] - long.jaw_pose[:60, 0]).max()
    assert jaw < 0.01, "the future hardly changes the mouth"


def test_silence_keeps_the_mouth_shut_and_the_eyes_alive(
    pipe: TalkingHeadPipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(12 * 16_000), 16_000)
    motion = pipe.speak(tmp_path / "s.wav")
    curves = from_motion(motion, pipe.head)
    assert curves[:, INDEX["jawOpen"]].max() < 0.02
    assert curves[:, columns("eyeBlink")].max() > 0.8
    assert np.ptp(motion.neck_pose[:, 0]) > 0.002
    assert "silent" in caplog.text


def test_still_and_no_blinks(pipe: TalkingHeadPipeline, wav: Path) -> None:
    motion = pipe.speak(wav, config=CALM)
    assert not motion.neck_pose.any()
    assert not from_motion(motion, pipe.head)[:, columns("eyeBlink")].any()


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_every_emotion_is_ranked_by_intensity(
    pipe: TalkingHeadPipeline, wav: Path, name: str
) -> None:
    """By its own facial actions, on the mean of a spoken motion."""
    own = prototype_table().actions[EMOTIONS.index(name)] @ action_table().curves
    calm = from_motion(pipe.speak(wav, config=CALM), pipe.head)
    shown = []
    for level in (0.3, 0.6, 0.9):
        config = TalkConfig(
            emotion=f"{name}:{level}", gaze="camera", blink_rate=0, head_motion="still"
        )
        felt = from_motion(pipe.speak(wav, config=config), pipe.head)
        shown.append(float(((felt - calm) @ own).mean()))
    assert 0 < shown[0] < shown[1] < shown[2]


def test_the_photo_keeps_its_identity_and_starts_from_its_own_face(
    pipe: TalkingHeadPipeline, wav: Path
) -> None:
    result = pipe(PHOTO, wav, config=CALM)
    fit = result.portrait.fit
    np.testing.assert_array_equal(result.motion.betas, fit.betas)
    np.testing.assert_allclose(result.motion.neck_pose, np.repeat(fit.neck_pose, 52, 0), atol=1e-3)
    smile = fit.expression_names.index("mouthSmileLeft")
    assert fit.expression[0, smile] > 0.2, "she smiles"
    assert result.motion.expression[:, smile].mean() > 0.5 * fit.expression[0, smile]


def test_borrowed_head_turns(pipe: TalkingHeadPipeline, wav: Path, tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(12))
    motion = pipe.speak(wav, config=TalkConfig(head_motion=f"from={clip}"))
    assert np.ptp(motion.neck_pose, axis=0).max() > 1e-4
    assert np.abs(np.diff(motion.neck_pose, axis=0)).max() < 0.2, "there and back, no jump"


def test_drawn_head_and_brows_start_at_rest_and_follow_the_seed(
    pipe: TalkingHeadPipeline, wav: Path
) -> None:
    first, again, other = (
        pipe.speak(wav, config=TalkConfig(head_motion="drawn", seed=s, fps=Fraction(30)))
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.neck_pose, again.neck_pose)
    assert not first.neck_pose[0].any()
    assert np.abs(first.neck_pose - other.neck_pose).max() > 1e-3
    assert from_motion(first, pipe.head)[:, columns("browInnerUp")].max() > 0.01


@pytest.mark.parametrize("name", ["m.motion.npz", "m.livelink.csv", "m.glb"])
def test_motion_files(pipe: TalkingHeadPipeline, wav: Path, tmp_path: Path, name: str) -> None:
    path = pipe.write_motion(tmp_path / name, wav)
    if name.endswith(".npz"):
        assert len(Motion.load(path)) == 52
    elif name.endswith(".csv"):
        assert len(path.read_text().splitlines()) == 53
    else:
        assert path.read_bytes()[:4] == b"glTF"


def test_refusals_come_before_work(pipe: TalkingHeadPipeline, wav: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.livelink\.csv"):
        pipe.write_motion(tmp_path / "m.json", wav)
    with pytest.raises(UsageError, match="is an input"):
        pipe.write(wav, PHOTO, wav)
    with pytest.raises(MediaError):
        pipe.write_motion(tmp_path / "no" / "m.glb", wav)
    with pytest.raises(UsageError, match="did you mean happy"):
        pipe.speak(wav, config=TalkConfig(emotion="hapy"))


def test_long_sound_in_flat_memory(pipe: TalkingHeadPipeline, tmp_path: Path) -> None:
    """Ten minutes take less than half a megabyte a second of speech, whatever their sound."""

    def pieces() -> Iterator[np.ndarray]:
        for k in range(20):
            yield voice(30, 130 + 5 * (k % 4), 0.2, seed=k)

    with soundfile.SoundFile(tmp_path / "l.wav", "w", 16_000, 1) as file:
        for piece in pieces():
            file.write(piece)
    pipe.speak(tmp_path / "l.wav", config=CALM)  # imports and caches
    tracemalloc.start()
    motion = pipe.speak(tmp_path / "l.wav", config=CALM)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(motion) == 15_000
    assert peak < 250e6


@pytest.mark.slow
def test_video_has_the_sound_at_offset_zero(
    pipe: TalkingHeadPipeline, wav: Path, tmp_path: Path
) -> None:
    out = pipe.write(tmp_path / "o.mp4", PHOTO, wav, options=SaveOptions(motion=tmp_path / "m.npz"))
    info = probe(out)
    assert info.fps == 25 and info.has_audio and info.frame_count == 52
    original, muxed = load_speech(wav).samples, load_speech(out).samples
    size = min(len(original), len(muxed))
    lags = np.arange(-200, 201)
    match = [np.dot(original[400 : size - 400], muxed[400 + k : size - 400 + k]) for k in lags]
    assert abs(lags[int(np.argmax(match))]) <= 16, "within a millisecond"
    assert len(Motion.load(tmp_path / "m.npz")) == 52


@pytest.mark.slow
def test_sound_of_a_video_that_starts_later(pipe: TalkingHeadPipeline, tmp_path: Path) -> None:
    """The mouth follows the sound of a video as the video plays it."""
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(50), sound=True)
    out = pipe.write(tmp_path / "o.mp4", PHOTO, clip, config=CALM)
    assert abs(probe(out).frame_count / 25 - load_speech(clip).duration) < 0.08
    assert MOTION.is_file() and sum(1 for _ in read_video(out)) == probe(out).frame_count
