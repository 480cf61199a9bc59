"""A derivation's symbols: the natural order of their expressions, and the writing of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.notation.forms import (
    Common,
    Local,
    OverTime,
    RowFunction,
    Schema,
    Verbatim,
    Where,
    absolute,
    leaves,
    signed,
)
from gru_codegen.notation.layout import (
    Pieces,
    atom,
    bare,
    chained,
    enclosed,
    folded,
    joined,
    marked,
    parted,
    spelled,
    unbroken,
)
from gru_codegen.notation.spelling import LATEX, TEXT, Spelling

__all__ = ["Notation"]

# How tightly a form binds, loosest first: a sum, an elementwise product, a matrix product, an atom.
_SUM, _HADAMARD, _PRODUCT, _ATOM = range(4)


@dataclass(frozen=True)
class Notation:
    """The symbols of a declaration or a derivation, and how they are ordered and written.

    Attributes
    ----------
    given: inputs, then previous states: the start of a step.
    computed: the targets of the equations, in order.
    adjoints: the adjoints in the order in which the backward pass computes them, then gradients.
    steps: for every symbol that has one value per time step, the name it is written with and its
        offset from the step, as ``{S_prev: ("S", -1)}``. Weights and gradients are not in it.
    labels: words on symbols that have the same name: whose error an adjoint is.
    """

    given: tuple[MatrixSymbol, ...]
    computed: tuple[MatrixSymbol, ...]
    adjoints: tuple[MatrixSymbol, ...] = ()
    steps: Mapping[MatrixSymbol, tuple[str, int]] = field(default_factory=dict)
    labels: Mapping[MatrixSymbol, str] = field(default_factory=dict)

    # --- order ------------------------------------------------------------------------------

    def arrange(self, expression: Any) -> Any:
        """The same expression with its sums and elementwise products in their natural order."""
        if isinstance(expression, MatrixSymbol) or not isinstance(expression, (MatrixExpr, Trace)):
            return expression
        if isinstance(expression, ElementwiseApplyFunction):
            return expression.func(expression.function, self.arrange(expression.expr))
        arguments = [self.arrange(argument) for argument in expression.args]
        if isinstance(expression, MatAdd):
            return MatAdd(*sorted(arguments, key=self._place_in_sum))
        if isinstance(expression, HadamardProduct):
            return HadamardProduct(*sorted(arguments, key=self._place_in_product))
        return expression.func(*arguments)

    def _place_in_sum(self, term: Any) -> Any:
        order = (*self.adjoints, *self.given, *self.computed)
        return (bool(signed(term)[0] < 0), _places(term, order), _InWriting(term))

    def _place_in_product(self, factor: Any) -> Any:
        order = (*self.adjoints, *self.computed, *reversed(self.given))
        places = _places(factor, order)
        return (places[:1], not isinstance(factor, MatrixSymbol), len(places), _InWriting(factor))

    # --- writing ----------------------------------------------------------------------------

    def text(self, expression: Any, step: str | int = "t") -> str:
        """`expression` in plain text, its timed symbols indexed relative to `step`."""
        return self.write(expression, TEXT, step)

    def latex(self, expression: Any, step: str | int = "t") -> str:
        """`expression` in LaTeX's math mode, its timed symbols indexed relative to `step`."""
        return self.write(expression, LATEX, step)

    def write(self, expression: Any, spelling: Spelling, step: str | int = "t") -> str:
        """`expression` with the marks of `spelling`.

        Besides matrix expressions and costs that may be an `OverTime`, a `Local` or a `Schema`.

        Raises
        ------
        TypeError: `expression` is, or contains, a form that has no notation.
        """
        whole = unbroken(_Writer(self, spelling, step).pieces(expression)[0])
        return next(spelled([whole], spelling.marks))

    def parts(
        self, expression: Any, spelling: Spelling, width: float, step: str | int = "t"
    ) -> list[str]:
        """`expression` in parts between which a line may be broken, with its marks in them.

        As few as keep to `width`, in columns of text, where that can be done.
        """
        pieces, _ = _Writer(self, spelling, step).pieces(expression)
        return parted(pieces, width, lambda part: spelling.width(bare(part)))

    def lines(
        self, expression: Any, spelling: Spelling, width: float, step: str | int = "t"
    ) -> list[tuple[int, str]]:
        """`expression` over as many lines as it takes, each with its level of indentation.

        Lines are broken before +, - and the mark of the elementwise product, outermost first.
        `width` is in columns of text; a level of indentation takes two. What cannot be broken is
        longer.
        """
        pieces, _ = _Writer(self, spelling, step).pieces(expression)
        lines = folded(pieces, width, lambda line: spelling.width(bare(line)))
        marked_lines = spelled((line for _, line in lines), spelling.marks)
        return [(level, line) for (level, _), line in zip(lines, marked_lines, strict=True)]

    def prose(self, parts: Iterable[Any], spelling: Spelling, step: str | int = "t") -> str:
        """A sentence: its words, and between them its formulas."""

        def spelled_out(part: Any) -> str:
            if isinstance(part, str):
                return spelling.words(part)
            if isinstance(part, Verbatim):
                return spelling.verbatim(part.code)
            return spelling.inline(self.write(part, spelling, step))

        return "".join(map(spelled_out, parts))

    def symbol(self, symbol: MatrixSymbol, spelling: Spelling, step: str | int) -> str:
        """One symbol, with its index if it has one value per time step."""
        adjoint, label = symbol in self._adjoints, self.labels.get(symbol, "")
        if symbol not in self.steps:
            return spelling.symbol(symbol.name, adjoint, None, label)
        name, offset = self.steps[symbol]
        if isinstance(step, int):
            return spelling.symbol(name, adjoint, str(step + offset), label)
        return spelling.symbol(name, adjoint, f"{step}{offset:+d}" if offset else step, label)

    @cached_property
    def _adjoints(self) -> frozenset[MatrixSymbol]:
        return frozenset(self.adjoints)


