"""The engine on written clips: problems are counted, two runs are identical."""

import numpy as np
import pytest

from facegen.demo import PHOTO
from facegen.evaluation import report
from facegen.evaluation.baselines import Copy, GroundTruth, Similarity2d
from facegen.evaluation.catalogue import catalogue, embedded_metrics
from facegen.evaluation.crops import crop, crop_matrix
from facegen.evaluation.engine import evaluate
from facegen.evaluation.footage import SelfFootage
from facegen.evaluation.protocol import folder_tasks
from facegen.evaluation.results import Results, Worst, merge
from facegen.evaluation.roles import Origin
from facegen.faces import find_landmarks
from facegen.media import read_image


class Faulty:
    """Half size, a black frame, and nothing at all from frame 10 on."""

    origin = Origin("faulty")

    def open(self, footage):
        def play(frame):
            if frame.index >= 10:
                return None
            image = frame.shot.drive
            return np.zeros_like(image) if frame.index == 8 else image[::2, ::2].copy()

        return play, []


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    import av

    folder = tmp_path_factory.mktemp("clips")
    photo = read_image(PHOTO).rgb
    still = crop(photo, crop_matrix([find_landmarks(photo)]))
    with av.open(str(folder / "sway.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", 25)
        stream.width = stream.height = 256
        for k in range(12):
            picture = np.roll(still, round(4 * np.sin(k * 0.7)), axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


def run(folder, film=SelfFootage):
    methods = [GroundTruth(), Copy(), Similarity2d(), Faulty()]
    tasks = folder_tasks(folder, 2)
    found = evaluate(tasks, methods, catalogue().metrics, sets=catalogue().sets, film=film)
    return merge([r for _, r in found])


def test_engine(clip, tmp_path):
    results = run(clip)
    value = {(r.method, r.metric, r.part): r for r in results.rows}
    assert value["truth", "psnr", "face"].value == 100
    order = [value[m, "ssim", "face"].value for m in ("copy", "similarity", "truth")]
    assert order == sorted(order)
    assert value["copy", "jerk", "gap"].value > value["truth", "jerk", "gap"].value == 0
    faulty = value["faulty", "akd", "all"]
    assert (faulty.frames, faulty.missing) == (6, 3)
    problems = {(c, m, p.split(":")[0]): n for (c, m, p), n in results.issues.items()}
    assert problems["sway", "faulty", "frames not delivered"] == 2
    assert problems["sway", "faulty", "frames of another size"] == 6
    assert problems["sway", "faulty", "no face in the method's frame"] == 1
    assert problems["broken", "all", "clip failed"] == 1

    for name, found in (("a", results), ("b", run(clip))):
        report.write_report(found, catalogue(), tmp_path / name)
    for name in ("clips.csv", "sets.csv", "table.md", "table.json", "worst/psnr.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    table = (tmp_path / "a" / "table.md").read_text()
    assert "- aed, apd: no estimator but the one that makes the motion (--judges)" in table
    speed = (tmp_path / "a" / "speed.csv").read_text().splitlines()
    assert {w.method for w in results.worst} == {"copy", "similarity", "faulty"}
    assert [line.split(",")[:3] for line in speed[1:]] == [
        ["sway", "truth", "9"], ["sway", "copy", "9"], ["sway", "similarity", "9"],
        ["sway", "faulty", "7"],
    ]  # fmt: skip
    assert "| faulty | 1 | 7 |" in (tmp_path / "a" / "speed.md").read_text()


def test_a_clip_is_decoded_once_and_a_long_one_in_flat_memory(clip, monkeypatch):
    from facegen.media import VideoReader

    passes = []
    decode = VideoReader.__iter__
    monkeypatch.setattr(VideoReader, "__iter__", lambda self: passes.append(1) or decode(self))
    task = folder_tasks(clip, 2)[1]
    kept = SelfFootage(task, 5)
    shots = list(kept.shots())
    assert len(passes) == 1 and [s.index for s in shots] == kept.indices
    long = SelfFootage(task, 5, keep_bytes=0)
    for a, b in zip(shots, long.shots(), strict=True):
        assert a.run == b.run and np.array_equal(a.drive, b.drive)
    assert len(passes) == 3
    assert np.array_equal(kept.canvas, long.canvas)


def test_one_of_two_people_is_kept_in_all_pictures(clip, tmp_path):
    """The larger face of the reference frame shrinks below the other one afterwards."""
    import av
    import cv2

    photo = read_image(PHOTO).rgb
    still = crop(photo, crop_matrix([find_landmarks(photo)]))
    with av.open(str(tmp_path / "two.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", 25)
        stream.width, stream.height = 512, 256
        for k in range(8):
            picture = np.zeros((256, 512, 3), np.uint8)
            for left, side in ((0, 256 - 12 * k), (256, 224)):
                small = cv2.resize(still, (side, side), interpolation=cv2.INTER_AREA)
                picture[:side, left : left + side] = small
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    footage = SelfFootage(folder_tasks(tmp_path, 1)[0])
    middle = (128 - footage.canvas[:, 2]) / np.diag(footage.canvas)
    assert footage.reference.middle[0] < 256 and middle[0] < 200
    task = folder_tasks(tmp_path, 1)
    [(_, found)] = evaluate(task, [GroundTruth(), Copy()], embedded_metrics(), film=SelfFootage)
    akd = {r.method: r.value for r in found.rows if r.metric == "akd"}
    # The other person stands about 4 inter-ocular distances away.
    assert akd["truth"] == 0 and akd["copy"] < 1.5


def test_only_the_worst_frames_that_a_sheet_shows_are_kept():
    image = np.zeros((4, 4, 3), np.uint8)

    def clip_with(badness):
        name = f"clip{badness}"
        return Results(worst=[Worst(name, m, "psnr", 1.0, badness, 0, image, image) for m in "ab"])

    total = merge(clip_with(b) for b in (3, 9, 1, 7, 5, 8))
    for method in "ab":
        assert [w.badness for w in total.worst if w.method == method] == [9, 8, 7, 5]
