"""The source archive, the wheel made from it, and the command installed from that wheel."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_LINK = "120000"  # git's mode of a symbolic link
_PLAN = "{size: 64, identities: {people: [{count: 2, samples: 1}]}, split: {train: 0.5, test: 0.5}}"
_BUDGET = 90e6  # bytes of either archive: 80 MB of weights and the code


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def linkless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy as Windows checks out: no links, CR LF. Building writes beside the sources."""
    source = tmp_path_factory.mktemp("source") / "facegen"
    windows = ["-c", "core.symlinks=false", "-c", "core.autocrlf=true"]
    run("git", "clone", "--quiet", *windows, str(ROOT), str(source))
    return source


@pytest.fixture(scope="module")
def archives(linkless: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive and the wheel that was built from it."""
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(linkless))
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


@pytest.mark.slow
def test_checkout_without_links_installs_and_runs(linkless: Path, tmp_path: Path) -> None:
    """Editable, in an environment of its own; its processes are spawned, as elsewhere than here."""
    assert not (linkless / "facegen" / "flame").is_symlink()
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    site = next(home.glob("lib*/python*/site-packages"))
    # The packages of this environment, but not its own facegen: links in there are not followed.
    (site / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--prefix", str(home)]
    # Else pip would take facegen out of the environment that runs this test.
    options += ["--ignore-installed"]
    run(sys.executable, "-m", "pip", "install", *options, "--editable", str(linkless))
    python = str(next(home.glob("*/python")))
    (tmp_path / "plan.yaml").write_text(_PLAN, encoding="utf-8")
    code = "import facegen.flame.model as m; print(m.__file__)"
    assert run(python, "-c", code, cwd=tmp_path).stdout.strip() == str(
        linkless / "flame" / "model.py"
    )
    making = ["synth", "--plan", "plan.yaml", "--out", "set", "--workers", "2"]
    run(python, "-m", "facegen", *making, cwd=tmp_path)
    assert (tmp_path / "set" / "dataset.json").is_file()
