"""The text of a formula -> a term: a grammar of our own, and nothing of the text is evaluated.

    sum     = ["-"] chain { ("+" | "-") chain }
    chain   = ["sum_t"] factor { ("*" | "o" | "@" | "/") factor }
    factor  = ["-"] operand { operand }                     side by side: the matrix product
    operand = (number | name | function "(" sum ")" | "(" sum ")") { "^T" | ".T" | "^2" }

`*` and `o` are the elementwise product, `@` is the matrix product. `*`, `@` and `/` bind alike,
from left to right, as in Python; `o` and `@` in one chain need brackets, since paper and Python
group them differently. The name `ones` is a matrix of ones, unless the cell has a symbol of it; in
a matrix product 1 is one too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction

from gru_codegen.grade.stamps import LABEL
from gru_codegen.grade.terms import (
    Term,
    applied,
    elementwise,
    negative,
    number,
    ones,
    over_time,
    product,
    square,
    transposed,
)
from gru_codegen.grade.writing import CODE, PAPER, Manner

__all__ = ["FormulaError", "Reader", "read_name"]

#: Bounds that no derivation comes near, so that every text is read in no time.
MOST_TOKENS = 200
MOST_BRACKETS = 10
MOST_DIGITS = 15


class FormulaError(Exception):
    """A fault in the characters from `start` to `end` of a formula."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


@dataclass(frozen=True)
class Token:
    """A word or a mark; `start` and `end` are its place in the formula."""

    kind: str
    text: str
    start: int
    end: int


_NAME = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?'*"
_INDEX = r"_\{[ ]*t[ ]*(?:[+-][ ]*[0-9]{1,3})?[ ]*\}"
_TOKENS = {
    "blank": r"\s+",
    "name": rf"{_NAME}(?:{_INDEX})?(?:{LABEL})?",
    "transpose": r"\^T(?![A-Za-z0-9_])|\^\{T\}|\^?[ᵀ\u22a4]|\.T(?![A-Za-z0-9_])",
    "square": r"\^2(?![0-9])|\*\*2(?![0-9])|²",
    "number": r"[0-9]+(?:/[0-9]+|\.[0-9]*(?!T))?|\.[0-9]+",
    "o": r"[∘⊙]",
    "operator": r"[-+*/@−]",
    "open": r"\(",
    "close": r"\)",
    "other": r".",
}
_TOKEN = re.compile("|".join(f"(?P<{kind}>{text})" for kind, text in _TOKENS.items()), re.S)

#: What to write instead of what is not known here.
_INSTEAD = {
    **dict.fromkeys("[{", "brackets are round, and a step is written S_{t-1}"),
    **dict.fromkeys("·•×", "the elementwise product is o or *, the matrix product @ or nothing"),
    "^": "known are ^T and ^2",
    "'": "a slope is written in terms of the value, as Z * (1 - Z)",
    ".": "known is .T",
    "=": "a formula is a right-hand side",
    ",": "a function takes one argument",
}
#: Marks that tell paper from code; `Z` and `1 - Z` are the same in both.
_ON_PAPER = re.compile(r"\bo\b|[∘⊙]|\^|_t\b|_\{")
_IN_CODE = re.compile(r"[*@]|\.T|_(?:prev|next)\b")
_OPERAND_STARTS = ("name", "number", "open")


def read_name(text: str) -> tuple[str, int | None] | None:
    """A name and the offset that its index says; None if it is no name."""
    match = re.fullmatch(rf"(?P<name>{_NAME})(?P<index>{_INDEX})?", text)
    if match is None:
        return None
    index = match["index"]
    if index is None:
        return match["name"], None
    return match["name"], int(re.sub(r"[^0-9+-]", "", index) or 0)


@dataclass(frozen=True)
class Reader:
    """Reads formulas.

    Attributes
    ----------
    resolve: the term of a name as it is written; raises KeyError with a message for any other.
    functions: the names of functions.
    """

    resolve: Callable[[str], Term]
    functions: Collection[str]

    def __call__(self, text: str) -> tuple[Term, Manner | None]:
        """The term of a formula, and the manner in which it is written if that shows.

        Raises FormulaError with the place.
        """
        parse = _Parse(self, text, _tokens(text))
        term = parse.whole()
        on_paper = parse.adjacent or _ON_PAPER.search(text)
        return term, PAPER if on_paper else CODE if _IN_CODE.search(text) else None


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind, word = str(match.lastgroup), match[0]
        if kind == "blank":
            continue
        if kind == "other":
            shown = word if word.isprintable() and word.isascii() else f"the character {word!a}"
            known = _INSTEAD.get(word, "formulas take names, numbers, ( ) and + - * / @ o ^T .T")
            raise FormulaError(f"{shown} is not known here; {known}", match.start(), match.end())
        if kind == "number" and len(word) > MOST_DIGITS:
            fault = f"a number of {len(word)} characters; at most {MOST_DIGITS} are read"
            raise FormulaError(fault, match.start(), match.end())
        if word == "o":
            kind = "o"
        found.append(Token(kind, "-" if word == "−" else word, match.start(), match.end()))
        if len(found) > MOST_TOKENS:
            fault = f"more than {MOST_TOKENS} names, numbers and marks; give parts names of their"
            raise FormulaError(f"{fault} own", match.start(), match.end())
    return found


