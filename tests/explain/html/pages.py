"""Pages for the tests: for each cell, readout and loss that are tried, and as elements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.inspection import inspect
from tests.cells.sample import SAMPLE
from tests.derive import declarations

__all__ = ["PAGES", "awkward", "elements", "page"]

# Every cell, every loss and every readout; not every one with every other. A share is every third.
PAGES = [
    pytest.param(*case, marks=pytest.mark.campaign if number % 3 else ())
    for number, case in enumerate(
        [
            *((cell, "none", "l2") for cell in SAMPLE),
            *(("gru", "linear", loss) for loss in gc.losses),
            ("lstm", "linear", "cross-entropy"),
        ]
    )
]


@cache
def page(cell: str, readout: str, loss: str, steps: int | None = 2, at: int | None = None) -> str:
    """The report of a cell of the package."""
    declared, of = gc.cells[cell], gc.losses[loss]
    return inspect(declared, loss=of, readout=readout, unroll=steps, at=at, format="html")


def awkward() -> list[Cell]:
    """Cells of the tests with long names, several states and other forms."""
    tried = ("two-states", "one-product-two-gates", "peephole", "output-is-no-state")
    return [cell for cell in declarations.CELLS if cell.name in tried]


def elements(markup: str) -> Element:
    """The root of a page; it is XML as well."""
    return ElementTree.fromstring(markup)


def classes(element: Element) -> Iterator[str]:
    """The classes of an element."""
    yield from element.get("class", "").split()
