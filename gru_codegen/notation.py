"""How SymPy's matrix expressions are written: their natural order, as text and as LaTeX.

SymPy sorts sums and products by a canonical key of its own. Here a sum begins with what is known
first (inputs, previous states, then what the equations compute) and ends with what is subtracted;
an elementwise product begins with the adjoint, then the gates, then the states: ``x_t Wz + S_{t-1}
Wrecz``, ``(1 - Z_t) o S_{t-1}``, ``dS_t o (CA_t - S_{t-1})``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

__all__ = ["LATEX", "TEXT", "Notation", "Spelling", "leaves", "signed"]


def leaves(expression: Any) -> Iterator[MatrixSymbol]:
    """The matrix symbols of `expression`, left to right, repeated as they stand."""
    if isinstance(expression, MatrixSymbol):
        yield expression
    else:
        for argument in expression.args:
            if isinstance(argument, (MatrixExpr, Trace)):
                yield from leaves(argument)


def signed(expression: Any) -> tuple[Any, Any]:
    """`expression` as (rational coefficient, the rest); also ``(-S) o dZ`` is (-1, S o dZ)."""
    if isinstance(expression, HadamardProduct):
        pairs = [signed(factor) for factor in expression.args]
        coefficient = sp.Mul(*(c for c, _ in pairs))
        return coefficient, HadamardProduct(*(rest for _, rest in pairs))
    if isinstance(expression, MatMul):
        coefficient, factors = expression.as_coeff_matrices()
        return coefficient, factors[0] if len(factors) == 1 else MatMul(*factors)
    if isinstance(expression, sp.Mul):
        return expression.as_coeff_Mul()  # type: ignore[no-any-return]  # SymPy is untyped
    return sp.S.One, expression


@dataclass(frozen=True)
class Spelling:
    """The marks of one output format."""

    symbol: Callable[[str, bool, str | None], str]  # name, is it an adjoint, index
    hadamard: str
    product: str
    transpose: str
    call: str
    group: str
    trace: str
    fraction: Callable[[Any], str]


def _text_symbol(name: str, adjoint: bool, index: str | None) -> str:
    if index is None:
        return name
    return f"{name}_{index}" if index.isalnum() else f"{name}_{{{index}}}"


def _latex_symbol(name: str, adjoint: bool, index: str | None) -> str:
    if adjoint:
        return rf"\mathrm{{d}}{_latex_symbol(name[1:], False, index)}"
    head, _, tail = name.partition("_")
    upper = rf"^{{\mathrm{{{tail.replace('_', ',')}}}}}" if tail else ""
    if match := re.fullmatch(r"([A-Z])([a-z0-9]+)", head):
        head = rf"{match[1]}_{{\mathrm{{{match[2]}}}}}"
    elif match := re.fullmatch(r"([a-z])([A-Z]\w*)", head):
        head, upper = match[1], rf"^{{\mathit{{{match[2]}}}}}"
    elif len(head) > 1:
        head = rf"\mathit{{{head}}}"
    return f"{head}{upper}" if index is None else f"{head}{upper}_{{{index}}}"


TEXT = Spelling(
    symbol=_text_symbol,
    hadamard=" o ",
    product=" ",
    transpose="^T",
    call="{}({})",
    group="({})",
    trace="tr({})",
    fraction=str,
)
LATEX = Spelling(
    symbol=_latex_symbol,
    hadamard=r" \circ ",
    product=r" \, ",
    transpose=r"^{{\top}}",
    call=r"\operatorname{{{}}}\left({}\right)",
    group=r"\left({}\right)",
    trace=r"\operatorname{{tr}}\left({}\right)",
    fraction=sp.latex,
)

# How tightly a form binds, loosest first: a sum, an elementwise product, a matrix product, an atom.
_SUM, _HADAMARD, _PRODUCT, _ATOM = range(4)


@dataclass(frozen=True)
class Notation:
    """The symbols of a declaration or a derivation, and how they are ordered and written.

    Attributes
    ----------
    given: inputs, then previous states: what a step starts from.
    computed: the targets of the equations, in order.
    adjoints: the adjoints in the order in which the backward pass computes them, then gradients.
    steps: for every symbol that has one value per time step, the name it is written with and its
        offset from the step, as ``{S_prev: ("S", -1)}``. Weights and gradients are not in it.
    """

    given: tuple[MatrixSymbol, ...]
    computed: tuple[MatrixSymbol, ...]
    adjoints: tuple[MatrixSymbol, ...] = ()
    steps: Mapping[MatrixSymbol, tuple[str, int]] = field(default_factory=dict)

    # --- order ------------------------------------------------------------------------------

    def arrange(self, expression: Any) -> Any:
        """The same expression with its sums and elementwise products in their natural order."""
        if isinstance(expression, MatrixSymbol) or not isinstance(expression, (MatrixExpr, Trace)):
            return expression
        if isinstance(expression, ElementwiseApplyFunction):
            return ElementwiseApplyFunction(expression.function, self.arrange(expression.expr))
        arguments = [self.arrange(argument) for argument in expression.args]
        if isinstance(expression, MatAdd):
            return MatAdd(*sorted(arguments, key=self._place_in_sum))
        if isinstance(expression, HadamardProduct):
            return HadamardProduct(*sorted(arguments, key=self._place_in_product))
        return expression.func(*arguments)

    def _place_in_sum(self, term: Any) -> Any:
        order = (*self.adjoints, *self.given, *self.computed)
        return (bool(signed(term)[0] < 0), _places(term, order), str(term))

    def _place_in_product(self, factor: Any) -> Any:
        order = (*self.adjoints, *self.computed, *reversed(self.given))
        places = _places(factor, order)
        return (places[:1], not isinstance(factor, MatrixSymbol), len(places), str(factor))

    # --- writing ----------------------------------------------------------------------------

    def text(self, expression: Any, step: str | int = "t") -> str:
        """`expression` in plain text, its timed symbols indexed relative to `step`."""
        return self.write(expression, TEXT, step)

    def latex(self, expression: Any, step: str | int = "t") -> str:
        """`expression` in LaTeX's math mode, its timed symbols indexed relative to `step`."""
        return self.write(expression, LATEX, step)

    def write(self, expression: Any, spelling: Spelling, step: str | int = "t") -> str:
        """`expression` with the marks of `spelling`."""
        return self._write(expression, spelling, step)[0]

    def _write(self, expression: Any, marks: Spelling, step: str | int) -> tuple[str, int]:
        def within(part: Any, level: int) -> str:
            written, binding = self._write(part, marks, step)
            return written if binding > level else marks.group.format(written)

        if isinstance(expression, MatrixSymbol):
            return self._symbol(expression, marks, step), _ATOM
        if isinstance(expression, OneMatrix) or expression == 1:
            return "1", _ATOM
        if isinstance(expression, MatAdd):
            return _join_sum(
                [(signed(term)[0] < 0, within(_absolute(term), _SUM)) for term in expression.args]
            ), _SUM
        coefficient, rest = signed(expression)
        if coefficient < 0:
            return f"-{within(_absolute(expression), _SUM)}", _SUM
        if coefficient != 1:
            return f"{marks.fraction(coefficient)} {within(rest, _HADAMARD)}", _HADAMARD
        if isinstance(expression, HadamardProduct):
            return marks.hadamard.join(within(f, _PRODUCT - 1) for f in expression.args), _HADAMARD
        if isinstance(expression, MatMul):
            return marks.product.join(within(f, _PRODUCT) for f in expression.args), _PRODUCT
        if isinstance(expression, Transpose):
            return within(expression.arg, _PRODUCT) + marks.transpose.format(), _ATOM
        if isinstance(expression, ElementwiseApplyFunction):
            name = expression.function.expr.func.__name__
            return marks.call.format(name, self._write(expression.expr, marks, step)[0]), _ATOM
        if isinstance(expression, Trace):
            return marks.trace.format(self._write(expression.arg, marks, step)[0]), _ATOM
        raise TypeError(f"{type(expression).__name__} has no notation: {expression}")

    def _symbol(self, symbol: MatrixSymbol, marks: Spelling, step: str | int) -> str:
        adjoint = symbol in self.adjoints
        if symbol not in self.steps:
            return marks.symbol(symbol.name, adjoint, None)
        name, offset = self.steps[symbol]
        if isinstance(step, int):
            return marks.symbol(name, adjoint, str(step + offset))
        return marks.symbol(name, adjoint, f"{step}{offset:+d}" if offset else step)


def _places(expression: Any, order: tuple[MatrixSymbol, ...]) -> list[int]:
    known = {symbol: place for place, symbol in enumerate(order)}
    return sorted(known.get(symbol, len(order)) for symbol in leaves(expression))


def _absolute(term: Any) -> Any:
    coefficient, rest = signed(term)
    if abs(coefficient) == 1:
        return rest
    return abs(coefficient) * rest


def _join_sum(terms: Iterable[tuple[bool, str]]) -> str:
    written = ""
    for negative, term in terms:
        if not written:
            written = f"-{term}" if negative else term
        else:
            written += f" - {term}" if negative else f" + {term}"
    return written