class _Parse:
    """One reading of one formula, token by token."""

    def __init__(self, reader: Reader, text: str, tokens: list[Token]) -> None:
        self.reader, self.text, self.tokens = reader, text, tokens
        self.place, self.depth, self.adjacent = 0, 0, False

    def whole(self) -> Term:
        term = self.sum()
        if self.next is not None:
            raise self.expected("an operator", self.next)
        return term

    @property
    def next(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, *texts: str, kind: str = "operator") -> Token | None:
        """The next token, if it is of this kind and has one of these texts, or any if none."""
        token = self.next
        if token is None or token.kind != kind or (texts and token.text not in texts):
            return None
        self.place += 1
        return token

    def expected(self, what: str, token: Token | None) -> FormulaError:
        if token is None:
            return FormulaError(f"expected {what}, found the end", len(self.text), len(self.text))
        return FormulaError(f"expected {what}, found {token.text}", token.start, token.end)

    # --- the grammar ------------------------------------------------------------------------

    def sum(self) -> Term:
        minus = self.take("-")
        terms = [negative(self.chain()) if minus else self.chain()]
        while sign := self.take("+", "-"):
            term = self.chain()
            terms.append(Term("negative", (term,)) if sign.text == "-" else term)
        return terms[0] if len(terms) == 1 else Term("sum", tuple(terms))

    def chain(self) -> Term:
        if (token := self.next) and token.text == "sum_t":
            self.place += 1
            return over_time(self.chain())
        term, seen = self.factor(), set[str]()
        while operator := self.take("*", "/", "@") or self.take(kind="o"):
            seen.add("o" if operator.kind == "o" else operator.text)
            if seen >= {"o", "@"}:
                fault = "o and @ side by side; brackets have to say which comes first"
                raise FormulaError(fault, operator.start, operator.end)
            start = self.next
            right = self.factor()
            if operator.text == "/":
                term = self.quotient(term, right, start)
            elif operator.text == "@":
                term = product(_as_ones(part) for part in (term, right))
            else:
                term = elementwise((term, right))
        return term

    def quotient(self, left: Term, right: Term, token: Token | None) -> Term:
        if right.kind != "number" or not right.value:
            assert token is not None  # a factor has been read there
            fault = "/ divides by a number; of a matrix write reciprocal(...)"
            raise FormulaError(fault, token.start, token.end)
        if left.kind == "number":
            return number(left.value / right.value)
        return elementwise((number(1 / right.value), left))

    def factor(self) -> Term:
        if self.take("-"):
            return negative(self.factor())
        operands = [self.operand()]
        while (token := self.next) and token.kind in _OPERAND_STARTS:
            operands.append(self.operand())
        if len(operands) == 1:
            return operands[0]
        self.adjacent = True
        return _side_by_side(operands)

    def operand(self) -> Term:
        term = self.atom()
        while mark := self.take(kind="transpose") or self.take(kind="square"):
            if mark.kind == "square":
                term = square(term)
            elif term.kind == "number" and term.value == 1:
                term = transposed(ones)
            else:
                term = transposed(term)
        return term

    def atom(self) -> Term:
        token = self.next
        if token is None or token.kind not in _OPERAND_STARTS:
            raise self.expected("a name, a number or (", token)
        self.place += 1
        if token.kind == "number":
            return self.number(token)
        if token.kind == "open":
            return self.bracket(token)
        following = self.next
        called = following is not None and following.kind == "open"
        if called and token.text in self.reader.functions:
            opening = self.take(kind="open")
            assert opening is not None  # as `following` says
            return applied(token.text, self.bracket(opening))
        try:
            return self.reader.resolve(token.text)
        except KeyError as error:
            if token.text == "ones":
                return ones
            raise FormulaError(str(error.args[0]), token.start, token.end) from None

    def number(self, token: Token) -> Term:
        try:
            return number(Fraction(token.text))
        except ZeroDivisionError:
            raise FormulaError(f"{token.text} divides by 0", token.start, token.end) from None

    def bracket(self, opening: Token) -> Term:
        self.depth += 1
        if self.depth > MOST_BRACKETS:
            fault = f"more than {MOST_BRACKETS} brackets are open here"
            raise FormulaError(
                f"{fault}; give parts names of their own", opening.start, opening.end
            )
        term = self.sum()
        if not self.take(kind="close"):
            if self.next is None:
                raise FormulaError("this ( is never closed", opening.start, opening.end)
            raise self.expected("an operator or )", self.next)
        self.depth -= 1
        return term


def _side_by_side(operands: list[Term]) -> Term:
    """Operands side by side: a matrix product, behind its rational coefficient.

    A 1 among them is a matrix of ones too: ``ones b`` has b in every row, ``A ones`` adds
    up the entries of each row.
    """
    first, *others = operands
    if first.kind == "number" and first.value != 1:
        return elementwise((first, _side_by_side(others) if len(others) > 1 else others[0]))
    return product(map(_as_ones, operands))


def _as_ones(factor: Term) -> Term:
    return ones if factor == number(1) else factor
