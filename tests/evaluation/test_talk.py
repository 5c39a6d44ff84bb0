"""The talk evaluation: clips that fail, methods that fail, everything counted, two runs equal."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from facegen.demo import MOTION
from facegen.errors import UsageError
from facegen.evaluation.catalogue import Catalogue
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.performance import performance_from_motion
from facegen.evaluation.predictions import Predictions
from facegen.evaluation.protocol import folder_tasks
from facegen.evaluation.report import write_report
from facegen.evaluation.results import merge
from facegen.evaluation.roles import Origin
from facegen.evaluation.talk import evaluate_talk, talk_metrics
from facegen.evaluation.talk_clip import Contrast, TalkClip
from facegen.evaluation.talk_mesh import MeshLips
from facegen.evaluation.talk_methods import (
    PredictedMotions,
    PredictedVideos,
    StillFace,
    TrueLips,
    baselines,
)
from facegen.faces import find_landmarks
from facegen.media import VideoWriter
from facegen.motion import Motion
from tests.evaluation.clips import face_picture, sway, write_frames
from tests.evaluation.speaking import make_clip, perform, sound


def stretch(picture, lips, opening):
    """The picture with what is around the point between the lips drawn apart."""
    import cv2

    y, x = np.mgrid[:256, :256].astype(np.float32)
    reach = np.exp(-(((x - lips[0]) / 26) ** 2) - ((y - lips[1]) / 22) ** 2)
    at_y = y - (y - lips[1]) * reach * 3 * opening
    return cv2.remap(picture, x, at_y.astype(np.float32), cv2.INTER_CUBIC)


def speak(path, picture, openings, fps=25, wav=None):
    lips = find_landmarks(picture)[[13, 14], :2].mean(0)
    with VideoWriter(path, 256, 256, Fraction(fps), audio_from=wav) as sink:
        for opening in openings:
            sink.write(stretch(picture, lips, opening))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two speaking clips of 16 frames, one mute, one without a face, one broken."""
    from tests.evaluation.speaking import mouth

    root = tmp_path_factory.mktemp("talk")
    picture = face_picture()
    times = np.arange(16) / 25
    for name, start in (("one", 0.0), ("two", 0.9)):
        wav = root / f"{name}.wav"
        soundfile.write(wav, sound(-start, 16 / 25), 16000)
        speak(root / f"{name}.mp4", picture, mouth(times + start + 0.02), wav=wav)
    (root / "one.align").write_text("2500 12500 pin\n12500 15000 at\n")
    write_frames(root / "mute.mp4", sway(picture, 16))
    write_frames(root / "blank.mp4", [np.zeros((256, 256, 3), np.uint8)] * 4)
    (root / "broken.mp4").write_bytes(b"no video")
    return root


def run(folder, methods=None, **more):
    tasks = folder_tasks(folder, 0)
    parts = evaluate_talk(tasks, methods or baselines(), talk_metrics(), **more)
    return merge([r for _, r in parts])


