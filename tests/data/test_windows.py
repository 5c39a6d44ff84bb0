"""The cached format: what is written is what is read."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.compose.conditions import MOUTH
from facegen.data.windows import WindowSet, decode_picture, encode_picture, write_shard
from facegen.errors import ModelFileError

SIGNED = ("target", "reference", "warped", "normal")
UNIT = ("visibility", "moved", "matte", "depth", "mouth", "eyes", "inside", "render")


def test_reading_gives_back_the_pictures(cache, windows, head):
    read = WindowSet(cache, head)
    assert len(read) == 2
    for row, window in zip((read[0], read[1]), windows[:2], strict=True):
        for name in ("target", "reference", "warped"):
            picture = ((row[name] + 1) * 127.5).permute(1, 2, 0).numpy()
            # The scene's pattern is harsher than any photo.
            assert np.abs(picture - getattr(window, name)).mean() < 8
        for name in ("matte", "moved", "visibility"):
            assert np.abs(row[name][0].numpy() * 255 - getattr(window, name)).mean() < 4


def test_batch_has_the_promised_shapes_and_ranges(cache, head):
    batch = WindowSet(cache, head).batch([1, 0, 1])
    for name in SIGNED:
        assert batch[name].shape == (3, 3, 64, 64) and batch[name].abs().max() <= 1
        assert batch[name].min() < -0.2, name
    for name in UNIT:
        channels = 3 if name == "render" else 1
        assert batch[name].shape == (3, channels, 64, 64)
        assert batch[name].min() >= 0 and batch[name].max() <= 1
        assert batch[name].max() > 0.2, name
    assert batch["region"].dtype == torch.int64 and int(batch["region"].max()) < 12
    assert torch.equal(batch["target"][0], batch["target"][2])
    assert not torch.equal(batch["target"][0], batch["target"][1])


def test_geometry_is_redrawn_where_the_target_stands(cache, windows, head):
    """The maps of the reader show the head where the picture shows it."""
    row = WindowSet(cache, head)[0]
    mesh = (row["region"] > 0).numpy()
    matte = windows[0].matte > 127
    # The person of the scene is the mesh itself.
    assert (mesh & matte).sum() / (mesh | matte).sum() > 0.97


def test_an_opened_mouth_is_in_the_mouth_mask_and_not_visible(cache, head):
    row = WindowSet(cache, head)[1]
    inside = np.isin(row["region"].numpy(), head.region_ids(*MOUTH))
    assert inside.sum() > 8
    assert row["mouth"][0].numpy()[inside].all()
    assert row["visibility"][0].numpy()[inside].mean() < 0.1


def test_held_windows_are_read_only_when_asked_for(cache, head):
    assert len(WindowSet(cache, head, split="held")) == 1
    assert all(m.split == "train" for m in WindowSet(cache, head).metas)
    with pytest.raises(ModelFileError, match="no train windows of clip"):
        WindowSet(cache, head, kinds=["clip"])


def test_inside_ends_at_the_edge_of_the_picture(cache, head):
    held = WindowSet(cache, head, split="held")
    x0, _, side = held.metas[0].window
    edge = (held.metas[0].picture[0] - x0) * 64 / side
    assert edge < 64
    inside = held[0]["inside"][0]
    assert inside[32, : int(edge) - 1].all() and not inside[32, int(edge) + 1 :].any()


def test_writing_twice_gives_equal_bytes(tmp_path, windows):
    for name in ("a", "b"):
        write_shard(tmp_path / name, windows)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_shared_reference_is_kept_once(tmp_path, windows):
    one = write_shard(tmp_path / "one", windows[:1])
    assert one == 1
    write_shard(tmp_path / "two", [windows[0], windows[0]])
    parts = [encode_picture(getattr(windows[0], n)) for n in ("target", "warped", "reference")]
    grown = (tmp_path / "two").stat().st_size - (tmp_path / "one").stat().st_size
    # Head parameters and the description only: no picture a second time.
    assert grown < 2600 < sum(map(len, parts))


def test_no_windows_make_no_shard(tmp_path):
    assert write_shard(tmp_path / "none", []) == 0
    assert not (tmp_path / "none").exists()


def test_a_changed_shard_is_noticed(cache, head, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(cache, copy)
    data = bytearray((copy / "a.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "a.safetensors").write_bytes(bytes(data))
    WindowSet(copy, head)
    with pytest.raises(ModelFileError, match="build it anew"):
        WindowSet(copy, head, check=True)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99, "shards": []}'])
def test_what_is_no_cache_is_refused(tmp_path, head, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelFileError):
        WindowSet(tmp_path, head)


def test_another_head_is_refused(cache, head, tmp_path):
    with pytest.raises(ModelFileError, match="belongs to head model open-1"):
        WindowSet(cache, replace(head, version="other"))


def test_chances_follow_the_shares(cache, head):
    windows = WindowSet(cache, head)
    chances = windows.probabilities({"photo": 0.5, "clip": 0.5})
    assert chances.sum() == pytest.approx(1)
    with pytest.raises(ModelFileError, match="no window has a share"):
        windows.probabilities({"clip": 1.0})


def test_big_expressions_are_drawn_more_often(cache, head):
    windows = WindowSet(cache, head)
    size = windows.expressions()
    assert size[0] != size[1]
    even, favoured = (windows.probabilities({"photo": 1.0}, weight) for weight in (0, 3))
    ratio = (favoured / even) / (1 + 3 * size)
    assert favoured.sum() == pytest.approx(1) and ratio == pytest.approx(ratio[0])


def test_the_manifest_names_hashes(cache):
    manifest = json.loads((cache / "manifest.json").read_text())
    assert [len(s["sha256"]) for s in manifest["shards"]] == [64, 64]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(16, 64))
def test_pictures_survive_their_coding(seed, size):
    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 4, 3)).astype(np.uint8)
    smooth = np.asarray(cv2.resize(coarse, (size, size)))
    again = decode_picture(encode_picture(smooth))
    assert np.abs(again.astype(float) - smooth).mean() < 9


def test_the_packaged_windows_are_whole_and_free(head):
    from facegen.data import TINY

    train = WindowSet(TINY, head, check=True)
    held = WindowSet(TINY, head, split="held", check=True)
    assert (len(train), len(held), train.size) == (55, 6, 128)
    free = {"CC0-1.0", "public domain", "public domain (NASA)"}
    assert {m.licence for m in (*train.metas, *held.metas)} <= free
    assert not {m.identity for m in train.metas} & {m.identity for m in held.metas}
    assert sum(p.stat().st_size for p in TINY.iterdir()) < 1e6
