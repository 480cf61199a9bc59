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
from functools import cached_property
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.cell import B, ones
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.parse.forms import added, multiplied, multiplied_elementwise, scaled
from gru_codegen.parse.syntax import MOST_DIGITS, Statement
from gru_codegen.parse.text import Text, meant

__all__ = ["Shape", "Value", "letters", "read"]

#: () is a number, (n,) a vector, (m, n) a matrix, as in NumPy; the sizes are SymPy's.
Shape = tuple[Any, ...]


@dataclass(frozen=True)
class Value:
    """The value of a part of an equation.

    Attributes
    ----------
    expression: a rational number, or a matrix expression; a vector (n,) is the matrix (B, n) whose
        every row it is, as broadcasting would make it.
    shape: as in NumPy.
    """

    expression: Any
    shape: Shape

    @classmethod
    def of(cls, symbol: Any) -> Value:
        """A declared symbol; a row (1, n) is a vector."""
        rows, columns = symbol.shape
        return cls(ones(B, 1) * symbol, (columns,)) if rows == 1 else cls(symbol, (rows, columns))


def letters(shape: Shape) -> str:
    """A shape as messages write it, with letters: (B, H), (H,), a number."""
    if not shape:
        return "a number"
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def read(
    text: Text, statement: Statement, names: Mapping[str, Value], missing: Callable[[str], str]
) -> Value:
    """The right-hand side of `statement`, (B, n) or (n,).

    names: the values of the names in it. missing: the message about a name not among them.

    Raises CellError, pointing at the place, when names or shapes are wrong.
    """
    return _Reader(text, statement, names, missing).value()