def test_what_fails_is_counted(folder, tmp_path):
    results = run(folder)
    value = {
        (r.clip, r.method): r
        for r in results.rows
        if r.part == "zero_lag" and r.metric == "opening_correlation"
    }
    assert value["one", "truth"].value == 1
    assert value["one", "copy"].value == 0
    assert value["one", "energy"].value > 0.5
    assert value["one", "truth"].frames == 16
    problems = {(c, m, p.split(":")[0]): n for (c, m, p), n in results.issues.items()}
    assert problems["broken", "all", "clip failed"] == 1
    assert problems["blank", "all", "clip failed"] == 1
    assert problems["mute", "energy", "method failed"] == 1
    assert problems["all", "energy", "width_correlation not measured"] == 2
    sync = "sync_lip-opening-vs-loudness not measured"
    assert problems["mute", "all", sync] == 1
    assert ("one", "all", sync) not in problems
    assert {c for c, _, p in problems if p.startswith("bilabial")} == {"mute", "two"}
    # "Other" is the clip before; before the first one stands the last, which failed.
    assert ("mute", "lips_of_other") in value and ("one", "lips_of_other") in value

    again = run(folder)
    for name, found in (("a", results), ("b", again)):
        write_report(found, Catalogue(tuple(talk_metrics())), tmp_path / name, baseline="copy")
    for name in ("clips.csv", "table.md", "table.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_single_clip_has_no_other(tmp_path, folder):
    (tmp_path / "one.mp4").write_bytes((folder / "one.mp4").read_bytes())
    results = run(tmp_path)
    failed = {m for (_, m, p), _ in results.issues.items() if "needs a second clip" in p}
    assert failed == {"energy_of_other", "lips_of_other"}


def test_predicted_videos_of_another_rate_and_length(folder, tmp_path):
    from tests.evaluation.speaking import mouth

    picture = face_picture()[::2, ::2].repeat(2, 0).repeat(2, 1)
    speak(tmp_path / "one.mp4", picture, mouth(np.arange(15) / 30 + 0.02), fps=30)
    results = run(folder, [TrueLips(), PredictedVideos(Predictions("tool", tmp_path))])
    mine = {(c, p.split(":")[0]): n for (c, m, p), n in results.issues.items() if m == "tool"}
    assert mine["one", "30 fps instead of 25"] == 1
    assert mine["one", "0.14 s shorter than the clip"] == 1
    assert mine["two", "method failed"] == 1
    row = next(r for r in results.rows if (r.clip, r.method) == ("one", "tool"))
    assert row.part == "zero_lag" and row.value > 0.9
    assert (row.frames, row.missing) == (13, 3)


def test_predicted_motions(folder, tmp_path, head):
    Motion.load(MOTION)[:16].save(tmp_path / "one.motion.npz")
    (tmp_path / "two.motion.npz").write_bytes(b"rubbish")
    results = run(folder, [PredictedMotions("tool", tmp_path, head)])
    mine = {(c, p.split(":")[0]): n for (c, m, p), n in results.issues.items() if m == "tool"}
    assert mine["two", "method failed"] == mine["mute", "method failed"] == 1
    assert {r.clip for r in results.rows} == {"one"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no motion"):
        PredictedMotions("tool", tmp_path / "empty", head)


class Taught(StillFace):
    origin = Origin("taught", losses=(FACE_MESH,))


def test_a_pupil_is_not_marked_by_its_teacher(folder, tmp_path):
    (tmp_path / "mute.mp4").write_bytes((folder / "mute.mp4").read_bytes())
    refused = run(tmp_path, [Taught()])
    assert not refused.rows
    text = next(p for _, m, p in refused.issues if p.startswith("opening_correlation left out"))
    assert "also made or taught taught" in text
    allowed = run(tmp_path, [Taught()], allow_circular=True)
    assert allowed.rows
    assert any(p.startswith("circular: mediapipe") for _, _, p in allowed.issues)


def test_meshes_by_hand(head):
    """The jaw 0.1 rad too far open: lips are off by its arm, the upper face by nothing."""
    motion = Motion.load(MOTION)[:20]
    motion = replace(motion, timestamps=np.arange(20) / 25)
    clip = make_clip()
    truth = performance_from_motion(motion, head)
    clip = TalkClip("clip", clip.file, truth, None, clip.marks)
    metric = MeshLips(head)
    same = metric.measure(Contrast(clip, truth, 0.0))
    assert set(same) == {"lve", "mve", "fdd", "mod"}
    assert max(map(abs, same.values())) < 1e-4
    # Head pose and place are no matter of speech.
    moved = replace(motion, transl=motion.transl + 1, neck_pose=motion.neck_pose + 0.2)
    away = replace(truth, motion=moved)
    assert metric.measure(Contrast(clip, away, 0.0))["lve"] < 1e-4
    wide = replace(motion, jaw_pose=motion.jaw_pose + np.float32([0.1, 0, 0]))
    found = metric.measure(Contrast(clip, replace(truth, motion=wide), 0.0))
    arm = head.v_template[head.masks["lips"] > 0.9] - (head.J_regressor @ head.v_template)[2]
    longest = 1000 * 2 * np.sin(0.05) * np.linalg.norm(arm[:, 1:], axis=1).max()
    assert 0.5 * longest < found["lve"] < 1.1 * longest
    assert found["mod"] > 3 and found["mve"] < found["lve"] and abs(found["fdd"]) < 0.05
    with pytest.raises(UsageError, match="motion of head other"):
        strange = replace(truth, motion=replace(motion, basis="other"))
        metric.measure(Contrast(clip, strange, 0.0))


def test_nothing_to_measure(tmp_path):
    with pytest.raises(UsageError, match="no video"):
        folder_tasks(tmp_path)
    clip = make_clip()
    assert perform(clip.truth.opening).width is None
