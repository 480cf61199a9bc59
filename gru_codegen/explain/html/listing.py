"""The code of a document: each line with its number, which links to the formula it computes."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Mapping
from functools import cached_property
from html import escape

from gru_codegen.explain.code import Code, CodeLine
from gru_codegen.explain.html.anchors import Anchors
from gru_codegen.explain.html.markup import element, lines
from gru_codegen.notation import symbol_class

__all__ = ["Highlighted", "listing"]

_OPTIONS = {"lengths", "loss weights", "mean"}
_KINDS = {tokenize.COMMENT: "c", tokenize.STRING: "s", tokenize.NUMBER: "n"}


class Highlighted:
    """The source of a module in colours.

    names: the symbol that each name in the code is the value of.
    """

    def __init__(self, code: Code, names: Mapping[str, str]) -> None:
        self.code, self.names = code, names

    @cached_property
    def spans(self) -> dict[int, list[tuple[int, int, str]]]:
        """The parts of each line that have a class: the first column, the last, the class."""
        found: dict[int, list[tuple[int, int, str]]] = {}
        for token in tokenize.generate_tokens(io.StringIO(self.code.map.source).readline):
            if kind := self._kind(token):
                (first, start), (last, stop) = token.start, token.end
                for number in range(first, last + 1):
                    begin = start if number == first else 0
                    end = stop if number == last else len(self.code.lines[number - 1])
                    found.setdefault(number, []).append((begin, end, kind))
        return found

    def _kind(self, token: tokenize.TokenInfo) -> str:
        if token.type != tokenize.NAME:
            return _KINDS.get(token.type, "")
        if keyword.iskeyword(token.string):
            return "k"
        return symbol_class(self.names[token.string]) if token.string in self.names else ""

    def line(self, number: int) -> str:
        """A line of the module, without the spaces at its beginning."""
        text = self.code.lines[number - 1]
        place = len(text) - len(text.lstrip())
        parts = []
        for start, stop, kind in self.spans.get(number, ()):
            start = max(start, place)
            parts.append(escape(text[place:start], quote=False))
            parts.append(element("span", escape(text[start:stop], quote=False), class_=kind))
            place = max(stop, place)
        return "".join([*parts, escape(text[place:], quote=False)])


def listing(code: Code, shown: Highlighted, anchors: Anchors) -> str:
    """The functions of the module that compute."""
    return lines(
        element("div", "\n", *(_line(each, code, shown, anchors) for each in of), class_="listing")
        for of in code.functions.values()
    )


def _line(line: CodeLine, code: Code, shown: Highlighted, anchors: Anchors) -> str:
    options = line.equations and all(each.kind in _OPTIONS for each in line.equations)
    comment = line.text.lstrip().startswith("#")
    equation = anchors.formula_of(line) if line.number in code.statements else None
    indent = len(line.text) - len(line.text.lstrip())
    href = "" if equation is None else f"#{anchors.formulas[equation]}"
    return (
        element(
            "div",
            element("a" if href else "span", str(line.number), class_="number", href=href),
            element("code", shown.line(line.number), style=f"--in:{indent}" if indent else ""),
            class_="line dim" if options or comment else "line",
            id=anchors.lines.get(line.number, ""),
        )
        + "\n"
    )
