"""Formulas in pieces, and pieces in lines: where a line may be broken, and where it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = [
    "Piece",
    "Pieces",
    "Span",
    "atom",
    "bare",
    "chained",
    "enclosed",
    "folded",
    "joined",
    "kept",
    "marked",
    "parted",
    "spans",
    "spelled",
    "unbroken",
]


class Piece(NamedTuple):
    """A part of a written formula that no line break divides.

    depth: how deep the operator that opens it is nested; the lower, the better a break before it.
    """

    mark: str
    depth: int


Pieces = tuple[Piece, ...]


def atom(mark: str) -> Pieces:
    """A formula that is never broken."""
    return (Piece(mark, 0),)


def chained(operands: Iterable[tuple[str, Pieces]]) -> Pieces:
    """Operands, each after its operator, that may stand on lines of their own."""
    pieces: list[Piece] = []
    for operator, (first, *others) in operands:
        pieces.append(Piece(operator + first.mark, 0))
        pieces += [Piece(mark, depth + 1) for mark, depth in others]
    return tuple(pieces)


def joined(parts: Sequence[Pieces], joint: str = "") -> Pieces:
    """Parts between which no line is broken, except between two that are long themselves."""
    pieces: list[Piece] = []
    for before, (first, *others) in zip((None, *parts), parts, strict=False):
        if before is None:
            pieces.append(Piece(first.mark, 0))
        elif len(before) > 1 and others:
            pieces.append(Piece(joint + first.mark, 0))
        else:
            pieces[-1] = pieces[-1]._replace(mark=pieces[-1].mark + joint + first.mark)
        pieces += [Piece(mark, depth + 1) for mark, depth in others]
    return tuple(pieces)


def enclosed(opening: str, pieces: Pieces, closing: str) -> Pieces:
    """A formula between two marks."""
    return joined([atom(opening), pieces, atom(closing)])


def marked(pieces: Pieces, number: int) -> Pieces:
    """A formula that has the mark `number`, on however many lines it comes to stand."""
    return enclosed(chr(_FIRST_MARK + number), pieces, _END)


#: What stands in pieces where a mark begins, by its number, and where it ends: characters of
#: Unicode's private use, which no symbol has.
_FIRST_MARK, _END = 0xE000, "\uf8ff"
_MARKS = re.compile("[\ue000-\uf8ff]")


class Span(NamedTuple):
    """A part of a line that has the mark `number`: the columns from `start` to before `stop`."""

    number: int
    start: int
    stop: int


def bare(line: str) -> str:
    """`line` without its marks."""
    return _MARKS.sub("", line)


def spelled(lines: Iterable[str], marks: Callable[[int], tuple[str, str]]) -> Iterator[str]:
    """The lines of a formula, each mark spelled by its beginning and its end on every line."""
    begun: list[int] = []
    for line in lines:
        parts = [marks(number)[0] for number in begun]
        column = 0
        for mark in _MARKS.finditer(line):
            parts.append(line[column : mark.start()])
            column = mark.end()
            if mark[0] == _END:
                parts.append(marks(begun.pop())[1])
            else:
                begun.append(ord(mark[0]) - _FIRST_MARK)
                parts.append(marks(begun[-1])[0])
        parts.append(line[column:])
        yield "".join([*parts, *(marks(number)[1] for number in reversed(begun))])


def kept(number: int) -> tuple[str, str]:
    """Marks as they are, for `spans`."""
    return chr(_FIRST_MARK + number), _END


def spans(line: str) -> list[Span]:
    """The marked parts of a line, in columns of the bare line; inner ones come first."""
    closed: list[Span] = []
    begun: list[tuple[int, int]] = []
    for count, mark in enumerate(_MARKS.finditer(line)):
        column = mark.start() - count
        if mark[0] == _END:
            closed.append(Span(*begun.pop(), column))
        else:
            begun.append((ord(mark[0]) - _FIRST_MARK, column))
    return [span for span in closed if span.start < span.stop]


def unbroken(pieces: Iterable[Piece]) -> str:
    """A formula on one line."""
    return "".join(piece.mark for piece in pieces)


def folded(
    pieces: Pieces, width: float, measure: Callable[[str], float], first: int = 0, rest: int = 1
) -> list[tuple[int, str]]:
    """A formula in lines of at most `width` where that can be done, with their indentation.

    first, rest: the indentation of the first line and of the others; 1 takes two columns of width.
    """

    def fits(line: str, indent: int) -> bool:
        return measure(line) <= width - 2 * indent

    whole = unbroken(pieces)
    if len(pieces) == 1 or fits(whole, first):
        return [(first, whole.strip())]
    lines: list[tuple[int, str]] = []
    indent, line = first, ""
    for operand in _operands(pieces):
        written = unbroken(operand)
        if line and not fits(line + written, indent):
            lines.append((indent, line.strip()))
            indent, line = rest, ""
        if line or fits(written, indent):
            line += written
        else:
            lines += folded(operand, width, measure, indent, rest + 1)
            indent = rest
    return [*lines, (indent, line.strip())] if line else lines


def parted(pieces: Pieces, width: float, measure: Callable[[str], float]) -> list[str]:
    """A formula in parts of at most `width` where that can be done, for others to make lines of."""
    whole = unbroken(pieces)
    if len(pieces) == 1 or measure(whole) <= width:
        return [whole]
    return [part for each in _operands(pieces) for part in parted(each, width, measure)]


def _operands(pieces: Pieces) -> list[Pieces]:
    """The formula in pieces, divided where the outermost operators stand."""
    outermost = min(piece.depth for piece in pieces[1:])
    starts = [0, *(n for n, piece in enumerate(pieces) if n and piece.depth == outermost)]
    return [pieces[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
