"""Jobs behind the page: news in order, stopped on request, failures in one line."""

from pathlib import Path
from threading import Event

import pytest

from facegen.app.jobs import Jobs, Report, Step, check_consent
from facegen.app.look import status
from facegen.errors import MediaError, UsageError


def last(jobs: Jobs, work) -> Step:
    return list(jobs.run("page", work))[-1]


def test_result_is_the_last_step() -> None:
    def work(report: Report) -> str:
        report("half", 0.5)
        return "result"

    assert last(Jobs(), work).result == "result"


def test_expected_failure_is_told_in_one_line() -> None:
    def work(report: Report) -> None:
        raise MediaError("a.mp4 is empty")

    step = last(Jobs(), work)
    assert (step.error, step.result) == ("a.mp4 is empty", None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unexpected_failure_does_not_hang() -> None:
    def work(report: Report) -> None:
        raise ZeroDivisionError

    assert "nobody expected" in last(Jobs(), work).error


def test_cancel_ends_the_job_and_only_that_of_its_page() -> None:
    jobs, begun = Jobs(), Event()

    def work(report: Report) -> str:
        while True:
            report("working")
            begun.set()

    steps = jobs.run("mine", work)
    assert next(steps).text == "working"
    begun.wait(5)
    jobs.stop("somebody else's")
    assert next(steps).text == "working"
    jobs.stop("mine")
    assert "Cancelled" in list(steps)[-1].error


def test_leaving_the_page_stops_its_job() -> None:
    ended = Event()

    def work(report: Report) -> None:
        try:
            while True:
                report("working")
        finally:
            ended.set()

    steps = Jobs().run("page", work)
    next(steps)
    steps.close()
    assert ended.wait(5)


def test_folders_are_apart_and_below_one_root() -> None:
    jobs = Jobs()
    a, b = jobs.folder(), jobs.folder()
    assert a != b
    assert a.parent == b.parent == jobs.root


def test_consent() -> None:
    check_consent(True)
    with pytest.raises(UsageError, match="owners agree"):
        check_consent(False)


def test_status_shows_text_as_text() -> None:
    shown = status('<script>"x"</script>', 0.5)
    assert "<script>" not in shown
    assert "width:50%" in shown


def test_app_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from facegen.app.page import build
    from facegen.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(MissingExtraError, match=r"facegen\[app\]"):
        build(Jobs())
