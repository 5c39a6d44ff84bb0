"""Jobs behind the page: news in order, stopped on request, failures in one line."""

from pathlib import Path
from threading import Event, Thread
from time import sleep

import pytest

from facegen.app.jobs import MOST_WAITING, Jobs, Report, Step, check_consent
from facegen.app.look import status
from facegen.errors import MediaError, UsageError
from facegen.progress import progress


def last(jobs: Jobs, work) -> Step:
    return list(jobs.run("page", work))[-1]


def test_result_is_the_last_step() -> None:
    def work(report: Report, folder: Path) -> str:
        report("half", 0.5)
        return "result"

    assert last(Jobs(), work).result == "result"


def test_expected_failure_is_told_in_one_line() -> None:
    def work(report: Report, folder: Path) -> None:
        raise MediaError("a.mp4 is empty")

    step = last(Jobs(), work)
    assert (step.error, step.result) == ("a.mp4 is empty", None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unexpected_failure_does_not_hang() -> None:
    def work(report: Report, folder: Path) -> None:
        raise ZeroDivisionError

    assert "nobody expected" in last(Jobs(), work).error


def test_cancel_ends_the_job_and_only_that_of_its_page() -> None:
    jobs, begun = Jobs(), Event()

    def work(report: Report, folder: Path) -> str:
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

    def work(report: Report, folder: Path) -> None:
        try:
            while True:
                report("working")
        finally:
            ended.set()

    steps = Jobs().run("page", work)
    next(steps)
    steps.close()
    assert ended.wait(5)


def test_a_job_has_a_folder_below_the_root_until_its_result_is_taken() -> None:
    jobs = Jobs()

    def work(report: Report, folder: Path) -> Path:
        (folder / "a.txt").write_text("a")
        return folder

    steps = jobs.run("page", work)
    folder = next(step.result for step in steps if step.result)
    assert folder.parent == jobs.root
    assert (folder / "a.txt").is_file()
    steps.close()
    assert gone(folder)


@pytest.mark.parametrize("failure", [MediaError("no"), MemoryError()])
def test_a_failed_job_leaves_no_files(failure: BaseException) -> None:
    jobs, seen = Jobs(), []

    def work(report: Report, folder: Path) -> None:
        seen.append(folder)
        raise failure

    assert last(jobs, work).error
    assert gone(seen[0])


def test_close_deletes_everything() -> None:
    jobs = Jobs()
    (jobs.folder() / "a.txt").write_text("a")
    root = jobs.root
    jobs.close()
    assert not root.exists()


def gone(folder: Path) -> bool:
    """The thread deletes it a moment after."""
    for _ in range(100):
        if not folder.exists():
            return True
        sleep(0.05)
    return False


def test_jobs_wait_for_each_other_and_hear_cancel_while_they_do() -> None:
    jobs, go = Jobs(), Event()

    def long(report: Report, folder: Path) -> str:
        report("working")
        go.wait(10)
        return "first"

    first = jobs.run("one", long)
    assert next(first).text == "working"
    second = jobs.run("two", lambda report, folder: "second")
    assert next(second).text == "Waiting for an earlier job"
    third = jobs.run("three", lambda report, folder: "third")
    assert next(third).text == "Waiting for 2 jobs"
    jobs.stop("two")
    assert "Cancelled" in list(second)[-1].error
    go.set()
    assert list(first)[-1].result == "first"
    assert list(third)[-1].result == "third"


def test_a_full_line_takes_no_more() -> None:
    jobs, go = Jobs(), Event()
    begun = [jobs.run(str(i), lambda report, folder: go.wait(10)) for i in range(MOST_WAITING)]
    threads = [Thread(target=lambda steps=steps: list(steps)) for steps in begun]
    for thread in threads:
        thread.start()
    for _ in range(100):
        if jobs.waiting == MOST_WAITING:
            break
        sleep(0.05)
    assert "Many jobs" in last(jobs, lambda report, folder: None).error
    go.set()
    for thread in threads:
        thread.join()


def test_steps_of_the_pipelines_are_told() -> None:
    def work(report: Report, folder: Path) -> int:
        return sum(progress([1, 2, 3], 3, "painting"))

    steps = list(Jobs().run("page", work))
    assert steps[0].text == "Painting: 0 of 3"
    assert steps[-1].result == 6


def test_a_job_words_its_own_end() -> None:
    def work(report: Report, folder: Path) -> int:
        report.closing = "Done: one thing."
        return 1

    assert last(Jobs(), work).text == "Done: one thing."


def test_messages_name_files_without_the_folders_of_the_server() -> None:
    jobs = Jobs()
    place = jobs.root / "uploads" / "0f3a" / "my clip.mp4"
    assert jobs.plain(f"cannot read {place}: damaged") == "cannot read my clip.mp4: damaged"


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
