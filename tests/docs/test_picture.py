"""The picture of the README is what its script draws now."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from xml.etree import ElementTree

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def test_the_picture_is_drawn_anew() -> None:
    """If a change is meant: python docs/pictures/derivation.py."""
    drawn: str = run_path(str(PICTURES / "derivation.py"))["picture"]()
    assert drawn == (PICTURES / "derivation.svg").read_text(encoding="utf-8")


def test_it_is_sound_and_shows_both_errors() -> None:
    root = ElementTree.parse(PICTURES / "derivation.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    texts = [element.text for element in root.findall("svg:text", space)]
    assert "dS_1[own]     = E_1" in texts
    assert "dS_1[later]   = dS_prev_2" in texts
    boxes = [each.get("class") for each in root.findall("svg:rect", space)]
    assert boxes == ["paper", "box own", "box later"]
