"""Colours, type and spacing of the page. Nothing is fetched: fonts are the reader's own."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from facegen._optional import require
from facegen.app.jobs import MAX_UPLOAD

CSS = """
/* All that the page itself can say of a file that is refused before anybody reads it. */
.wrap .error::after { content: ": files may have up to MOST MB"; }
/* A width of its own: centred by its margins it would be as wide as the row of tabs, unfolded. */
.gradio-container { max-width: 1180px !important; width: 100% !important;
  margin: 0 auto !important; }
#head { padding: 14px 2px 2px; }
#head h1 { font-size: 1.5rem; font-weight: 650; letter-spacing: -.02em; margin: 0; }
#head p { margin: .15rem 0 0; color: var(--body-text-color-subdued); font-size: .95rem; }
.note { font-size: .85rem; color: var(--body-text-color-subdued); }
.status { min-height: 46px; padding: 2px 2px 6px; font-size: .92rem; }
.status .bar { height: 5px; border-radius: 3px; background: var(--border-color-primary);
  overflow: hidden; margin-top: 8px; }
.status .bar i { display: block; height: 100%; border-radius: 3px; transition: width .3s;
  background: var(--color-accent); }
.status .bar.busy i { width: 30%; animation: slide 1.4s ease-in-out infinite alternate; }
.status.error { color: #b42318; }
.dark .status.error { color: #f97066; }
.status.done { color: #067647; }
.dark .status.done { color: #47cd89; }
@keyframes slide { from { margin-left: 0; } to { margin-left: 70%; } }
.guide { border: 1px dashed var(--border-color-primary); border-radius: 4px;
  padding: 26px 28px; line-height: 1.6; }
.guide ol { list-style: decimal; margin: 0 0 0 1.1rem; padding: 0; }
.guide li { padding-left: .3rem; margin-bottom: .35rem; }
.guide p { margin: .7rem 0 0; font-size: .85rem; color: var(--body-text-color-subdued); }
.result:has([aria-label="Empty value"]) { display: none !important; }
.clip video { max-height: 200px; }
.example { justify-content: flex-start !important; gap: 10px; }
.example img { width: 34px; height: 34px; object-fit: cover; border-radius: 3px; }
.gradio-container :focus-visible { outline: 2px solid #0f766e !important; outline-offset: 2px; }
.dark .gradio-container :focus-visible { outline-color: #2dd4bf !important; }
button[role="tab"].selected { color: #0f766e !important; }
.dark button[role="tab"].selected { color: #2dd4bf !important; }
#preview img { width: 100%; height: 100%; object-fit: contain; }
#wheel { max-width: 300px; margin: 0 auto; cursor: crosshair; }
#wheel img { cursor: crosshair; }
.sliders { max-height: 720px; overflow-y: auto; flex-wrap: nowrap !important; }
.sliders > * { flex: none !important; }
footer { opacity: .7; }
@media (max-width: 640px) {
  .gradio-container > .main { padding: 8px 12px !important; }
  .gradio-container main.contain { padding: 0 !important; }
  .sliders { max-height: none; }
  /* Cut, not hidden: a hidden edge makes a box of its own, in which nothing stays in view. */
  .gradio-container { overflow: clip !important; }
  /* The columns of the studio melt into one, and the face stays in view above what moves it. */
  .studio > .column { display: contents; }
  .studio > .column > * { order: 2; flex: 1 1 100% !important; }
  .studio > .column:first-child > :nth-child(-n+2) { order: 0; }
  .studio #preview { order: 1; position: sticky; top: 0; z-index: 20; height: 42vh !important; }
}
""".replace("MOST", str(MAX_UPLOAD))

# The wheel's button has a picture and no words of its own; it comes and goes with its tab.
SCRIPT = """
new MutationObserver(() =>
  document.querySelectorAll('#wheel button:not([aria-label])').forEach(
    button => button.setAttribute('aria-label', 'Wheel of feelings; the list above has the same')
  )
).observe(document, {childList: true, subtree: true});
"""


def theme() -> Any:
    """A quiet theme: one accent, system fonts, small radii."""
    themes = require("gradio", "app").themes
    system = ["-apple-system", "Segoe UI", "Roboto", "Ubuntu", "Helvetica Neue", "sans-serif"]
    return themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        radius_size="sm",
        font=system,
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#161514",
        body_text_color_subdued="#6b6560",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#161514",
        color_accent="#0f766e",
        link_text_color="#0f766e",
        link_text_color_hover="#115e59",
        link_text_color_dark="#2dd4bf",
        slider_color="#0f766e",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#115e59",
        button_primary_background_fill_dark="#0f766e",
        button_primary_background_fill_hover_dark="#115e59",
        button_primary_text_color="white",
    )


def status(text: str, share: float | None = None, *, kind: str = "") -> str:
    """A line about the work, with a bar: ``share`` 0..1, or -1 for "busy"."""
    bar = ""
    if share is not None and share < 0:
        bar = '<div class="bar busy"><i></i></div>'
    elif share is not None:
        bar = f'<div class="bar"><i style="width:{100 * min(share, 1):.0f}%"></i></div>'
    return f'<div class="status {kind}" role="status">{html.escape(text)}{bar}</div>'


def guide(steps: Sequence[str], note: str = "") -> str:
    """What to do, in order, where the result will stand."""
    items = "".join(f"<li>{html.escape(step)}</li>" for step in steps)
    return f'<div class="guide" role="status"><ol>{items}</ol><p>{html.escape(note)}</p></div>'
