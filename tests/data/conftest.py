"""Windows of the made-up scene: real code, made-up picture."""

from dataclasses import replace

import numpy as np
import pytest

from facegen.data.pairs import Origin, PairMaker, Picture
from tests.compose.scene import make_scene, still

SIZE = 64


@pytest.fixture(scope="package")
def scene(head):
    return make_scene(head, 256)


@pytest.fixture(scope="package")
def origin():
    return Origin(
        kind="photo", split="train", source="scene.png", licence="CC0-1.0", identity="nobody"
    )


@pytest.fixture(scope="package")
def maker(head, scene):
    return PairMaker(head, Picture(scene.photo, scene.fit, scene.matte), SIZE)


@pytest.fixture(scope="package")
def windows(head, scene, maker, origin):
    """Three pairs: at rest, turned with an open mouth, and shifted half out of the picture."""
    camera = scene.fit.camera
    fits = [
        scene.fit,
        still(head, camera, neck_pose=(0, 0.3, 0), jaw_pose=(0.25, 0, 0)),
        still(head, camera, transl=(0.12, 0, 0)),
    ]
    return [
        maker.pair(Picture(maker.warp(fit), fit, scene.matte, number=i), origin)
        for i, fit in enumerate(fits)
    ]


@pytest.fixture(scope="package")
def cache(tmp_path_factory, windows):
    """A cache of those pairs: two to train, one held back."""
    from facegen.data.windows import write_manifest, write_shard

    folder = tmp_path_factory.mktemp("cache")
    write_shard(folder / "a.safetensors", windows[:2])
    held = [replace(windows[2], meta=replace(windows[2].meta, split="held"))]
    write_shard(folder / "b.safetensors", held)
    entries = [
        {"file": "a.safetensors", "split": "train"},
        {"file": "b.safetensors", "split": "held"},
    ]
    write_manifest(folder, entries, {"size": SIZE})
    return folder


def close(a, b, most):
    """Mean absolute difference of two pictures, out of 255."""
    return np.abs(a.astype(float) - b.astype(float)).mean() < most
