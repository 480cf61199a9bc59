"""Formulas in pieces, and pieces in lines: where a line may be broken, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

__all__ = ["Piece", "Pieces", "atom", "chained", "enclosed", "folded", "joined", "unbroken"]


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
    outermost = min(piece.depth for piece in pieces[1:])
    operands = [[pieces[0]]]
    for piece in pieces[1:]:
        if piece.depth == outermost:
            operands.append([])
        operands[-1].append(piece)
    lines: list[tuple[int, str]] = []
    indent, line = first, ""
    for operand in operands:
        written = unbroken(operand)
        if line and not fits(line + written, indent):
            lines.append((indent, line.strip()))
            indent, line = rest, ""
        if line or fits(written, indent):
            line += written
        else:
            lines += folded(tuple(operand), width, measure, indent, rest + 1)
            indent = rest
    return [*lines, (indent, line.strip())] if line else lines
