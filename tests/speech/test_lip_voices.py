"""Voices made from voices."""

import numpy as np
import pytest

from facegen.speech.lip_voices import other_voice, stretched


def test_a_longer_throat_lowers_the_formants() -> None:
    views = np.zeros((1, 80), np.float32)
    views[0, 40] = 1
    assert np.argmax(stretched(views, 1.1)) > 40 > np.argmax(stretched(views, 0.9))
    np.testing.assert_allclose(stretched(views, 1.0), views, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_every_view_is_treated_alike(seed: int) -> None:
    one = np.random.default_rng(0).random((5, 80)).astype(np.float32)
    features = np.tile(one, 4)
    out = other_voice(features, np.random.default_rng(seed)).reshape(5, 4, 80)
    assert out.shape == (5, 4, 80)
    np.testing.assert_allclose(out[:, 0], out[:, 3])
    assert np.array_equal(features, np.tile(one, 4))
