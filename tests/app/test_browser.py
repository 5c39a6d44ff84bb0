"""The page in a real browser without a window: upload, run, play, cancel, at two widths."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from facegen.demo import PHOTO
from tests.cli import media_zoo as zoo

pytest.importorskip("gradio", reason="gradio is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
TABS = ("Reenact", "Talk", "Expression studio", "Recognize", "Synthesize")
PATIENCE = 240_000  # milliseconds: continuous integration shares its cores
# What sticks out to the right, counted with nothing clipped: (width of all, names of the first).
_TOO_WIDE = """() => {
  const clips = document.querySelectorAll('html, body, gradio-app, .gradio-container');
  clips.forEach(e => e.style.setProperty('overflow-x', 'visible', 'important'));
  const wide = [...document.querySelectorAll('main *')].filter(
    e => e.checkVisibility({opacityProperty: true, visibilityProperty: true})
      && !e.closest('.visually-hidden')  // the tabs again, only to be measured
      && e.getBoundingClientRect().right > innerWidth + 1);
  return {
    extra: document.documentElement.scrollWidth - innerWidth,
    wide: wide.slice(0, 6).map(e => e.tagName + '.' + e.className)
  };
}"""
# Set to a folder to keep pictures of the page.
PICTURES = os.environ.get("FACEGEN_SCREENSHOTS")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from facegen.app.page import launch

    served = launch()
    yield served.address
    served.close()


@pytest.fixture
def page(address: str):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(PATIENCE)
        tab.goto(address)
        tab.get_by_role("tab", name="Reenact").wait_for()
        yield tab
        browser.close()


def picture(tab, name: str) -> None:
    if PICTURES:
        tab.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def open_tab(tab, name: str) -> None:
    shown = tab.get_by_role("tab", name=name, exact=True)
    if not shown.is_visible():
        tab.locator(".overflow-menu > button").click()
        shown = tab.locator(".overflow-dropdown button", has_text=name)
    shown.click()


def upload(tab, clip: Path) -> None:
    panel = tab.get_by_role("tabpanel").first
    panel.locator("input[type=file]").nth(0).set_input_files(str(PHOTO))
    panel.locator("input[type=file]").first.wait_for(state="attached")
    panel.locator("img").first.wait_for()
    panel.locator("input[type=file]").last.set_input_files(str(clip))
    panel.locator("video").first.wait_for()


def test_upload_run_play(page, tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(4), sound=True)
    upload(page, clip)
    panel = page.get_by_role("tabpanel").first
    panel.get_by_role("button", name="Reenact", exact=True).click()
    panel.get_by_text("owners agree").first.wait_for()
    panel.get_by_label("The face is mine").check()
    panel.get_by_role("button", name="Reenact", exact=True).click()
    panel.get_by_text("Done.").wait_for()
    video = panel.locator("video").last
    seconds = video.evaluate("async v => { v.muted = true; await v.play(); return v.duration; }")
    assert seconds == pytest.approx(4 / 25, abs=0.05)
    picture(page, "reenact-desktop")


def test_cancel(page, tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(60))
    upload(page, clip)
    panel = page.get_by_role("tabpanel").first
    panel.get_by_label("The face is mine").check()
    panel.get_by_role("button", name="Reenact", exact=True).click()
    panel.locator(".status .bar").wait_for()
    panel.get_by_role("button", name="Cancel").click()
    panel.get_by_text("Cancelled").wait_for()
    assert panel.get_by_text("Done.").count() == 0


def test_phone_width_has_no_sideways_scroll(page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.get_by_role("tab", name="Reenact").wait_for()
    page.wait_for_timeout(1500)  # the tabs that do not fit fold into a menu
    for name in TABS:
        open_tab(page, name)
        page.wait_for_timeout(500)
        picture(page, f"{name.split()[0].lower()}-phone")
        assert page.evaluate(_TOO_WIDE) == {"extra": 0, "wide": []}, name


def test_studio_shows_the_photo_moved(page) -> None:
    page.get_by_role("tab", name="Expression studio").click()
    panel = page.get_by_role("tabpanel").filter(has=page.locator("#wheel"))
    panel.locator("input[type=file]").first.set_input_files(str(PHOTO))
    panel.get_by_text("Move a slider").wait_for()
    shown = panel.locator("#preview img")
    shown.wait_for()
    before = shown.get_attribute("src")
    panel.locator("#wheel img").click(position={"x": 60, "y": 190})
    page.wait_for_function(
        "old => document.querySelector('#preview img').getAttribute('src') !== old", arg=before
    )
    picture(page, "studio-desktop")
