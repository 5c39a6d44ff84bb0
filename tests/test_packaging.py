"""The source archive, the wheel made from it, and the command installed from that wheel."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_LINK = "120000"  # git's mode of a symbolic link
_BUDGET = 90e6  # bytes of either archive: 80 MB of weights and the code


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive and the wheel that was built from it."""
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("source") / "facegen"
    # A copy, for building writes egg-info beside the sources; without links, as Windows checks out.
    run("git", "clone", "--quiet", "-c", "core.symlinks=false", str(ROOT), str(source))
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source))
    return out


@pytest.fixture(scope="module")
def wheel(archives: Path) -> Path:
    return next(archives.glob("*.whl"))


@pytest.mark.slow
def test_source_archive_is_whole_and_holds_nothing_private(archives: Path) -> None:
    archive = next(archives.glob("*.tar.gz"))
    with tarfile.open(archive) as opened:
        names = ["/".join(name.split("/")[1:]) for name in opened.getnames()]
    for needed in ("pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "flame/model.py"):
        assert needed in names
    assert not [n for n in names if n.startswith((".", "tests/data")) or n.endswith(".pyc")]
    assert archive.stat().st_size < _BUDGET


@pytest.mark.slow
def test_wheel_holds_the_three_rooms_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"facegen"}
    tracked = run("git", "ls-files", "-s", "facegen", "flame", "pipelines", "checkpoints", cwd=ROOT)
    for line in tracked.stdout.splitlines():
        mode, path = line.split()[0], line.split("\t")[1]
        if mode != _LINK:
            assert (path if path.startswith("facegen/") else f"facegen/{path}") in names
    assert not [n for n in names if n.split("/")[-1].startswith("test_") or "tests/" in n]
    assert wheel.stat().st_size < _BUDGET


@pytest.mark.slow
def test_installed_command_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    run(*pip, str(wheel))
    environment = os.environ | {"PYTHONPATH": str(site), "FACEGEN_HOME": str(tmp_path / "home")}
    where = run(
        sys.executable,
        "-c",
        "import facegen.flame.model as m; print(m.__file__)",
        cwd=tmp_path,
        env=environment,
    )
    assert where.stdout.startswith(str(site))
    run(sys.executable, "-m", "facegen", "doctor", cwd=tmp_path, env=environment)
