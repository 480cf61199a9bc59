"""The page: its head, its sections, and what is lit while the pointer is on a symbol."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from html import escape
from importlib.resources import files

from gru_codegen.explain.html.anchors import CONTENT, Anchors
from gru_codegen.explain.html.blocks import Page, blocks
from gru_codegen.explain.html.formulas import plain
from gru_codegen.explain.html.markup import element, lines
from gru_codegen.explain.model import Document

__all__ = ["render"]


def render(document: Document) -> str:
    """The whole file."""
    page = Page(document, Anchors.of(document))
    body = lines(
        [
            element("a", "To the derivation", class_="skip", href=f"#{CONTENT}"),
            _header(page),
            _navigation(page),
            element("main", "\n", _sections(page), "\n", id=CONTENT),
        ]
    )
    head = lines(
        [
            '<meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            '<meta name="color-scheme" content="light dark"/>',
            element("title", plain(document.title, document.notation)),
            element("style", "\n", _style(), _lit(body)),
        ]
    )
    return lines(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            element("head", "\n", head, "\n"),
            element("body", "\n", body, "\n"),
            "</html>\n",
        ]
    )


def _header(page: Page) -> str:
    facts = (
        element("div", element("dt", escape(name)), element("dd", escape(fact)))
        for name, fact in page.document.facts.items()
    )
    title = element("h1", page.prose(page.document.title))
    return element("header", title, element("dl", *facts))


def _navigation(page: Page) -> str:
    items = (
        element("li", element("a", page.prose(section.heading), href=f"#{section.id}"))
        for section in page.document.sections
    )
    return element("nav", element("ol", *items), aria_label="Sections")


def _sections(page: Page) -> str:
    return lines(
        element(
            "section",
            element("h2", page.prose(section.heading)),
            "\n",
            blocks(section.blocks, page),
            id=section.id,
        )
        for section in page.document.sections
    )


@cache
def _style() -> str:
    here = files(__package__)
    font = b64encode((here / "math.woff2").read_bytes()).decode()
    style = (here / "style.css").read_text(encoding="utf-8")
    return style.replace('url("math.woff2")', f"url(data:font/woff2;base64,{font})")


def _lit(body: str) -> str:
    """The rule that lights a symbol everywhere while the pointer is on it."""
    names = {name for value in re.findall(r'class="(v-[^"]+)"', body) for name in value.split()}
    found = sorted(name for name in names if name.startswith("v-"))
    return ",\n".join(f"body:has(.{name}:hover) .{name}" for name in found) + (
        " { background: var(--lit); }\n" if found else ""
    )
