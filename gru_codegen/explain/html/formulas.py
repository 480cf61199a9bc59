"""Formulas in MathML, in as many pieces as they may have lines; and the prose between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from gru_codegen.derive.writing import Prose
from gru_codegen.explain.html.markup import element
from gru_codegen.notation import (
    CLASSED,
    TEXT,
    Notation,
    Verbatim,
    bare,
    mark_label,
    mathml,
    spelled,
)

__all__ = ["formula", "mark", "plain", "prose"]

#: How much of a formula stays together, in columns of text: less than a telephone has.
_WIDTH = 20

#: So many kinds of lines the style sheet has for marks.
_LINES = 6

#: Between two pieces a line may end. Neither character occurs in a formula.
_END_OF_PIECE, _EDGE_OF_MARK = "\n", "\0"


def formula(expression: Any, notation: Notation, step: str | int = "t", before: str = "") -> str:
    """A formula behind the sign `before`; whoever hears the page is told its plain text.

    MathML is never broken over lines by a browser, so each piece is a `math` of its own.
    """
    first, *others = notation.parts(expression, CLASSED, _WIDTH, step)
    label = before + bare(notation.write(expression, TEXT, step))
    inline = "".join(_inline([before + first, *others]))
    if inline.startswith("<math>") and inline.count("<math>") == 1:
        return inline.replace("<math>", f'<math aria-label="{escape(label)}">')
    hidden = element("span", inline, aria_hidden="true")
    return element("span", hidden, role="math", aria_label=label)


def _inline(pieces: Sequence[str]) -> Iterator[str]:
    """The pieces; what has a mark is in a `span`, over the ends of lines."""

    def marks(number: int) -> tuple[str, str]:
        return f"{_EDGE_OF_MARK}{number}{_EDGE_OF_MARK}", _EDGE_OF_MARK * 2

    (whole,) = spelled([_END_OF_PIECE.join(pieces)], marks)
    for place, part in enumerate(whole.split(_EDGE_OF_MARK)):
        if place % 2:
            yield f"<span {mark(int(part))}>" if part else "</span>"
        else:
            yield "<wbr/>".join(map(_math, part.split(_END_OF_PIECE)))


def mark(number: int) -> str:
    """The attributes of what has the mark of this number: its line, and the label behind it."""
    return f'class="mark mark-{number % _LINES}" data-label="{mark_label(number)}"'


def _math(latex: str) -> str:
    return f"<math>{mathml(latex)}</math>" if latex.strip() else ""


def prose(parts: Prose, notation: Notation, step: str | int = "t") -> str:
    """Words and formulas in turn; no line begins with the comma or the point behind a formula."""
    written: list[str] = []
    for before, part in zip((None, *parts), parts, strict=False):
        markup = _part(part, notation, step)
        behind = isinstance(part, str) and not isinstance(before, (str, type(None)))
        sign = re.match(r"[,.:;)]+", part) if behind else None
        if sign is not None:
            written[-1] = element("span", written[-1], sign[0], class_="together")
            markup = markup[sign.end() :]
        written.append(markup)
    return "".join(written)


def _part(part: Any, notation: Notation, step: str | int) -> str:
    if isinstance(part, str):
        return escape(part)
    if isinstance(part, Verbatim):
        return element("code", escape(part.code))
    return formula(part, notation, step)


def plain(parts: Prose, notation: Notation) -> str:
    """The same without markup."""
    return escape(bare(notation.prose(parts, TEXT)))
