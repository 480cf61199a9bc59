"""Python sessions of the pages are run, and what they show is what is printed."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.passes import LAYOUTS

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> doctest.TestResults:
    """The outcome of all sessions of a page, as one."""
    fence = re.compile(r"^```.*$", re.M)  # would be taken for output
    test = doctest.DocTestParser().get_doctest(fence.sub("", page), {}, "page", None, 0)
    return doctest.DocTestRunner(verbose=False).run(test)


@pytest.mark.parametrize(
    ("page", "examples"), [("walkthrough.md", 20), ("credit.md", 7), ("teaching.md", 20)]
)
def test_a_page_shows_what_is_printed(page: str, examples: int) -> None:
    outcome = run((DOCS / page).read_text(encoding="utf-8"))
    assert outcome.attempted > examples
    assert outcome.failed == 0, "the differences are printed above"


def test_another_output_fails(capsys: pytest.CaptureFixture[str]) -> None:
    page = "```pycon\n>>> print('Z')\n{}\n```\n\nText.\n"
    assert run(page.format("Z")) == doctest.TestResults(failed=0, attempted=1)
    assert run(page.format("R")).failed == 1
    assert "Expected:\n    R\nGot:\n    Z\n" in capsys.readouterr().out


TABLE = (DOCS / "walkthrough.md").read_text(encoding="utf-8").partition("| text | meaning |")[2]
MATHEMATICS = {"tanh", "sigmoid"}


@pytest.mark.parametrize("given", [*({"layout": each} for each in LAYOUTS), {"unroll": 8}])
def test_the_table_has_what_the_text_of_a_program_is_made_of(given: dict[str, Any]) -> None:
    text = str(gc.program(gc.GRU, **given))
    head, variables, phases = re.split(r"\n\n(?=variables|phase)", text, maxsplit=2)
    keys = re.findall(r"^([a-z ]+?)(?: \w+)?:", head, re.M)
    operations = set(re.findall(r"\b([a-z_]+)\(", phases)) - MATHEMATICS
    assert len(keys) > 8
    assert len(operations) > 3
    assert ", beyond: " in variables
    for word in {*keys, *operations} - {"program"}:
        assert re.search(rf"[|,] `{word}\b", TABLE), word