@dataclass(frozen=True)
class _InWriting:
    """An expression, ordered by what SymPy writes for it; that takes time, and is rarely asked."""

    expression: Any

    def __lt__(self, other: _InWriting) -> bool:
        return str(self.expression) < str(other.expression)


def _places(expression: Any, order: tuple[MatrixSymbol, ...]) -> list[int]:
    known = {symbol: place for place, symbol in enumerate(order)}
    return sorted(known.get(symbol, len(order)) for symbol in leaves(expression))


@dataclass(frozen=True)
class _Writer:
    """Writes expressions: for each form its pieces and how tightly they bind."""

    notation: Notation
    marks: Spelling
    step: str | int

    def pieces(self, expression: Any) -> tuple[Pieces, int]:
        for kind, rule in _RULES.items():
            if isinstance(expression, kind):
                return rule(self, expression)
        raise TypeError(f"{type(expression).__name__} has no notation: {expression}")

    def within(self, part: Any, level: int) -> Pieces:
        """`part` as an operand of a form that binds at `level`: in brackets if it binds no more."""
        pieces, binding = self.pieces(part)
        return pieces if binding > level else enclosed("(", pieces, ")")

    def symbol(self, symbol: MatrixSymbol) -> tuple[Pieces, int]:
        return atom(self.notation.symbol(symbol, self.marks, self.step)), _ATOM

    def ones(self, expression: OneMatrix) -> tuple[Pieces, int]:
        return atom("1"), _ATOM

    def zero(self, expression: ZeroMatrix) -> tuple[Pieces, int]:
        return atom("0"), _ATOM

    def sum(self, expression: Any) -> tuple[Pieces, int]:
        operands = []
        for place, term in enumerate(expression.args):
            negative = signed(term)[0] < 0
            operator = ("-" if negative else "") if place == 0 else " - " if negative else " + "
            operands.append((operator, self.within(absolute(term), _SUM)))
        return chained(operands), _SUM

    def product(self, expression: Any) -> tuple[Pieces, int]:
        """A product of any kind, behind its rational coefficient."""
        coefficient, rest = signed(expression)
        if coefficient < 0:
            return enclosed("-", self.within(absolute(expression), _SUM), ""), _SUM
        if coefficient != 1 and isinstance(rest, OneMatrix):
            return atom(self.marks.fraction(coefficient)), _HADAMARD
        if coefficient != 1:
            number = f"{self.marks.fraction(coefficient)} "
            return enclosed(number, self.within(rest, _HADAMARD), ""), _HADAMARD
        if isinstance(expression, HadamardProduct):
            factors = [self.entrywise(factor) for factor in expression.args]
            operators = ["", *[self.marks.hadamard] * (len(factors) - 1)]
            return chained(zip(operators, factors, strict=True)), _HADAMARD
        factors = [
            self.column(f) if isinstance(f, OneMatrix) else self.within(f, _PRODUCT)
            for f in expression.args
        ]
        return joined(factors, self.marks.product), _PRODUCT

    def entrywise(self, factor: Any) -> Pieces:
        """A factor of an elementwise product; no brackets if it is such a product with a mark."""
        if isinstance(factor, Common) and isinstance(factor.expression, HadamardProduct):
            return self.pieces(factor)[0]
        return self.within(factor, _PRODUCT)

    def common(self, expression: Common) -> tuple[Pieces, int]:
        pieces, binding = self.pieces(expression.expression)
        return marked(pieces, expression.number), binding

    def row_function(self, applied: RowFunction) -> tuple[Pieces, int]:
        name = self.marks.function(applied.name)
        return enclosed(f"{name}(", self.pieces(applied.argument)[0], ")"), _ATOM

    def where(self, choice: Where) -> tuple[Pieces, int]:
        parts = joined([self.pieces(part)[0] for part in choice.args], ", ")
        return enclosed(f"{self.marks.function('where')}(", parts, ")"), _ATOM

    def column(self, ones: OneMatrix) -> Pieces:
        """A factor of ones: a column that repeats a row, or transposed, that adds rows up."""
        mark = self.marks.ones
        return atom(self.marks.transpose(mark) if ones.shape[0] == 1 else mark)

    def transpose(self, expression: Transpose) -> tuple[Pieces, int]:
        operand = self.within(expression.arg, _PRODUCT)
        if len(operand) == 1:
            return atom(self.marks.transpose(operand[0].mark)), _ATOM
        return enclosed("", operand, self.marks.transpose("")), _ATOM

    def function(self, expression: ElementwiseApplyFunction) -> tuple[Pieces, int]:
        body = expression.function.expr
        if not isinstance(body, sp.Function) or body.args != expression.function.variables:
            raise TypeError(f"{body}, applied entry by entry, has no notation: {expression}")
        name = self.marks.function(type(body).__name__)
        return enclosed(f"{name}(", self.pieces(expression.expr)[0], ")"), _ATOM

    def trace(self, expression: Trace) -> tuple[Pieces, int]:
        name = self.marks.function("tr")
        return enclosed(f"{name}(", self.pieces(expression.arg)[0], ")"), _ATOM

    def over_time(self, expression: OverTime) -> tuple[Pieces, int]:
        summand = self.within(expression.summand, _SUM)
        summed = enclosed(self.marks.over_time, summand, "")
        if expression.once is None:
            return summed, _SUM
        once, _ = self.pieces(expression.once)  # first, where the sum does not seem to go on
        return chained([("", once), (" + ", summed)]), _SUM

    def local(self, derivative: Local) -> tuple[Pieces, int]:
        value, argument = (
            unbroken(self.pieces(part)[0]) for part in (derivative.value, derivative.argument)
        )
        adjoint = derivative.adjoint and unbroken(self.pieces(derivative.adjoint)[0])
        return atom(self.marks.local(adjoint, value, argument)), _ATOM

    def schema(self, schema: Schema) -> tuple[Pieces, int]:
        return atom(self.marks.schema(schema)), _ATOM


_RULES: dict[type, Callable[[_Writer, Any], tuple[Pieces, int]]] = {
    MatrixSymbol: _Writer.symbol,
    OneMatrix: _Writer.ones,
    ZeroMatrix: _Writer.zero,
    sp.Add: _Writer.sum,  # MatAdd is one, MatMul below a Mul
    sp.Mul: _Writer.product,
    HadamardProduct: _Writer.product,
    Transpose: _Writer.transpose,
    ElementwiseApplyFunction: _Writer.function,
    Trace: _Writer.trace,
    OverTime: _Writer.over_time,
    Local: _Writer.local,
    Schema: _Writer.schema,
    Common: _Writer.common,
    RowFunction: _Writer.row_function,
    Where: _Writer.where,
}
