"""What is said of the package where it is published, and of the version in several places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc
from hatch_build import published

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    """Where links and pictures lead, but for those in code."""
    return re.findall(r"\]\(([^)]*)\)", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))


def test_links_of_the_description_lead_elsewhere() -> None:
    text = published(README)
    assert links(text) == [link for link in links(README) if re.match("https?:", link)] != []
    code = re.compile(r"^```.*?^```$", re.M | re.S)
    assert code.findall(text) == code.findall(README) != []
    assert "![" not in text
    marks = re.compile(r"^!\[[^\]]*\]\([^)]*\)$|\]\([^)]*\)|[\[\]]", re.M)
    assert marks.sub("", text).split() == marks.sub("", README).split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See [the page](docs/page.md#part) and [the site](https://x.y).", "See the page and [the "
         "site](https://x.y)."),
        ("A.\n\n![a picture](docs/a.svg)\n\nB.\n", "A.\n\nB.\n"),
        ("![a picture](https://x.y/a.svg)\n", "![a picture](https://x.y/a.svg)\n"),
        ("```\ncells[a](b)\n```\n[b](c)\n", "```\ncells[a](b)\n```\nb\n"),
    ],
)  # fmt: skip
def test_a_link_to_a_file_becomes_its_words(text: str, expected: str) -> None:
    assert published(text) == expected


def test_the_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.M) == [gc.__version__]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\S+)\]", changes, re.M)[0] == gc.__version__
