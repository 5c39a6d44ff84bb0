"""Plans and builders: jobs, splits, continuing, and real pairs of the packaged photo."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from facegen.data.build import build_windows
from facegen.data.clips import choose_frames
from facegen.data.photos import random_head
from facegen.data.plan import Plan, jobs, plan_summary
from facegen.data.windows import WindowSet
from facegen.demo import MOTION, PHOTO
from facegen.errors import UsageError
from facegen.motion import Motion

RENDERS = "size: 64\nrounds: {rounds}\nrenders:\n  - {{people: 2, licence: CC0-1.0, pairs: 2}}\n"


def plan(tmp_path, text, **names):
    path = tmp_path / "plan.yaml"
    path.write_text(text.format(**names) if names else text)
    return Plan.read(path)


@pytest.fixture()
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    for name in ("one", "two", "three"):
        shutil.copy(PHOTO, folder / "photos" / f"{name}.jpg")
    return folder


PHOTOS = """
size: 64
photos:
  - {files: "photos/*.jpg", licence: CC0-1.0, pairs: 2, held: [two], skip: [three]}
"""


def test_held_and_skipped_files_are_kept_apart(tmp_path, data):
    wanted = list(jobs(plan(tmp_path, PHOTOS), data))
    names = {job.split: [source.name for source in job.sources] for job in wanted}
    assert names == {"held": ["photos/two.jpg"], "train": ["photos/one.jpg"]}
    assert plan_summary(plan(tmp_path, PHOTOS), data)["held photo"] == {"sources": 1, "pairs": 2}


def test_seeds_depend_on_file_and_round_and_nothing_else(tmp_path, data):
    def seeds(text):
        return {s.name: s.seed for job in jobs(plan(tmp_path, text), data) for s in job.sources}

    alone, more = seeds(PHOTOS), seeds(PHOTOS.replace(", skip: [three]", ""))
    assert more["photos/one.jpg"] == alone["photos/one.jpg"]
    assert len(set(more.values())) == 3


@pytest.mark.parametrize(
    "text", ["photos: 3", "nonsense: 1", "photos:\n  - {file: x}", "- a", "x: ["]
)
def test_what_is_no_plan_is_refused(tmp_path, text):
    with pytest.raises(UsageError, match="not a plan"):
        plan(tmp_path, text)


def test_a_pattern_without_files_is_an_error(tmp_path, data):
    with pytest.raises(UsageError, match="no file matches"):
        list(jobs(plan(tmp_path, PHOTOS.replace("*.jpg", "*.gif")), data))


def test_a_group_may_have_rounds_of_its_own(tmp_path, data):
    def files(entry):
        text = "rounds: 2\n" + PHOTOS.replace("skip", f"{entry}skip")
        return {job.file: job.fingerprint for job in jobs(plan(tmp_path, text), data)}

    both, one = files(""), files("rounds: 1, ")
    assert len(both) == 4 and len(one) == 2
    assert one.items() < both.items(), "and what was made stays good"


def test_people_are_named_by_file_by_group_or_by_pattern(tmp_path, data):
    def identities(entry):
        text = PHOTOS.replace("held: [two]", entry)
        return {s.identity for job in jobs(plan(tmp_path, text), data) for s in job.sources}

    assert identities("held: []") == {"one", "two"}
    assert identities("person: somebody") == {"somebody"}
    assert identities('person: "(o)"') == {"o"}


def test_a_second_run_continues_and_more_rounds_only_add(tmp_path):
    out = tmp_path / "out"
    made = []
    first = build_windows(plan(tmp_path, RENDERS, rounds=1), tmp_path, out, report=made.append)
    assert len(made) == 1 and first["shards"][0]["count"] == 4
    before = (out / first["shards"][0]["file"]).read_bytes()
    build_windows(plan(tmp_path, RENDERS, rounds=1), tmp_path, out, report=made.append)
    assert len(made) == 1, "nothing was made again"
    more = build_windows(plan(tmp_path, RENDERS, rounds=2), tmp_path, out, report=made.append)
    assert len(made) == 2 and len(more["shards"]) == 2
    assert (out / first["shards"][0]["file"]).read_bytes() == before
    (out / first["shards"][0]["file"]).unlink()
    build_windows(plan(tmp_path, RENDERS, rounds=2), tmp_path, out, report=made.append)
    assert (out / first["shards"][0]["file"]).read_bytes() == before, "the same again"


def test_renders_show_what_their_maps_say(tmp_path, head):
    build_windows(plan(tmp_path, RENDERS, rounds=1), tmp_path, tmp_path / "out")
    windows = WindowSet(tmp_path / "out", head)
    for i in range(len(windows)):
        row = windows[i]
        mesh, matte = (row["region"] > 0).numpy(), row["matte"][0].numpy() > 0.5
        assert (mesh & matte).sum() / (mesh | matte).sum() > 0.9


def test_random_heads_stay_within_the_model(head):
    fit = Motion.load(MOTION)[40:41]
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = random_head(fit, head, rng)
        assert (other.expression[0] >= head.expression_bounds[:, 0] - 1e-6).all()
        assert (other.expression[0] <= head.expression_bounds[:, 1] + 1e-6).all()
        assert np.degrees(np.abs(other.neck_pose - fit.neck_pose)).max() < 30
        assert np.array_equal(other.betas, fit.betas)


def test_targets_differ_from_the_reference():
    motion = Motion.load(MOTION)
    reference, targets = choose_frames(motion, 12, np.random.default_rng(1))
    assert len(set(targets)) == 12 and reference not in targets and targets == sorted(targets)
    few = choose_frames(motion[:3], 12, np.random.default_rng(1))[1]
    assert len(few) == 2
    with pytest.raises(UsageError, match="fewer than two"):
        choose_frames(motion[:1], 4, np.random.default_rng(1))


@pytest.mark.slow
def test_photos_through_the_command(tmp_path, data, head):
    from facegen.cli import app

    (tmp_path / "plan.yaml").write_text(PHOTOS)
    shutil.copy(data / "photos" / "one.jpg", data / "photos" / "wall.jpg")
    from facegen.media import write_image

    write_image(data / "photos" / "wall.jpg", np.full((64, 64, 3), 128, np.uint8))
    runner = CliRunner()
    arguments = [str(tmp_path / "plan.yaml"), "-o", str(tmp_path / "out"), "--data", str(data)]
    run = runner.invoke(app, ["data", "windows", *arguments])
    assert run.exit_code == 0, run.output
    assert "2 windows to train, 2 held back" in run.output
    assert "left out photos/wall.jpg" in run.output
    train = WindowSet(tmp_path / "out", head, check=True)
    row = train[0]
    # The photo comes back, but not all of it.
    error = (row["warped"] - row["target"]).abs()
    assert 0.003 < error.mean() < 0.12
    known = row["visibility"] > 0.9
    assert error[known.expand_as(error)].mean() < error[~known.expand_as(error)].mean()
    sheet = tmp_path / "sheet.png"
    run = runner.invoke(app, ["data", "show", str(tmp_path / "out"), "-o", str(sheet)])
    assert run.exit_code == 0 and sheet.stat().st_size > 10_000
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["shards"]
