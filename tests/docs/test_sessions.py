"""Python sessions of the pages are run, and what they show is what is printed."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> doctest.TestResults:
    """The outcome of all sessions of a page, as one."""
    fence = re.compile(r"^```.*$", re.M)  # would be taken for output
    test = doctest.DocTestParser().get_doctest(fence.sub("", page), {}, "page", None, 0)
    return doctest.DocTestRunner(verbose=False).run(test)


@pytest.mark.parametrize(("page", "examples"), [("walkthrough.md", 20)])
def test_a_page_shows_what_is_printed(page: str, examples: int) -> None:
    outcome = run((DOCS / page).read_text(encoding="utf-8"))
    assert outcome.attempted > examples
    assert outcome.failed == 0, "the differences are printed above"


def test_another_output_fails(capsys: pytest.CaptureFixture[str]) -> None:
    page = "```pycon\n>>> print('Z')\n{}\n```\n\nText.\n"
    assert run(page.format("Z")) == doctest.TestResults(failed=0, attempted=1)
    assert run(page.format("R")).failed == 1
    assert "Expected:\n    R\nGot:\n    Z\n" in capsys.readouterr().out
