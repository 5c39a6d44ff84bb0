"""Changes at read time keep a pair a pair."""

import pytest
import torch

from facegen.data.augment import AugmentConfig, augment, flipped
from facegen.data.windows import WindowSet

OFF = {"flip": 0.0, "colour": 0.0, "degrade": 0.0, "erase": 0.0, "occlude": 0.0}


@pytest.fixture(scope="module")
def batch(cache, head):
    return WindowSet(cache, head).batch([0, 1])


def change(batch, head, seed=0, **chances):
    return augment(batch, head, seed, AugmentConfig(**OFF | chances))


def test_nothing_asked_nothing_changed(batch, head):
    same = change(batch, head)
    assert all(torch.equal(same[name], batch[name]) for name in batch)


def test_a_seed_decides_and_the_batch_does_not(batch, head):
    first, again = (augment(batch, head, 5) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(augment(batch, head, 6)["target"], first["target"])


def test_flipping_twice_is_nothing(batch, head):
    window = {name: value[1] for name, value in batch.items()}
    twice = flipped(flipped(window, head), head)
    assert all(torch.equal(twice[name], window[name]) for name in window)


def test_a_mirrored_left_eye_is_a_right_eye(batch, head):
    window = {name: value[0] for name, value in batch.items()}
    mirror = flipped(window, head)
    left, right = (head.region_names.index(n) for n in ("eye_left", "eye_right"))
    assert torch.equal(mirror["region"] == left, (window["region"] == right).flip(-1))
    assert torch.equal(mirror["normal"][0], -window["normal"][0].flip(-1))


def test_colours_change_alike_in_all_pictures(batch, head):
    """At rest the warp is the truth; it still is after a change of colours."""
    new = change(batch, head, seed=3, colour=1.0)
    before = (batch["warped"][0] - batch["target"][0]).abs().mean()
    after = (new["warped"][0] - new["target"][0]).abs().mean()
    assert (new["target"][0] - batch["target"][0]).abs().mean() > 0.02
    assert after < before + 0.02


def test_what_is_erased_is_not_visible_and_stays_the_truth(batch, head):
    new = change(batch, head, seed=1, erase=1.0)
    assert torch.equal(new["target"], batch["target"])
    lost = (new["warped"] - batch["warped"]).abs().amax(1, keepdim=True) > 0.2
    assert lost.any()
    assert (new["visibility"][lost] < 0.95).all()


def test_an_occluder_stands_in_truth_and_warp_alike(batch, head):
    new = change(batch, head, seed=2, occlude=1.0)
    changed = (new["target"] - batch["target"]).abs().amax(1) > 0.3
    assert changed.any()
    gap = (new["target"] - new["warped"]).abs().amax(1)
    # Where the thing covers fully, both show it.
    assert gap[changed].median() < 0.1


def test_only_what_is_given_degrades(batch, head):
    new = change(batch, head, seed=1, degrade=1.0)
    assert torch.equal(new["target"], batch["target"])
    assert not torch.equal(new["warped"], batch["warped"])
    assert not torch.equal(new["reference"], batch["reference"])
