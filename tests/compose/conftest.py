import pytest

from facegen.compose import Reference, Warper
from tests.compose.scene import make_scene


@pytest.fixture(scope="package")
def scene(head):
    return make_scene(head)


@pytest.fixture(scope="package")
def reference(head, scene):
    return Reference.build(scene.photo, scene.fit, head, matte=scene.matte, window_size=256)


@pytest.fixture(scope="package")
def warper(reference):
    return Warper(reference)


@pytest.fixture(scope="package")
def drive(head, scene):
    """Vertices of the scene's head with other values, see ``scene.still``."""
    from facegen.posing import pose_vertices
    from tests.compose.scene import still

    return lambda **values: pose_vertices(head, still(head, scene.fit.camera, **values))
