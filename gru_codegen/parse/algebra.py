"""Checked text of an equation -> SymPy's matrix expressions, with the shape of every part.

Python's own grammar says how the text groups (`ast.parse`, which evaluates nothing), so that
``x @ W * Z`` groups as in NumPy. The tree is then walked with a whitelist of nodes: one
that has no case here is an error, and names are only ever looked up among those declared.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.equations import written
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.known import meant
from gru_codegen.lags import MOST_STEPS, lag
from gru_codegen.notation import signed
from gru_codegen.own_functions import WORDS
from gru_codegen.parse.operators import (
    COMPARISONS,
    OF_ROWS,
    OF_THREE,
    OF_TWO,
    OPERATORS,
    Operand,
    Whole,
    applied,
    of_rows,
    transposed,
)
from gru_codegen.parse.syntax import Statement, Token
from gru_codegen.parse.text import Text
from gru_codegen.parse.values import Value, parts_of, times

__all__ = ["read", "read_formula"]

#: The most parts of an equation, written out, so that it is derived soon: softmax(A) has A in it
#: four times.
MOST_PARTS = 1000


def read(
    text: Text,
    statement: Statement,
    names: Mapping[str, Value],
    missing: Callable[[str], str],
    delayed: Callable[[str, int], Any] = lambda name, _: f"{name} is not delayed",
    functions: Mapping[str, Any] = FUNCTIONS,
) -> Value:
    """The right-hand side of `statement`, (B, n), or of weights alone, (m, n), (n,) or (1,).

    names: the values of the names in it. missing: the message about a name not among them.
    delayed: the symbol of a name that is read so many steps later, or a message why it is not.
    functions: those of one argument by name.

    Raises CellError, pointing at the place, when names or shapes are wrong.
    """
    return _Reader(text, statement.right, names, missing, delayed, functions).value()


def read_formula(
    text: Text,
    tokens: tuple[Token, ...],
    names: Mapping[str, Value],
    missing: Callable[[str], str],
    functions: Mapping[str, Any] = FUNCTIONS,
) -> Any:
    """The expression of a formula, a matrix or a number; what it takes and raises is as of `read`.

    It has no delays.
    """

    def delayed(name: str, _: int) -> str:
        return f"{name} is the argument of a function, which has no earlier values"

    reader = _Reader(text, tokens, names, missing, delayed, functions)
    return reader.visit(reader.tree()).expression


@dataclass(frozen=True)
class _Reader:
    text: Text
    tokens: tuple[Token, ...]
    names: Mapping[str, Value]
    missing: Callable[[str], str]
    delayed: Callable[[str, int], Any]
    functions: Mapping[str, Any]

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end

    def value(self) -> Value:
        whole = self.visit(self.tree())
        if not whole.shape:
            raise self.error_over_all("the right-hand side is a number", _KNOWN)
        for number in whole.expression.atoms(sp.Rational):
            if max(abs(number.p), number.q) >= 2**63:
                fault = f"the numbers come to {written(number)}"
                raise self.error_over_all(fault, "no array of integers holds that")
        return whole

    @cached_property
    def line(self) -> str:
        """The tokens, each at its place counted from `start`, with spaces for all between."""
        line = [" "] * (self.end - self.start)
        for token in self.tokens:
            line[token.start - self.start : token.end - self.start] = token.text
        return "".join(line)

    def tree(self) -> ast.expr:
        try:
            return ast.parse(self.line, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self.error_over_all("Python cannot read this as an expression") from None

    # --- nodes ------------------------------------------------------------------------------

    def visit(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float()):
                exact = Fraction(self.said(node))
                return Value(sp.Rational(exact.numerator, exact.denominator), ())
            case ast.Name():
                return self.name(node)
            case ast.Call(func=ast.Name() as function, args=arguments, keywords=[]):
                return self.call(node, function, arguments)
            case ast.Attribute(value=argument, attr="T"):
                return transposed(self.operand(argument), self.whole(node))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return times(-1, self.visit(operand))
            case ast.BinOp():
                return self.chain(node)
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                rule = COMPARISONS[type(operator)]
                return rule(self.operand(left), self.operand(right), self.whole(node))
            case ast.Compare():
                raise self.error(node, f"{self.said(node)} compares more than two; {_BOTH}")
        raise self.error(node, f"{type(node).__name__} has no place in an equation")

    def name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.functions:
            raise self.error(node, f"{node.id} is a function; write {node.id}(...)")
        raise self.error(node, self.missing(node.id))

    def call(self, node: ast.Call, function: ast.Name, arguments: list[ast.expr]) -> Value:
        name = function.id
        if name in self.names:
            fault = f"{name} is no function; a product is written with * or @"
            raise self.error(function, fault)
        if name == "lag":
            return self.lag(node, arguments)
        words = sorted([*self.functions, *WORDS])
        if name not in words:
            raise self.error(
                function,
                f"there is no function {name};{meant(name, words)} known: {', '.join(words)}",
            )
        takes = 3 if name in OF_THREE else 2 if name in OF_TWO else 1
        if len(arguments) != takes:
            count = ("one argument", "two arguments", "three arguments")[takes - 1]
            raise self.error(node, f"{name} takes {count}, not {len(arguments) or 'none'}")
        operands = [self.operand(argument) for argument in arguments]
        return self.bounded(node, self.of_operands(node, name, operands))

    def of_operands(self, node: ast.Call, name: str, operands: list[Operand]) -> Value:
        if name in OF_TWO:
            left, right = operands
            return OF_TWO[name](left, right, self.whole(node))
        if name in OF_THREE:
            return OF_THREE[name](operands, self.whole(node))
        if name in OF_ROWS:
            return of_rows(name, *operands)
        return applied(self.functions[name], *operands)

    def bounded(self, node: ast.expr, value: Value) -> Value:
        """`value` itself; CellError if it has too many parts."""
        if parts_of(value.expression) > MOST_PARTS:
            fault = f"{self.said(node)}, written out, has more than {MOST_PARTS} parts"
            raise self.error(node, f"{fault}; give some of it a name of its own")
        return value

    def lag(self, node: ast.Call, arguments: list[ast.expr]) -> Value:
        """lag(S, 2): what a name was so many steps earlier."""
        name = arguments[0] if len(arguments) == 2 else None
        if not isinstance(name, ast.Name):
            fault = f"{self.said(node)} is no delay; it is of a name and a number of steps"
            raise self.error(node, f"{fault}, as lag(S, 2)")
        written = arguments[1]
        value = self.visit(written)
        steps = value.expression
        if value.shape or not steps.is_Integer or not 1 <= steps <= MOST_STEPS:
            fault = f"a delay is a whole number of steps from 1 to {MOST_STEPS}"
            raise self.error(written, f"{fault}, not {self.said(written)}")
        symbol = self.delayed(name.id, int(steps))
        if isinstance(symbol, str):
            raise self.error(name, symbol)
        return Value(lag(symbol, int(steps)), symbol.shape)

    # --- operators --------------------------------------------------------------------------

    def chain(self, node: ast.BinOp) -> Value:
        """a + b + c + ..., nested on its left as deep as it is long: so walked in a loop."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        value = self.visit(chain[-1].left)
        for link in reversed(chain):
            rule = OPERATORS.get(type(link.op))
            if rule is None:
                raise self.error(link, f"{type(link.op).__name__} has no place in an equation")
            left, right = self.operand(link.left, value), self.operand(link.right)
            value = self.bounded(link, rule(left, right, self.whole(link)))
            if isinstance(value.expression, ZeroMatrix):
                raise self.error(link, f"{self.said(link)} is always 0; leave it out")
            if value.shape and not value.expression.has(MatrixSymbol):
                number, _ = signed(value.expression)
                raise self.error(link, f"{self.said(link)} is always {number}; write that")
        return value

    def operand(self, node: ast.expr, value: Value | None = None) -> Operand:
        value = self.visit(node) if value is None else value
        return Operand(value, self.said(node), partial(self.error, node))

    def whole(self, node: ast.expr) -> Whole:
        return Whole(self.said(node), partial(self.error, node))

    # --- errors -----------------------------------------------------------------------------

    def said(self, node: ast.expr) -> str:
        """The text of `node`, on one line and cut if it is long."""
        words = " ".join(self.line[node.col_offset : node.end_col_offset].split())
        return words if len(words) <= 40 else f"{words[:37]}..."

    def error(self, node: ast.expr, message: str) -> CellError:
        end = node.end_col_offset or 0  # an expression that was parsed has one
        return self.text.error(message, self.start + node.col_offset, self.start + end)

    def error_over_all(self, *parts: str) -> CellError:
        return self.text.error("; ".join(parts), self.start, self.end)


_BOTH = "both of two conditions are a product, as (A > B) * (B > C)"
_KNOWN = "one that is known stands under numbers, and an equation computes a matrix or a vector"