@dataclass(frozen=True)
class _Reader:
    text: Text
    statement: Statement
    names: Mapping[str, Value]
    missing: Callable[[str], str]

    @property
    def start(self) -> int:
        return self.statement.right[0].start

    @property
    def end(self) -> int:
        return self.statement.right[-1].end

    def value(self) -> Value:
        whole = self.visit(self.tree())
        if not whole.shape:
            raise self.error_over_all("the right-hand side is a number", _ROWS)
        if len(whole.shape) == 2 and whole.shape[0] != B:
            raise self.error_over_all(f"the right-hand side is {letters(whole.shape)}", _ROWS)
        for number in whole.expression.atoms(sp.Rational):
            if max(abs(number.p), number.q) >= 10**MOST_DIGITS:
                fault = f"the numbers come to more than {MOST_DIGITS} digits"
                raise self.error_over_all(fault, "those are not exact")
        return whole

    @cached_property
    def line(self) -> str:
        """The tokens, each at its place counted from `start`, with spaces for all between."""
        line = [" "] * (self.end - self.start)
        for token in self.statement.right:
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
            case ast.Call(func=ast.Name() as function, args=[argument], keywords=[]):
                return self.call(node, function, argument)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _scaled(-1, self.visit(operand))
            case ast.BinOp():
                return self.chain(node)
        raise self.error(node, f"{type(node).__name__} has no place in an equation")

    def name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in FUNCTIONS:
            raise self.error(node, f"{node.id} is a function; write {node.id}(...)")
        raise self.error(node, self.missing(node.id))

    def call(self, node: ast.Call, function: ast.Name, argument: ast.expr) -> Value:
        name = function.id
        if name in self.names:
            fault = f"{name} is no function; a product is written with * or @"
            raise self.error(function, fault)
        if name not in FUNCTIONS:
            raise self.error(
                function,
                f"there is no function {name};{meant(name, FUNCTIONS)} "
                f"known: {', '.join(FUNCTIONS)}",
            )
        value = self.visit(argument)
        if not value.shape or (len(value.shape) == 2 and value.shape[0] != B):
            fault = f"{self.said(argument)} is {letters(value.shape)}"
            raise self.error(argument, f"{fault}; a function takes one row per sample, (B, n)")
        return Value(FUNCTIONS[name](value.expression), value.shape)

    # --- operators --------------------------------------------------------------------------

    def chain(self, node: ast.BinOp) -> Value:
        """a + b + c + ..., nested on its left as deep as it is long: so walked in a loop."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        value = self.visit(chain[-1].left)
        for link in reversed(chain):
            rule = _OPERATORS.get(type(link.op))
            if rule is None:
                raise self.error(link, f"{type(link.op).__name__} has no place in an equation")
            value = rule(self, link, value, self.visit(link.right))
            if isinstance(value.expression, ZeroMatrix):
                raise self.error(link, f"{self.said(link)} is always 0; leave it out")
        return value

    def sum(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        shape = self.common(node, left, right, "the terms of a sum")
        right = _scaled(-1 if isinstance(node.op, ast.Sub) else 1, right)
        if not shape:
            return Value(left.expression + right.expression, ())
        return Value(added(*(_filled(value, shape) for value in (left, right))), shape)

    def product(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        shape = self.common(node, left, right, "the factors of an elementwise product")
        if left.shape and right.shape:
            return Value(multiplied_elementwise(left.expression, right.expression), shape)
        number, value = (right, left) if left.shape else (left, right)
        return _scaled(number.expression, value)

    def quotient(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        if right.shape:
            fault = f"{self.said(node.right)} is {letters(right.shape)}"
            raise self.error(node, f"{fault}; / divides by a number")
        if right.expression == 0:
            raise self.error(node, f"{self.said(node)} divides by 0")
        return _scaled(1 / right.expression, left)

    def matrix_product(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        a, b = self.said(node.left), self.said(node.right)
        if not (left.shape and right.shape):
            raise self.error(node, f"{a} @ {b}: a number is multiplied by *, @ is between matrices")
        for said, value in ((a, left), (b, right)):
            if len(value.shape) == 1:
                fault = f"{said} is a vector, {letters(value.shape)}"
                raise self.error(node, f"{fault}; @ is between matrices")
        if left.shape[-1] != right.shape[0]:
            turned = left.shape[0] == right.shape[-1]
            hint = f"; one sample is one row: {b} @ {a}" if turned else ""
            raise self.error(
                node,
                f"{a} is {letters(left.shape)}, {b} is {letters(right.shape)}; the inner sizes "
                f"of a product, {left.shape[-1]} and {right.shape[0]}, must be the same{hint}",
            )
        product = multiplied(left.expression, right.expression)
        if any(first == second for first, second in pairwise(product.args)):
            # SymPy would write W W as a power, which is no form of the declarations
            raise self.error(node, f"{b} multiplies itself; name {a} by an equation of its own")
        return Value(product, (left.shape[0], right.shape[1]))

    def common(self, node: ast.BinOp, left: Value, right: Value, who: str) -> Shape:
        """The one shape of two values; a number fits any, a vector every row of a sample."""
        few, many = sorted((left.shape, right.shape), key=len)
        if few in ((), many) or (len(few) == 1 and many == (B, *few)):
            return many
        a, b = left.shape, right.shape
        elsewhere = isinstance(node.op, ast.Mult) and a[-1] == b[0]
        raise self.error(
            node,
            f"{self.said(node.left)} is {letters(a)}, {self.said(node.right)} is {letters(b)}; "
            f"{who} must have one shape" + ("; the matrix product is @" if elsewhere else ""),
        )

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


_ROWS = "an equation computes one row per sample, (B, n)"


def _scaled(number: Any, value: Value) -> Value:
    if not value.shape:
        return Value(number * value.expression, ())
    return Value(scaled(number, value.expression), value.shape)


def _filled(value: Value, shape: Shape) -> Any:
    """The matrix of `value`; of a number, its matrix among values of this shape."""
    if value.shape:
        return value.expression
    rows, columns = (B, *shape)[-2:]
    return scaled(value.expression, ones(rows, columns))


_OPERATORS: dict[type, Callable[[_Reader, ast.BinOp, Value, Value], Value]] = {
    ast.Add: _Reader.sum,
    ast.Sub: _Reader.sum,
    ast.Mult: _Reader.product,
    ast.Div: _Reader.quotient,
    ast.MatMult: _Reader.matrix_product,
}
