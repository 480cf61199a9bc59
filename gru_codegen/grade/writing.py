"""Formulas as text: on paper, as `inspect` prints them, or in code, as files of cells have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gru_codegen.grade.terms import Term, product, transposed

__all__ = ["CODE", "PAPER", "Manner", "Writer"]


@dataclass(frozen=True)
class Manner:
    """The marks of one way of writing."""

    times: str
    elementwise: str
    matrix: str
    transpose: str
    indexed: bool


PAPER = Manner(" ", " o ", " ", "^T", True)
CODE = Manner(" * ", " * ", " @ ", ".T", False)

# How tightly a form binds, loosest first.
_SUM, _ELEMENTWISE, _PRODUCT, _ATOM = range(4)


@dataclass(frozen=True)
class Writer:
    """Writes terms in one manner, with the reader's own names.

    Attributes
    ----------
    called: what a symbol is called by its key and offset, with an index or without.
    """

    called: Callable[[str, int, bool], str]

    def __call__(self, term: Term, manner: Manner) -> str:
        """The text of `term`."""
        return self._text(term, manner)[0]

    def _text(self, term: Term, manner: Manner) -> tuple[str, int]:
        match term.kind:
            case "number":
                return str(term.value), _ATOM
            case "name":
                key, offset = term.value
                return self.called(key, offset, manner.indexed), _ATOM
            case "ones":
                return "ones", _ATOM
            case "transpose" if term.parts[0].kind == "product":
                factors = map(transposed, reversed(term.parts[0].parts))
                return self._text(product(factors), manner)
            case "transpose":
                return self._within(term.parts[0], _PRODUCT, manner) + manner.transpose, _ATOM
            case "apply":
                return f"{term.value}({self(term.parts[0], manner)})", _ATOM
            case "negative":
                return "-" + self._within(term.parts[0], _SUM, manner), _SUM
            case "over_time":
                return "sum_t " + self._within(term.parts[0], _SUM, manner), _SUM
            case "sum":
                return self._sum(term, manner), _SUM
            case "elementwise":
                return self._elementwise(term, manner), _ELEMENTWISE
        return manner.matrix.join(
            self._within(part, _PRODUCT, manner) for part in term.parts
        ), _PRODUCT

    def _within(self, term: Term, level: int, manner: Manner) -> str:
        text, binding = self._text(term, manner)
        return text if binding > level else f"({text})"

    def _sum(self, term: Term, manner: Manner) -> str:
        text = ""
        for place, part in enumerate(term.parts):
            minus = part.kind == "negative"
            sign = (" - " if minus else " + ") if place else "-" if minus else ""
            text += sign + self._within(part.parts[0] if minus else part, _SUM, manner)
        return text

    def _elementwise(self, term: Term, manner: Manner) -> str:
        text, joint = "", ""
        for part in term.parts:
            # in code both products bind alike: brackets say which comes first
            level = _PRODUCT if manner is CODE or len(term.parts) > 2 or not text else _ELEMENTWISE
            if part.kind == "number":
                level = _ELEMENTWISE
            elif not text or joint == manner.elementwise:
                level = _PRODUCT
            text += joint + self._within(part, level, manner)
            joint = manner.times if part.kind == "number" else manner.elementwise
        return text
