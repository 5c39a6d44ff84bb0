"""The page in a real browser without a window: upload, run, play, cancel, at two widths."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from facegen.app.page import Served, launch
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
PATIENCE = 120_000  # milliseconds: continuous integration shares its cores
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
def served() -> Iterator[Served]:
    served = launch()
    yield served
    served.close()


@pytest.fixture
def page(served: Served):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(PATIENCE)
        tab.goto(served.address)
        tab.get_by_role("tab", name="Reenact").wait_for()
        yield tab
        browser.close()


def picture(tab, name: str) -> None:
    if PICTURES:
        tab.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def open_tab(tab, name: str):
    """Its panel; on a narrow page some names fold into a menu."""
    shown = tab.get_by_role("tab", name=name, exact=True)
    menu = tab.locator(".overflow-menu > button")
    while not (shown.is_visible() or menu.is_visible()):
        tab.wait_for_timeout(100)
    if not shown.is_visible():
        menu.click()
        shown = tab.locator(".overflow-dropdown button", has_text=name)
    shown.click()
    return tab.locator("[role=tabpanel]:visible")


def take_portrait(panel) -> None:
    panel.get_by_role("button", name="Use the packaged portrait").click()
    panel.locator(".image-frame img, [data-testid=image] img").first.wait_for()


def begin(panel, verb: str, *, consent: bool = True) -> None:
    if consent:
        panel.get_by_label("The face is mine").check()
    panel.get_by_role("button", name=verb, exact=True).click()


def finish(panel) -> str:
    """What the page says in the end."""
    end = panel.locator(".status.done, .status.error")
    end.wait_for()
    return end.inner_text()


def downloads(page, panel) -> dict[str, bytes]:
    """The first bytes of every file that is offered, by ending."""
    links = [a.get_attribute("href") for a in panel.locator(".file-preview a").all()]
    return {Path(link).suffix: page.request.get(link).body()[:4] for link in links}


def play(panel) -> float:
    video = panel.locator("video").last
    return video.evaluate("async v => { v.muted = true; await v.play(); return v.duration; }")


def test_upload_run_play_download(page, tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(4), sound=True)
    panel = open_tab(page, "Reenact")
    panel.locator("input[type=file]").first.set_input_files(str(PHOTO))
    panel.locator("img[src*=file]").nth(1).wait_for()
    panel.locator("input[type=file]").last.set_input_files(str(clip))
    panel.locator("video").first.wait_for()
    begin(panel, "Reenact", consent=False)
    panel.get_by_text("owners agree").wait_for()
    begin(panel, "Reenact")
    panel.get_by_text("Painting: ").wait_for()
    panel.get_by_text("Done.").wait_for()
    assert play(panel) == pytest.approx(4 / 25, abs=0.1)
    files = downloads(page, panel)
    assert sorted(files) == [".glb", ".mp4", ".npz"]
    assert (files[".glb"], files[".npz"][:2]) == (b"glTF", b"PK")
    picture(page, "reenact-desktop")


def test_cancel_and_a_second_visitor_who_waits(page) -> None:
    panel = open_tab(page, "Reenact")
    take_portrait(panel)
    begin(panel, "Reenact")
    panel.get_by_text("Painting: ").wait_for()
    other = page.context.browser.new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(page.url)
    later = open_tab(other, "Recognize")
    take_portrait(later)
    begin(later, "Recognize", consent=False)
    later.get_by_text("Waiting for an earlier job").wait_for()
    panel.get_by_role("button", name="Cancel").click()
    assert finish(panel) == "Cancelled. Nothing was kept."
    assert finish(later) == "Done."
    assert sorted(downloads(other, later)) == [".csv", ".png"]
    picture(other, "recognize-desktop")


def test_reload_ends_the_job(page, served: Served) -> None:
    panel = open_tab(page, "Reenact")
    take_portrait(panel)
    begin(panel, "Reenact")
    panel.get_by_text("Painting: ").wait_for()
    before = panel.locator(".status").inner_text()
    page.reload()
    for _ in range(40):
        page.wait_for_timeout(100)
        if not served.jobs.waiting:
            break
    assert served.jobs.waiting == 0, before


def test_talk(page, tmp_path: Path) -> None:
    voice = zoo.audio_only(tmp_path / "voice.m4a")
    panel = open_tab(page, "Talk")
    panel.locator("input[type=file]").first.set_input_files(str(PHOTO))
    panel.locator("img[src*=file]").nth(1).wait_for()
    panel.locator("input[type=file]").last.set_input_files(str(voice))
    panel.locator("[data-testid=waveform-Voice], .waveform-container").first.wait_for()
    begin(panel, "Talk")
    assert finish(panel) == "Done."
    assert play(panel) == pytest.approx(1.0, abs=0.2)
    assert sorted(downloads(page, panel)) == [".glb", ".mp4", ".npz"]
    picture(page, "talk-desktop")


def test_synthesize(page) -> None:
    panel = open_tab(page, "Synthesize")
    for name in ("Made people", "Pictures of each"):
        panel.get_by_label(f"number input for {name}").fill("1")
    panel.get_by_label(f"number input for {name}").press("Tab")
    begin(panel, "Synthesize", consent=False)
    assert finish(panel) == "Done: 1 pictures."
    assert sorted(downloads(page, panel)) == [".png", ".yaml", ".zip"]
    picture(page, "synthesize-desktop")


def test_keyboard_alone(page) -> None:
    """From the top of the page to a running job, with Tab, Enter and the space bar."""
    page.locator("body").click(position={"x": 5, "y": 5})
    here = "document.activeElement"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"{here}.innerText").strip() == "Use the packaged portrait":
            page.keyboard.press("Enter")
            page.locator("img[src*=astronaut]").nth(1).wait_for()
        elif page.evaluate(f"{here}.type") == "checkbox":
            page.keyboard.press("Space")
        elif page.evaluate(f"{here}.innerText + {here}.role").startswith("Reenactnull"):
            page.keyboard.press("Enter")
            break
    page.locator(".status .bar:visible").wait_for()


def test_labels_and_contrast(page) -> None:
    """The rules of WCAG 2 A and AA that a program can check, on every tab."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    for name in TABS:
        open_tab(page, name)
        page.wait_for_timeout(500)
        found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response
        broken = [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]]
        assert broken == [], name


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
    panel = open_tab(page, "Expression studio")
    take_portrait(panel)
    panel.get_by_text("or move a slider.").wait_for()
    shown = panel.locator("#preview img")
    shown.wait_for()
    before = shown.get_attribute("src")
    panel.locator("#wheel img").click(position={"x": 60, "y": 190})
    page.wait_for_function(
        "old => document.querySelector('#preview img').getAttribute('src') !== old", arg=before
    )
    picture(page, "studio-desktop")
