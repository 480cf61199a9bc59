"""docs/conf.py has every page once, and docs/api.md every public name."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import interop
from gru_codegen.cells import FAMILIES

ROOT = Path(__file__).parents[2]
#: Pages outside of docs/ that are part of the site.
BESIDE = ["benchmarks/README", "CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY"]


@pytest.fixture(scope="module")
def site() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "conf.py"))


def misplaced(listed: Iterable[str], there: Iterable[str]) -> set[str]:
    """The names that one of the two lists has more often than the other."""
    first, second = list(listed), list(there)
    return {each for each in {*first, *second} if first.count(each) != second.count(each)}


def test_every_page_stands_once(site: dict[str, Any]) -> None:
    there = [f"docs/{page.stem}" for page in ROOT.glob("docs/*.md")]
    listed = [page for pages in site["PAGES"].values() for page in pages]
    assert misplaced(listed, [*there, *BESIDE]) == set()


def test_every_public_name_stands_once() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^(?:\.\. auto\w+:: |\| `)(\w+)", page, re.M)
    assert misplaced(listed, [*gc.__all__, *interop.__all__]) == set()


def test_a_page_too_few_or_too_many_is_seen() -> None:
    assert misplaced(["a", "b"], ["b", "a"]) == set()
    assert misplaced(["a", "b", "b"], ["a", "b", "c"]) == {"b", "c"}


def test_the_gallery_has_every_cell(site: dict[str, Any]) -> None:
    text = "\n".join(site["gallery"]())
    names = [name for family in FAMILIES.values() for name in family]
    assert misplaced(re.findall(r'href="reports/([\w-]+)\.html"', text), names) == set()
    assert [text.count(f"\n## {family.capitalize()}\n") for family in FAMILIES] == [1] * len(
        FAMILIES
    )


def test_tables_of_contents_are_on_the_start_page_alone(site: dict[str, Any]) -> None:
    start, other = ["# Start\n"], ["# Other\n"]
    site["add_lists"](None, "README", start)
    site["add_lists"](None, "docs/design", other)
    assert other == ["# Other\n"]
    for caption, pages in site["PAGES"].items():
        listed = "\n".join(f"/{page}" for page in pages)
        assert f":caption: {caption}\n\n{listed}\n```\n" in start[0]


def test_arguments_and_errors_of_docstrings_are_lists(site: dict[str, Any]) -> None:
    lines = [
        "One thing is no argument: it is a sentence.",
        "",
        "unroll: the steps; None is",
        "`any`.",
        "loss, readout: others.",
        "",
        "Raises",
        "------",
        "ValueError: there is",
        "    none.",
    ]
    site["make_lists"](None, "function", "f", None, None, lines)
    assert lines == [
        "One thing is no argument: it is a sentence.",
        "",
        "unroll",
        "    the steps; None is",
        "    `any`.",
        "loss, readout",
        "    others.",
        "",
        "**Raises**",
        "",
        "ValueError",
        "    there is",
        "    none.",
    ]
