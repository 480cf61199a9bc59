"""A document as plain text, within a width where formulas can be broken."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gru_codegen.derive.writing import Row, remark_column
from gru_codegen.explain.code import Code
from gru_codegen.explain.columns import NO_BREAK, columns, wrapped
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
from gru_codegen.notation import TEXT, UNICODE, Notation, Spelling, bare, mark_label, spans

__all__ = ["WIDTH", "render"]

#: The width of a text that is not written for a terminal.
WIDTH = 100
_INDENT = "    "


@dataclass(frozen=True)
class _Characters:
    """The characters of lines and frames: `marks` under formulas, in turn by their numbers.

    corners: of a frame, those on the left from above, then those on the right.
    """

    marks: str
    corners: tuple[str, str, str, str]
    across: str
    own: str
    later: str


_ASCII = _Characters("-=.~^*+#", ("+", "+", "+", "+"), "-", "|", ":")
_DRAWN = _Characters("─═┄━╍╌~*", ("┌", "└", "┐", "┘"), "─", "│", "┊")


def render(document: Document, width: int = WIDTH, ascii: bool = True) -> str:
    """The whole text, in ASCII or with the characters of Unicode."""
    return _Text(document, width, TEXT if ascii else UNICODE, _ASCII if ascii else _DRAWN).whole()


class _Text:
    def __init__(
        self, document: Document, width: int, spelling: Spelling, characters: _Characters
    ) -> None:
        self.document, self.width = document, width
        self.spelling, self.characters = spelling, characters
        self.in_prose = replace(spelling, inline=lambda f: bare(f).replace(" ", NO_BREAK))

    def whole(self) -> str:
        """The whole text."""
        document = self.document
        blocks = [self.headed(self.prose(document.title, document.notation), "=")]
        blocks.append("\n".join(self.indented(self.columns([*document.facts.items()]))))
        for number, section in enumerate(document.sections, start=1):
            heading = f"{number}. {self.prose(section.heading, document.notation)}"
            blocks.append(self.headed(heading, "-"))
            blocks += self.blocks(section.blocks)
        return "\n\n".join(blocks) + "\n"

    def blocks(self, blocks: Iterable[Block]) -> Iterator[str]:
        for block in blocks:
            if isinstance(block, Fold):
                yield self.filled(self.prose(block.summary, self.document.notation) + ":")
                yield from self.blocks(block.blocks)
            elif lines := list(self.lines(block)):
                yield "\n".join(lines)

    def lines(self, block: Block) -> Iterator[str]:
        notation = self.document.notation
        if isinstance(block, Paragraph):
            yield self.filled(self.prose(block.prose, notation))
        elif isinstance(block, Equations):
            yield from self.indented(self.equations(block, self.width - len(_INDENT)))
        elif isinstance(block, Table):
            rows = [block.heading, *block.rows] if block.heading else block.rows
            written = [[self.prose(cell, notation) for cell in row] for row in rows]
            yield from self.indented(self.columns(written))
        elif isinstance(block, Errors):
            yield from self.errors(block)
        elif isinstance(block, Graph):
            yield from self.graph(block)
        elif isinstance(block, Listing):
            yield from self.listing(block.code)

    # --- prose and tables -------------------------------------------------------------------

    def prose(self, parts: Iterable[Any], notation: Notation, step: str | int = "t") -> str:
        return notation.prose(parts, self.in_prose, step)

    def filled(self, words: str) -> str:
        return "\n".join(wrapped(words, self.width))

    def columns(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        return columns(rows, self.width - len(_INDENT))

    def headed(self, heading: str, line: str) -> str:
        """A heading, underlined."""
        written = self.filled(heading)
        return f"{written}\n{line * max(map(len, written.splitlines()))}"

    def indented(self, lines: Iterable[str]) -> Iterator[str]:
        yield from (f"{_INDENT}{line}".rstrip() for line in lines)

    # --- equations --------------------------------------------------------------------------

    def equations(self, block: Equations, width: int) -> Iterator[str]:
        """The rows in columns, each with its line of code below, a blank line between groups."""
        rows = [row for group in block.groups for row in group]
        names = [self.name(row, block) for row in rows]
        margin = max(map(len, names), default=0)
        room = width - margin - len(" = ")
        forms = [[self.form(form, block, room) for form in (row.right, *row.also)] for row in rows]
        for row, of_row in zip(rows, forms, strict=True):
            if row.boxed:
                of_row[0] = self.framed(self.form(row.right, block, room - 4))
        remarks = [self.prose(row.remark, block.notation, block.step) for row in rows]
        column = remark_column([len(bare(form[0][-1])) for form in forms], remarks, room)
        drawn = zip(rows, names, forms, remarks, strict=True)
        for number, group in enumerate(block.groups):
            if number:
                yield ""
            for _ in group:
                row, name, of_row, remark = next(drawn)
                *above, last = of_row[0][:-1] if row.boxed else of_row[0]
                first, *others = _remarked(last, remark, column, room)
                of_row[0] = [*above, first, *(of_row[0][-1:] if row.boxed else ()), *others]
                yield from self.row(name, of_row, margin, int(row.boxed))
                yield from self.code(row, margin, width)

    def name(self, row: Row, block: Equations) -> str:
        """The left side; before what is marked elsewhere stands its mark."""
        written = block.notation.write(row.left, self.spelling, block.step)
        for number, symbol in block.key.items():
            if symbol == row.left:
                return f"{self.line(number, len(mark_label(number)) + 2)} {written}"
        return written

    def form(self, form: Any, block: Equations, room: int) -> list[str]:
        lines = block.notation.lines(form, self.spelling, room, block.step)
        return ["  " * level + line for level, line in lines]

    def framed(self, lines: list[str]) -> list[str]:
        """Lines in a frame; the first and the last line are of the frame."""
        drawn = self.characters
        width = max(len(bare(line)) for line in lines) + 2
        top, bottom, *right = drawn.corners
        sides = [
            f"{drawn.own} {line}{' ' * (width - 1 - len(bare(line)))}{drawn.own}" for line in lines
        ]
        across = drawn.across * width
        return [f"{top}{across}{right[0]}", *sides, f"{bottom}{across}{right[1]}"]

    def row(self, name: str, forms: list[list[str]], margin: int, above: int) -> Iterator[str]:
        """The lines of a row; so many of them stand above its name."""
        for form in forms:
            for number, line in enumerate(form):
                first = number == above
                shown = name if first else ""
                yield f"{shown:<{margin}} {'=' if first else ' '} {bare(line)}"
                yield from (f"{'':<{margin}}   {below}" for below in self.underlined(line))
                name = "" if first else name
            above = 0

    def line(self, number: int, length: int) -> str:
        """The line of a mark: after some marks its kind comes again, the label in it does not."""
        kind, name = self.characters.marks[number % len(self.characters.marks)], mark_label(number)
        return f"{kind}{name}".ljust(length, kind) if length > len(name) else kind * length

    def underlined(self, line: str) -> Iterator[str]:
        """Rows of marks below a line: those of inner expressions first."""
        rows: list[list[str]] = []
        for span in spans(line):
            marked = range(span.start, span.stop)
            row = next((row for row in rows if all(row[n] == " " for n in marked)), None)
            if row is None:
                row = [" "] * len(line)
                rows.append(row)
            row[span.start : span.stop] = self.line(span.number, len(marked))
        yield from ("".join(row).rstrip() for row in rows)

    def code(self, row: Row, margin: int, width: int) -> Iterator[str]:
        code = self.document.code
        line = code.line_of(row.equation) if code is not None else None
        if line is not None:
            start = f"{'':<{margin}}   {line.number}  "
            yield from textwrap.wrap(
                line.text,
                max(width, len(start) + 20),
                initial_indent=start,
                subsequent_indent=" " * len(start) + "  ",
                break_long_words=False,
                break_on_hyphens=False,
            )

    # --- boxes, the graph, the code ---------------------------------------------------------

    def errors(self, block: Errors) -> Iterator[str]:
        for box in block.boxes:
            yield from self.indented(self.box(box))
            yield ""
        yield from self.indented(self.equations(block.sum, self.width - len(_INDENT)))

    def box(self, box: Box) -> Iterator[str]:
        drawn = self.characters
        upright = drawn.own if box.whose == "own" else drawn.later
        title = self.prose(box.title, self.document.notation)
        width = self.width - len(_INDENT) - 2
        yield f"{drawn.corners[0]}{drawn.across} {title} ".ljust(width, drawn.across)
        for line in self.equations(box.equations, width):
            yield f"{upright} {line}".rstrip()
        yield drawn.corners[1] + drawn.across * (width - 1)

    def graph(self, block: Graph) -> Iterator[str]:
        """Each value, and all that reads it; the ways back of an error are named."""
        rows = []
        for symbol, edges in block.reads():
            readers = [
                block.notation.write(edge.end, self.spelling, 0)
                + (f"{NO_BREAK}[{edge.path}]" if edge.path else "")
                for edge in edges
            ]
            name = block.notation.write(symbol, self.spelling, 0)
            rows.append([name, f"read by {', '.join(readers)}"])
        yield from self.indented(self.columns(rows))

    def listing(self, code: Code) -> Iterator[str]:
        for number, lines in enumerate(code.functions.values()):
            if number:
                yield ""
            yield from (f"{line.number:>4}  {line.text}".rstrip() for line in lines)


def _remarked(line: str, remark: str, column: int, room: int) -> list[str]:
    """A line with a remark in its column, or below it where there is no room."""
    if not remark:
        return [line]
    remark = remark.replace(NO_BREAK, " ")
    shown = len(bare(line))
    if max(shown, column) + 3 + len(remark) <= room:
        return [f"{line}{' ' * (max(column, shown) - shown)}   {remark}"]
    start = max(0, min(column + 3, room - len(remark)))
    below = textwrap.wrap(remark, max(room - start, 1))
    return [line, *(f"{'':<{start}}{words}" for words in below)]
