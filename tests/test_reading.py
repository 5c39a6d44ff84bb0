"""Documents of unknown origin: bounded, and every damage one kind of error."""

from pathlib import Path

import pytest

from facegen import reading
from facegen.reading import inside, read_json, read_text, read_yaml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x"


def test_plain_documents(file: Path) -> None:
    file.write_text('{"a": [1, 2], "b": "\u4f60"}', encoding="utf-8")
    assert read_json(file) == {"a": [1, 2], "b": "\u4f60"}
    file.write_text("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\nagain: *b\n")
    assert read_yaml(file)["more"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    "text", ["[1]", "null", "3", '"x"', "{", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_what_is_no_table_is_refused(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ValueError):
        read_json(file)
    if not text.startswith('{"a"'):
        with pytest.raises(ValueError):
            read_yaml(file)


def test_aliases_may_not_multiply(file: Path) -> None:
    """Eleven levels of nine: three hundred bytes that write out to 31 billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    file.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="write out to more than"):
        read_yaml(file)


def test_an_alias_may_not_name_its_holder(file: Path) -> None:
    file.write_text("a: &a [1, *a]")
    with pytest.raises(ValueError, match="names what holds it"):
        read_yaml(file)


def test_tags_run_nothing(file: Path) -> None:
    file.write_text("a: !!python/object/apply:os.getcwd []")
    with pytest.raises(ValueError, match="constructor"):
        read_yaml(file)


def test_size_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    file.write_text("x" * 11)
    with pytest.raises(ValueError, match="limit"):
        read_text(file)


def test_missing_files_are_told_as_such(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(file)


@pytest.mark.parametrize("name", ["a.png", "a/b.png", "..a", "a..", "\u4f60"])
def test_names_inside(name: str) -> None:
    assert inside(Path("f"), name) == Path("f") / name


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "C:\\x",
        "C:x",
        "..\\x",
        "\\\\host\\share\\x",
        "\\x",
        "",
        ".",
    ],
)
def test_names_that_lead_out(name: str) -> None:
    with pytest.raises(ValueError, match="is no file in"):
        inside(Path("f"), name)
