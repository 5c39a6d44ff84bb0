"""Packing: whole shards, within the room, all kinds, both splits."""

import pytest

from facegen.data import TINY
from facegen.data.pack import pack_windows
from facegen.data.windows import WindowSet
from facegen.errors import MediaError, UsageError


def test_a_pack_fits_and_is_a_cache(tmp_path, head):
    manifest = pack_windows(TINY, tmp_path / "small", 0.5, held=0.2)
    assert 0 < sum(shard["bytes"] for shard in manifest["shards"]) <= 0.5e6
    train = WindowSet(tmp_path / "small", head, check=True)
    assert {m.kind for m in train.metas} == {"photo", "render"}
    assert len(WindowSet(tmp_path / "small", head, split="held")) == 6


def test_room_for_all_takes_all_and_seeds_draw_alike(tmp_path, head):
    assert len(pack_windows(TINY, tmp_path / "all", 10, held=0.5)["shards"]) == 5
    first = pack_windows(TINY, tmp_path / "a", 0.3, seed=3)
    again = pack_windows(TINY, tmp_path / "b", 0.3, seed=3)
    assert first == again


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no shard"):
        pack_windows(TINY, tmp_path / "none", 0.001)
    pack_windows(TINY, tmp_path / "some", 1)
    with pytest.raises(MediaError, match="not empty"):
        pack_windows(TINY, tmp_path / "some", 1)
