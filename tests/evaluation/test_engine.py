"""The engine on written clips: problems are counted, two runs are identical."""

import numpy as np
import pytest

from facegen.demo import PHOTO
from facegen.evaluation import report
from facegen.evaluation.baselines import Copy, GroundTruth, Similarity2d
from facegen.evaluation.catalogue import embedded_metrics
from facegen.evaluation.crops import crop, crop_matrix
from facegen.evaluation.engine import evaluate
from facegen.evaluation.protocol import folder_tasks
from facegen.evaluation.roles import Origin
from facegen.faces import find_landmarks
from facegen.media import read_image


class Faulty:
    """Half size, a black frame, and nothing at all from frame 10 on."""

    origin = Origin("faulty")

    def open(self, task, reference, indices):
        def play(frame):
            if frame.index >= 10:
                return None
            return np.zeros_like(frame.image) if frame.index == 8 else frame.image[::2, ::2].copy()

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


def run(folder):
    methods = [GroundTruth(), Copy(), Similarity2d(), Faulty()]
    tasks = folder_tasks(folder, 2)
    return report.merge([r for _, r in evaluate(tasks, methods, embedded_metrics())])


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
        (tmp_path / name).mkdir()
        report.write_csv(found, tmp_path / name / "clips.csv")
        report.write_markdown(found, embedded_metrics(), tmp_path / name / "table.md")
        report.write_json(found, embedded_metrics(), tmp_path / name / "table.json")
    for name in ("clips.csv", "table.md", "table.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    report.write_sheets(results, tmp_path / "worst")
    assert (tmp_path / "worst" / "psnr.png").is_file()
