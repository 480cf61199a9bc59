"""The text of equations cut into equations, and each checked word by word.

    Z = sigmoid(x @ Wz + S_prev @ Wrecz + bz)     # update gate

An equation takes one line, or more while a bracket is open. The comment at its end says what the
left side means; a comment on a line of its own is skipped. Names, numbers, brackets, commas within
them, the operators + - * / @ **, the comparisons < > <= >= and the transpose .T are all there is,
and whatever else a text holds is refused here, character by character, before any parser of Python
sees it.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from gru_codegen.errors import CellError
from gru_codegen.parse.text import Text

__all__ = ["Statement", "Token", "formula", "statements"]

#: Bounds that no equation of a publication comes near, so that every text is read in no time.
MOST_EQUATIONS = 100
MOST_TOKENS_OF_ALL = 500
MOST_TOKENS = 200
MOST_BRACKETS = 10
#: The significant digits that tell two numbers of float64 apart. A kernel writes a number as an
#: integer over another, which int64 holds.
MOST_DIGITS = 17


@dataclass(frozen=True)
class Token:
    """A word or mark of an equation; `start` is its place in the whole text."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


@dataclass(frozen=True)
class Statement:
    """An equation as it is written: the target, its right-hand side, and the comment's words."""

    target: Token
    right: tuple[Token, ...]
    meaning: str

    def names(self, *, delayed: bool) -> set[str]:
        """The names of which it reads earlier values, by lag(S, 2), or all others in it."""
        words = ["", "", *(token.text for token in self.right)]
        before = pairwise(words)
        return {
            token.text
            for token, two in zip(self.right, before, strict=False)
            if token.kind == "name" and (two == ("lag", "(")) == delayed
        }


def statements(text: Text, start: int, end: int) -> list[Statement]:
    """The equations in the characters of `text` from `start` to `end`.

    Raises CellError, pointing at the place, for anything that is not an equation.
    """
    lines = _lines(text, list(_tokens(text, start, end)))
    found = [_statement(text, line) for line in lines if any(t.kind != "comment" for t in line)]
    _check_number(text, found)
    return found


def formula(text: Text, start: int, end: int) -> tuple[Token, ...]:
    """The right-hand side that stands alone in the characters of `text` from `start` to `end`.

    Raises CellError, pointing at the place, for anything that is not one.
    """
    found = [token for token in _tokens(text, start, end) if token.kind != "newline"]
    before = Token("equals", "", start)
    _check_order(text, before, found)
    return tuple(found)


def _check_number(text: Text, found: list[Statement]) -> None:
    """Check that there are no more equations, and no more in them, than can be derived soon."""
    for statement in found[MOST_EQUATIONS:]:
        fault = f"more than {MOST_EQUATIONS} equations; a cell is one step of a network"
        raise text.error(fault, statement.target.start, statement.target.end)
    total = 0
    for statement in found:
        total += len(statement.right)
        if total > MOST_TOKENS_OF_ALL:
            fault = f"the equations up to here have more than {MOST_TOKENS_OF_ALL} names, numbers"
            raise text.error(f"{fault} and marks", statement.target.start, statement.target.end)


# --- tokens --------------------------------------------------------------------------------------

_TOKENS = {
    "blank": r"[ \t]+",
    "comment": r"\#[^\n]*",
    "newline": r"\n",
    "name": r"[A-Za-z_][A-Za-z0-9_]*",
    "number": r"(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+",
    "strange": r"//|==|!=|<<|>>|<>",
    "compare": r"[<>]=?",
    "transpose": r"\.T\b",
    "operator": r"\*\*|[-+*/@]",
    "comma": r",",
    "open": r"\(",
    "close": r"\)",
    "equals": r"=",
    "other": r".",
}
_KNOWN = "equations take names, numbers, ( ) and + - * / @ ** < > <= >="
_EXPONENT = re.compile(r"[0-9.]+[eE][+-]?[0-9]{1,3}(?![\w.])")
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _TOKENS.items()), re.S)

#: What to write instead of what is not known here.
_INSTEAD = {
    "^": "a square is written Z ** 2",
    **dict.fromkeys(["∘", "⊙", "×", "·", "•"], "the elementwise product is written *"),
    "[": "there are no slices and nothing is joined: a part, or one of two side by side, is "
    "multiplied by a weight of its own, as in x @ W + S_prev @ U",
    "{": "brackets are round",
    "−": "minus is written -",
    ".": "functions are written bare, as tanh(...), and the transpose of a weight U is U.T",
    ";": "each equation takes a line of its own",
    "σ": "the logistic function is written sigmoid",
}


def _tokens(text: Text, start: int, end: int) -> Iterator[Token]:
    for match in _TOKEN.finditer(text.content, start, end):
        kind = str(match.lastgroup)
        token = Token(kind, match[0], match.start())
        if kind in ("strange", "other"):
            known = _INSTEAD.get(token.text) or _letter(token.text) or _KNOWN
            raise text.error(f"{_quoted(token)} is not known here; {known}", token.start, token.end)
        if kind == "name" and keyword.iskeyword(token.text):
            raise text.error(
                f"{token.text} is a keyword of Python, and equations have none",
                token.start,
                token.end,
            )
        if kind == "number" and (digits := _significant(token.text)) > MOST_DIGITS:
            raise text.error(
                f"a number of {digits} digits; float64 tells numbers apart by {MOST_DIGITS}",
                token.start,
                token.end,
            )
        if kind != "blank":
            yield token


