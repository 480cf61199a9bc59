"""The page in Chromium, as a reader has it: nothing cut off, nothing missing, nothing fetched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gru_codegen.inspection import inspect
from tests.explain.html.pages import awkward, elements, page

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (pip install '.[browser]')"
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (apt install chromium)"
)

PAGES = {
    "gru": lambda: page("gru", "none", "l2"),
    "lstm": lambda: page("lstm", "linear", "cross-entropy"),
    "mgu": lambda: page("mgu", "none", "l2", 1),
    "awkward": lambda: inspect(awkward()[0], unroll=2, format="html"),
}
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=PAGES)
def markup(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]()


@pytest.fixture
def opened(browser: Any, markup: str, tmp_path: Path) -> Iterator[Any]:
    """A page that is open, with all folds open; what it says and asks for is in `said`."""
    file = tmp_path / "report.html"
    file.write_text(markup, encoding="utf-8")
    context = browser.new_context()
    shown = context.new_page()
    shown.set_default_timeout(120_000)
    shown.said = []
    shown.on("console", lambda message: shown.said.append(message.text))
    shown.on("pageerror", lambda error: shown.said.append(str(error)))
    shown.on("request", lambda sent: shown.said.append(sent.url))
    shown.goto(file.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.said.pop(0) == file.as_uri()
    yield shown
    context.close()


ZERO_SIZED = """() => [...document.querySelectorAll('math')].filter(each => each.checkVisibility())
    .filter(each => !(each.getBoundingClientRect().width && each.getBoundingClientRect().height))
    .map(each => each.textContent)"""
CUT_OFF = """() => [...document.querySelectorAll('main *, header *')]
    .filter(each => each.checkVisibility() && !each.closest('svg'))
    .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)
    .map(each => each.outerHTML.slice(0, 120))"""
OVERLAID = """() => [...document.querySelectorAll('.equations li')]
    .filter(row => row.lastElementChild.matches('.code') && row.checkVisibility())
    .filter(row => {
        const code = row.lastElementChild.getBoundingClientRect();
        return [...row.querySelectorAll('.right math')].map(each => each.getBoundingClientRect())
            .some(box => box.right > code.left && box.bottom > code.top && box.top < code.bottom);
    }).map(each => each.textContent)"""


#: Wider than a phone: what has to be scrolled to be seen.
SCROLLED = """() => [...document.querySelectorAll('.scroll')]
    .filter(each => each.scrollWidth > each.clientWidth + 1)
    .map(each => each.textContent.slice(0, 120))"""

#: The text behind a formula that begins with a comma or a point, where that begins a line.
LEFT_ALONE = """() => [...document.querySelectorAll('math, [role="math"]')]
    .filter(each => each.checkVisibility() && /^[,.;:)]/.test(each.nextSibling?.data ?? ''))
    .filter(each => {
        const sign = document.createRange();
        sign.setStart(each.nextSibling, 0);
        sign.setEnd(each.nextSibling, 1);
        const pieces = each.matches('math') ? [each] : each.querySelectorAll('math');
        const last = [...pieces].at(-1).getBoundingClientRect();
        return sign.getBoundingClientRect().left < last.right - 1;
    }).map(each => each.parentElement.textContent)"""


def test_a_page_is_shown_whole_on_any_screen(opened: Any) -> None:
    for width in WIDTHS:
        opened.set_viewport_size({"width": width, "height": 900})
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate(CUT_OFF) == []
        assert opened.evaluate(SCROLLED) == []
        assert opened.evaluate(ZERO_SIZED) == []
        assert opened.evaluate(OVERLAID) == []
        assert opened.evaluate(LEFT_ALONE) == []
        assert opened.evaluate(
            "[...document.querySelectorAll('svg')].filter(e => e.checkVisibility()).length"
        ) in (0, 1)
    assert opened.said == []


def test_a_browser_reads_the_elements_that_are_written(opened: Any, markup: str) -> None:
    """None was closed early, as a paragraph is by a list in it."""
    names = opened.evaluate("[...document.querySelectorAll('*')].map(each => each.localName)")
    assert names == [each.tag for each in elements(markup).iter()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_no_barrier_that_axe_knows(opened: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened.emulate_media(color_scheme=scheme)
    found = axe.run(opened).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


def test_every_character_of_a_formula_is_drawn_with_the_font_of_the_page(opened: Any) -> None:
    """One element for each text that formulas have, by the fonts that Chromium reports."""
    opened.evaluate(
        """() => {
            const texts = new Map([...document.querySelectorAll('mi, mo, mn, mtext')]
                .filter(each => each.checkVisibility()).map(each => [each.textContent, each]));
            texts.forEach(each => each.setAttribute('data-tried', ''));
        }"""
    )
    session = opened.context.new_cdp_session(opened)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    found = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "[data-tried]"})
    assert len(found["nodeIds"]) > 20
    for node in found["nodeIds"]:
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert all(font["isCustomFont"] for font in fonts), (
            session.send("DOM.getOuterHTML", {"nodeId": node})["outerHTML"],
            fonts,
        )


def test_what_a_link_leads_to_and_what_is_pointed_at_is_lit(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page("gru", "none", "l2"), encoding="utf-8")
    shown = browser.new_page()
    shown.goto(f"{file.as_uri()}#dZ")
    background = "each => getComputedStyle(each).backgroundColor"
    lit = shown.eval_on_selector("#dZ", background)
    assert lit != shown.eval_on_selector("#dR", background)
    shown.click("#dZ .code")
    assert shown.eval_on_selector("#code-dZ", background) == lit
    shown.hover("#Z .left .v-Z")
    assert shown.eval_on_selector("#dZ .right .v-S", background) != lit
    assert shown.eval_on_selector("#daZ .right .v-Z", background) == lit
    assert shown.eval_on_selector("#code-daZ .v-Z", background) == lit
    shown.close()


def test_a_printed_page_has_its_folds_open(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page("gru", "none", "l2"), encoding="utf-8")
    shown = browser.new_page()
    shown.goto(file.as_uri())
    seen = "document.querySelector('details math').checkVisibility()"
    assert not shown.evaluate(seen)
    shown.emulate_media(media="print")
    assert shown.evaluate(seen)
    assert shown.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    shown.close()
