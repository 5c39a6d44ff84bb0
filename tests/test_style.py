"""House rules a machine can see, and the direction in which rooms may import each other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("facegen", "flame", "pipelines", "checkpoints")
    for path in (ROOT / folder).rglob("*.py")
    if not any(part.is_symlink() for part in path.parents)
)
# cli and app stand on top, then pipelines, then the machine, then the head model.
LEVELS = {"flame": 0, "checkpoints": 0, "facegen": 1, "pipelines": 2, "cli": 3}
# Leaves without imports of their own that every level may use.
COMMON = {"facegen.errors", "facegen._optional", "facegen.__version__"}


def level(module: str) -> int:
    if module == "facegen.__init__":  # the public face: lazy names of every room
        return LEVELS["cli"]
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else ""
    if name in ("flame", "checkpoints", "pipelines", "cli"):
        return LEVELS[name]
    return LEVELS["cli"] if name in ("__main__", "app") else LEVELS["facegen"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "facegen" else ("facegen", *parts))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {n for n in names if n.startswith("facegen.")}


def common(name: str) -> bool:
    return any(name == c or name.startswith(c + ".") for c in COMMON)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    module = module_name(path)
    assert text.count("\n") <= 400, "file longer than 400 lines"
    long = [
        f"{node.name}: {node.end_lineno - node.lineno} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno > 60
    ]
    assert not long, long
    suspended = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and re.search("no_grad|inference_mode|autocast", ast.unparse(node.items[0]))
        and any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node))
    ]
    assert not suspended, f"yields inside a torch mode, which its caller would inherit: {suspended}"
    backwards = {n for n in imported(tree) if level(n) > level(module) and not common(n)}
    assert not backwards, f"{module} imports from a higher room: {backwards}"
    if not module.startswith(("facegen.cli", "facegen.__main__")):
        assert not re.search(r"^\s*print\(", text, re.M), "print outside the command line"
    assert "sys.path" not in text
    assert not re.search(r"""["']/(home|work|root|mnt|Users)/""", text), "absolute path"
    assert not re.search(r"strict\s*=\s*False.*load|load.*strict\s*=\s*False", text)
    assert not re.search(r"str\([\w.]+\.relative_to\(", text), "as_posix: names in files use /"
    assert not re.search(r"\bos\.fork|ProcessPoolExecutor\((?!.*mp_context)", text), (
        "not on Windows"
    )
    assert not re.search(r"\bpickle\.loads?\(|(?<!\.)\b(eval|exec)\(", text)


def test_bare_imports_are_refused_with_a_message(tmp_path: Path) -> None:
    import subprocess
    import sys

    for name in ("flame", "pipelines", "checkpoints"):
        run = subprocess.run(
            [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
        )
        assert run.returncode != 0
        assert f"import facegen.{name}" in run.stderr


def test_every_package_is_listed_for_the_wheel() -> None:
    """A forgotten subpackage imports fine from the checkout but is absent from the wheel."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = set(re.findall(r'^    "(facegen[\w.]*)",$', text, re.M))
    real = {
        module_name(path).removesuffix(".__init__")
        for path in SOURCES
        if path.name == "__init__.py"
    }
    assert listed == real
