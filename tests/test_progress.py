"""A bar on a terminal, silence elsewhere."""

import io
import re
import sys

import pytest

from facegen.progress import heard_by, progress, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    """The text without colour and cursor codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    pipe = io.StringIO()
    assert list(progress(range(5), 5, stream=pipe)) == list(range(5))
    assert list(progress(range(5), 5)) == list(range(5))
    with progress_bar(3, "working", stream=pipe) as advance:
        advance()
        advance(2)
    assert pipe.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_silent_without_a_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs without a console (pythonw) have none."""
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress(range(3), 3)) == [0, 1, 2]


def test_counts_on_a_terminal() -> None:
    stream = Terminal()
    assert list(progress(range(7), 7, "painting", stream=stream)) == list(range(7))
    assert "painting" in shown(stream)
    assert "7/7" in shown(stream)


def test_standard_error_is_the_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    list(progress(range(2), 2, "painting"))
    assert "2/2" in shown(sys.stderr)
    assert capsys.readouterr().out == ""


def test_unknown_total_and_earlier_work() -> None:
    stream = Terminal()
    list(progress(range(4), None, "reading", stream=stream))
    assert "4/?" in shown(stream)
    stream = Terminal()
    list(progress(range(4), 10, "painting", done=6, stream=stream))
    assert "10/10" in shown(stream)
    assert "6/10" in shown(stream) or "7/10" in shown(stream) or "10/10" in shown(stream)


def test_steps_of_several() -> None:
    stream = Terminal()
    with progress_bar(6, "working", stream=stream) as advance:
        advance(2)
        advance(4)
    assert "6/6" in shown(stream)


def test_errors_pass_and_the_terminal_is_given_back() -> None:
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), progress_bar(3, "working", stream=stream):
        raise KeyboardInterrupt
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert stream.getvalue().count(hide) == stream.getvalue().count(show)
    assert stream.getvalue().rfind(show) > stream.getvalue().rfind(hide)


def test_items_are_passed_on_one_by_one() -> None:
    taken = []
    items = progress((taken.append(i) or i for i in range(9)), 9, stream=io.StringIO())
    assert (next(items), next(items)) == (0, 1)
    assert taken == [0, 1]


def test_a_listener_hears_every_step_instead_of_the_terminal() -> None:
    stream, heard = Terminal(), []
    with heard_by(lambda *news: heard.append(news)):
        assert list(progress("ab", 5, "painting", done=3, stream=stream)) == ["a", "b"]
    assert heard == [("painting", 3, 5), ("painting", 4, 5), ("painting", 5, 5)]
    assert stream.getvalue() == ""
    list(progress("ab", 2, "painting", stream=stream))
    assert len(heard) == 3, "later work is its own"


def test_a_listener_stops_the_work_by_raising() -> None:
    def listener(what: str, done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    taken = []
    with pytest.raises(KeyboardInterrupt), heard_by(listener):
        for item in progress(range(9)):
            taken.append(item)
    assert taken == [0, 1]