def _letter(mark: str) -> str:
    """The remedy for a letter that no name has; "" for another mark."""
    is_other = mark.isalpha() and not mark.isascii()
    return "names are of ASCII letters, digits and underscores, as alpha" if is_other else ""


def _significant(number: str) -> int:
    """The digits of `number`, but for zeros in front; those behind a point count too."""
    return len(number.replace(".", "").lstrip("0"))


def _quoted(token: Token) -> str:
    """A mark as messages show it: with its code if it cannot be seen, or not by itself."""
    alone = token.text.isprintable() and not any(map(unicodedata.combining, token.text))
    return token.text if alone else f"the character {token.text!a}"


def _lines(text: Text, tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of one equation at a time: it ends with the line, unless a bracket is open."""
    line: list[Token] = []
    opened: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind != "newline":
            line.append(token)
            if token.kind == "open":
                opened.append(token)
            elif token.kind == "close" and opened:
                opened.pop()
        elif not opened:
            yield line
            line = []
        elif [following.kind for following in tokens[place + 1 : place + 3]] == ["name", "equals"]:
            raise _never_closed(text, opened[-1])
    yield line


# --- equations -----------------------------------------------------------------------------------

_OPERAND = "a name, a number or ("


def _statement(text: Text, line: list[Token]) -> Statement:
    remarks = [token.text.strip("# \t") for token in line if token.kind == "comment"]
    target, *rest = (token for token in line if token.kind != "comment")
    if target.kind != "name":
        raise _expected(text, "an equation such as Z = sigmoid(x @ Wz)", target)
    if not rest or rest[0].kind != "equals":
        raise _expected(text, f"= after {target.text}", *rest[:1], after=target)
    equals, *right = rest
    _check_order(text, equals, right)
    return Statement(target, tuple(right), " ".join(filter(None, remarks)))


def _check_order(text: Text, equals: Token, right: list[Token]) -> None:
    """Check that operands and operators take turns and that brackets pair off."""
    if len(right) > MOST_TOKENS:
        surplus = right[MOST_TOKENS]
        raise text.error(
            f"the equation has more than {MOST_TOKENS} names, numbers and marks; "
            "give its parts names of their own",
            surplus.start,
            surplus.end,
        )
    opened: list[Token] = []
    previous, signed = equals, False
    for token in right:
        ending = ", or )" if opened else "or the end of the equation"
        operand_due = previous.kind in ("equals", "operator", "compare", "open", "comma")
        signed = operand_due and not signed and token.text == "-"
        if operand_due:
            if token.kind not in ("name", "number", "open") and not signed:
                raise _expected(text, _OPERAND, token)
        elif token.kind == "close":
            if not opened:
                raise text.error("this ) closes no bracket", token.start, token.end)
            opened.pop()
        elif token.kind == "comma" and not opened:
            raise text.error("a comma stands between the arguments of a function", *token.span)
        elif token.kind not in ("operator", "compare", "comma", "transpose") and not (
            token.kind == "open" and previous.kind == "name"
        ):
            raise _power_of_ten(text, previous) or _expected(
                text, f"one of + - * / @ ** < > {ending}", token
            )
        if token.kind == "open":
            opened.append(token)
            if len(opened) > MOST_BRACKETS:
                raise text.error(
                    f"more than {MOST_BRACKETS} brackets are open here; "
                    "give what is inside a name of its own",
                    token.start,
                    token.end,
                )
        previous = token
    ends = previous.kind in ("name", "number", "close", "transpose")
    if opened and ends:
        raise _never_closed(text, opened[-1])
    if not ends:
        raise _expected(text, _OPERAND, after=previous)


def _expected(text: Text, what: str, *found: Token, after: Token | None = None) -> CellError:
    """`what` should stand where a token is `found` or, if none is, `after` the last one."""
    if found:
        return text.error(f"expected {what}, found {found[0].text}", found[0].start, found[0].end)
    place = after.end if after else 0
    return text.error(f"expected {what}, found the end of the line", place, place)


def _power_of_ten(text: Text, number: Token) -> CellError | None:
    """An error about a `number` that goes on with an exponent, as 1e-3 does; None if none does."""
    match = _EXPONENT.match(text.content, number.start)
    if number.kind != "number" or match is None:
        return None
    plain = f"{Decimal(match[0]):f}"
    fault = f"{match[0]} is not known here; numbers are written out"
    fault += f", {plain}" if len(plain) <= MOST_DIGITS else ""
    return text.error(fault, match.start(), match.end())


def _never_closed(text: Text, bracket: Token) -> CellError:
    return text.error("this ( is never closed", bracket.start, bracket.end)
