"""The blocks of a document: one function for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gru_codegen.derive.writing import Prose, Row
from gru_codegen.explain.html.anchors import Anchors
from gru_codegen.explain.html.formulas import formula, mark, plain, prose
from gru_codegen.explain.html.graph import graph
from gru_codegen.explain.html.listing import Highlighted, listing
from gru_codegen.explain.html.markup import element, lines
from gru_codegen.explain.model import (
    Block,
    Box,
    Document,
    Equations,
    Errors,
    Fold,
    Graph,
    Listing,
    Paragraph,
    Table,
)

__all__ = ["Page", "blocks"]


@dataclass(frozen=True)
class Page:
    """A document, where its links lead, and its code in colours."""

    document: Document
    anchors: Anchors

    def prose(self, parts: Prose) -> str:
        """Words and formulas of the text."""
        return prose(parts, self.document.notation)

    @cached_property
    def code(self) -> Highlighted | None:
        """The module; the names in it are those of symbols."""
        notation = self.document.notation
        if self.document.code is None:
            return None
        every = (*notation.given, *notation.computed, *notation.adjoints, *notation.steps)
        names = {symbol.name: notation.steps.get(symbol, (symbol.name, 0))[0] for symbol in every}
        return Highlighted(self.document.code, names)


def blocks(of: Iterable[Block], page: Page) -> str:
    """Blocks, one below the other."""
    return lines(_BLOCKS[type(block)](block, page) for block in of)


def _paragraph(block: Paragraph, page: Page) -> str:
    return element("p", page.prose(block.prose))


def _fold(block: Fold, page: Page) -> str:
    return element(
        "details", element("summary", page.prose(block.summary)), blocks(block.blocks, page)
    )


def _listing(block: Listing, page: Page) -> str:
    assert page.code is not None
    return listing(block.code, page.code, page.anchors)


def _graph(block: Graph, page: Page) -> str:
    return graph(block)


# --- tables --------------------------------------------------------------------------------------


#: Of a table of cells that are all shorter, as numbers are, none is broken over lines.
_SHORT = 12


def _table(block: Table, page: Page) -> str:
    """A table; without a heading the first cell of a row is that of the row."""
    head = ""
    if block.heading:
        cells = [element("th", page.prose(cell), scope="col") for cell in block.heading]
        head = element("thead", element("tr", *cells))
    rows = [element("tr", *_cells(row, page, not block.heading)) for row in block.rows]
    short = all(len(plain(c, page.document.notation)) < _SHORT for r in block.rows for c in r[1:])
    kind = ("short" if short else "") if head else "facts"
    table = element("table", head, element("tbody", *rows), class_=kind)
    return element("div", table, class_="scroll")


def _cells(row: Sequence[Prose], page: Page, headed: bool) -> Iterator[str]:
    first, *others = (page.prose(cell) for cell in row)
    yield element("th", first, scope="row") if headed else element("td", first)
    yield from (element("td", cell, class_="exact" * _is_number(cell)) for cell in others)


def _is_number(cell: str) -> bool:
    """True for a cell that a line might end in at the sign of an exponent."""
    return re.fullmatch(r"[\d.]+e-\d+", cell) is not None


# --- equations -----------------------------------------------------------------------------------


def _equations(block: Equations, page: Page, brief: bool = False) -> str:
    """All groups in one grid, so that they are aligned with each other.

    brief: of the lines of code the numbers alone.
    """
    rows = (
        _row(row, block, page, "group" if number and row is group[0] else "", brief)
        for number, group in enumerate(block.groups)
        for row in group
    )
    return element("ul", "\n", *rows, class_="equations")


def _row(row: Row, block: Equations, page: Page, kind: str, brief: bool) -> str:
    """An equation: its left side, its right sides, the remark on it, its line of code."""
    left = formula(row.left, block.notation, block.step)
    right = [element("div", _right(each, block)) for each in (row.right, *row.also)]
    if row.boxed:
        boxed = element("span", formula(row.right, block.notation, block.step), class_="boxed")
        right[0] = element("div", "<math><mo>=</mo></math> ", boxed)
    if row.remark:
        right.append(element("small", prose(row.remark, block.notation, block.step)))
    parts = [
        element("div", _keyed(left, row, block), class_="left"),
        element("div", *right, class_="right"),
        _code(row, page, brief),
    ]
    return element("li", lines(parts), id=page.anchors.of_row(row), class_=kind) + "\n"


def _right(expression: Any, block: Equations) -> str:
    return formula(expression, block.notation, block.step, "= ")


def _keyed(left: str, row: Row, block: Equations) -> str:
    """The left side; what is marked elsewhere has its mark here too."""
    for number, symbol in block.key.items():
        if symbol == row.left:
            return f"<span {mark(number)}>{left}</span>"
    return left


def _code(row: Row, page: Page, brief: bool) -> str:
    """The line of code that computes an equation, with a link to it where all code is shown."""
    code = page.document.code
    line = code.line_of(row.equation) if code is not None else None
    if line is None or page.code is None:
        return ""
    target = page.anchors.lines.get(line.number)
    return element(
        "a" if target else "span",
        element("span", str(line.number), class_="number"),
        "" if brief else element("code", page.code.line(line.number)),
        class_="code",
        aria_label=f"line {line.number}" if brief and target else "",
        href=f"#{target}" if target else "",
    )


# --- the errors of a step ------------------------------------------------------------------------


def _errors(block: Errors, page: Page) -> str:
    boxes = (_box(box, page) for box in block.boxes)
    return lines([element("div", *boxes, class_="errors"), _equations(block.sum, page)])


def _box(box: Box, page: Page) -> str:
    return element(
        "div",
        element("h3", page.prose(box.title)),
        _equations(box.equations, page, brief=True),
        class_=f"box {box.whose}",
        id=box.id,
    )


_BLOCKS: dict[type, Callable[[Any, Page], str]] = {
    Paragraph: _paragraph,
    Equations: _equations,
    Table: _table,
    Errors: _errors,
    Graph: _graph,
    Listing: _listing,
    Fold: _fold,
}
