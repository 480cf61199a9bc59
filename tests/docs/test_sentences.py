"""Sentences of the pages are short: their words are counted, code blocks and headings left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks" / "README.md"]

#: The most words of a sentence, on average over a page and over all pages, and of any sentence.
ON_A_PAGE, ON_ALL, ANY = 17, 15, 40

#: A sentence begins after a full stop or a colon, with a capital letter, a number or code.
START = re.compile(r"(?<=[.!?:])[\"')]*\s+(?=[\"'(]*[A-Z0-9])")
WORD = re.compile(r"[^\W_](?:[\w'.-]*\w)?")


def passages(page: str) -> Iterator[str]:
    """The plain text of each paragraph, item of a list, and cell that ends as a sentence does.

    Code within a line is one word.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    for around, token in pairwise(tokens):
        text = "".join(
            "Code" if part.type == "code_inline" else part.content or " "
            for part in token.children or ()
            if part.type in ("code_inline", "text", "softbreak")
        )
        is_cell = around.type == "td_open" and text.endswith((".", "!", "?"))
        if around.type == "paragraph_open" or is_cell:
            yield text


def sentences(page: str) -> list[str]:
    """The sentences of a page that have two words or more."""
    found = (each for text in passages(page) for each in START.split(text))
    return [each for each in found if words(each) > 1]


def words(sentence: str) -> int:
    return len(WORD.findall(sentence))


def average(found: list[str]) -> float:
    return sum(map(words, found)) / len(found)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_of_a_page_are_short(page: Path) -> None:
    found = sentences(text_of(page))
    assert [each for each in found if words(each) > ANY] == []
    assert average(found) <= ON_A_PAGE


def test_sentences_are_short_on_average() -> None:
    found = [each for page in PAGES for each in sentences(text_of(page))]
    assert len(found) > 1000
    assert average(found) <= ON_ALL


def test_the_measure() -> None:
    page = """
# A heading is none

One two `x = 1 + 2` three [four five](a.md). It is 0.25 of
it! So: Why?
- An item.
  - One within, of S_t's

        code is no text

```
Nor is this.
```

| a | b |
|---|---|
| A cell ends. It does. | a phrase |
"""
    assert {each: words(each) for each in sentences(page)} == {
        "One two Code three four five.": 6,
        "It is 0.25 of it!": 5,
        "An item.": 2,
        "One within, of S_t's": 4,
        "A cell ends.": 3,
        "It does.": 2,
    }


@pytest.mark.parametrize("number", [ANY, ANY + 1])
def test_a_long_sentence_is_seen(number: int, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"A short one. A{' word' * (number - 1)}.\n" + "\nIt is so.\n" * 99)
    assert max(map(words, sentences(text_of(page)))) == number
    if number > ANY:
        with pytest.raises(AssertionError, match="word word"):
            test_sentences_of_a_page_are_short(page)
    else:
        test_sentences_of_a_page_are_short(page)


def test_a_long_average_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Two words. " + f"A{' word' * ON_A_PAGE}. " * 99)
    with pytest.raises(AssertionError):
        test_sentences_of_a_page_are_short(page)
