"""The symbols of a derivation, their shapes, and the formulas that are right, as terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.derive import Derivation
from gru_codegen.equations import B, written
from gru_codegen.errors import CellError
from gru_codegen.grade.stamps import EACH, labelled, split_sums
from gru_codegen.grade.terms import (
    Term,
    applied,
    elementwise,
    leaves,
    name,
    negative,
    number,
    ones,
    product,
    square,
    total,
    transposed,
)
from gru_codegen.ir import ELEMENTWISE, Elementwise
from gru_codegen.notation import signed

__all__ = ["Shape", "Symbol", "Symbols", "letters", "symbols_of"]

#: Sizes by their letters; () is a number.
Shape = tuple[str, ...]
Role = Literal["given", "weight", "forward", "adjoint", "gradient"]


def letters(shape: Shape) -> str:
    """A shape as messages have it."""
    return f"({', '.join(shape)})" if shape else "a number"


@dataclass(frozen=True)
class Symbol:
    """A symbol of the derivation.

    Attributes
    ----------
    key: its name, one for all steps: that of S_prev is S.
    shape: in letters.
    role: given, which are inputs, targets and shifts; weight; forward; adjoint; gradient.
    definition: its right formula at step t, of a gradient the summand; None if it is given.
    meaning: in words, or what reads it.
    """

    key: str
    shape: Shape
    role: Role
    definition: Term | None = None
    meaning: str = ""

    @property
    def timed(self) -> bool:
        """Return whether it has one value per step."""
        return self.role not in ("weight", "gradient")


@dataclass(frozen=True)
class Symbols:
    """All symbols of a derivation.

    Attributes
    ----------
    by_key: in the order of computation.
    spelled: key and offset by the names that declarations have: S_prev is S at t-1.
    slopes: of each value of a function the derivative of that, in forward values, by key.
    gates: the sigmoids by key, each with what it is the sigmoid of.
    """

    derivation: Derivation
    by_key: Mapping[str, Symbol]
    spelled: Mapping[str, tuple[str, int]]
    slopes: Mapping[str, Term]
    gates: Mapping[str, str]

    @cached_property
    def records(self) -> Mapping[str, Elementwise]:
        """The records of functions by name, those of an author's own among them."""
        own = self.derivation.cell.functions
        return {**ELEMENTWISE, **{function.__name__: function.record for function in own}}

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The functions that are applied, and those that are taken for them."""
        found = {"sigmoid": None, "tanh": None, "softmax": None}
        waiting = [s.definition for s in self.by_key.values() if s.definition is not None]
        while waiting:
            term = waiting.pop()
            waiting += term.parts
            found |= {term.value: None} if term.kind == "apply" else {}
        return tuple(found)

    def is_slope(self, term: Term) -> bool:
        """Return whether a term is Z o (1 - Z) or 1 - Z o Z: the slope of a gate Z or of tanh."""
        first = next(leaves(term), None)
        if first is None:
            return False
        gate = (first, total((number(1), negative(first))))
        bell = total((number(1), negative(square(first))))
        return term in (elementwise(gate), elementwise(gate[::-1]), bell)

    def of_role(self, *roles: Role) -> list[Symbol]:
        """The symbols of these roles."""
        return [symbol for symbol in self.by_key.values() if symbol.role in roles]


def symbols_of(derivation: Derivation, by_error: bool = False) -> Symbols:
    """The symbols of `derivation`; `by_error` those of each adjoint for either error, too."""
    derivation.require_in_steps("grade")
    cell, loss = derivation.cell, derivation.loss
    spelled = {s.name: at for s, at in derivation.notation.steps.items()}
    untimed = (*cell.fixed, *(g.target for g in derivation.gradients))
    spelled |= {symbol.name: (symbol.name, 0) for symbol in untimed}
    term = _Terms(spelled)
    found: list[Symbol] = []

    def add(symbol: Any, role: Role, definition: Any = None, meaning: str = "") -> None:
        shape = tuple(map(str, symbol.shape))
        right = None if definition is None else term(definition)
        found.append(Symbol(spelled[symbol.name][0], shape, role, right, meaning))

    for symbol in (*cell.inputs, loss.target, *loss.shifts):
        add(symbol, "given")
    for symbol in cell.fixed:
        add(symbol, "weight")
    for equation in derivation.equations:
        add(equation.target, "forward", equation.expression, equation.meaning)
    for adjoint in derivation.adjoints:
        add(adjoint.target, "adjoint", adjoint.expression)
    for gradient in derivation.gradients:
        add(gradient.target, "gradient", gradient.summand)
    if by_error:
        found += _by_error(derivation, term)
    by_key = {symbol.key: symbol for symbol in found}
    return Symbols(derivation, by_key, spelled, *_functions(by_key))


def _by_error(derivation: Derivation, term: _Terms) -> Iterator[Symbol]:
    """The adjoints and gradients of a step for its own error, and for the one that arrives."""
    adjoints = [term.spelled[adjoint.target.name][0] for adjoint in derivation.adjoints]
    for adjoint, key in zip(derivation.adjoints, adjoints, strict=True):
        shape = tuple(map(str, adjoint.target.shape))
        carry = None if adjoint.carry is None else term(adjoint.carry)
        terms = (term(each.expression) for each in adjoint.terms)
        for whose, formula in split_sums(adjoint, terms, carry):
            right = labelled(formula, adjoints, whose)
            yield Symbol(f"{key}[{whose}]", shape, "adjoint", right)
    for gradient in derivation.gradients:
        shape, summand = tuple(map(str, gradient.target.shape)), term(gradient.summand)
        for whose in EACH:
            right = labelled(summand, adjoints, whose)
            yield Symbol(f"{gradient.target.name}[{whose}]", shape, "gradient", right)


def _functions(by_key: Mapping[str, Symbol]) -> tuple[dict[str, Term], dict[str, str]]:
    """Slopes and gates: what follows the adjoint dv in the only term of v = f(a) in that of a."""
    slopes, gates = {}, {}
    for symbol in by_key.values():
        right = symbol.definition
        if symbol.role != "forward" or right is None or right.kind != "apply":
            continue
        argument = right.parts[0].value[0]
        if right.value == "sigmoid":
            gates[symbol.key] = argument
        adjoint = by_key[f"d{argument}"].definition
        for part in adjoint.parts if adjoint and adjoint.kind == "sum" else (adjoint,):
            if part and part.kind == "elementwise" and part.parts[0] == name(f"d{symbol.key}"):
                slopes[symbol.key] = part.without_part(0)
    return slopes, gates


@dataclass(frozen=True)
class _Terms:
    """SymPy's matrix expressions as terms."""

    spelled: Mapping[str, tuple[str, int]]

    def __call__(self, expression: Any) -> Term:
        coefficient, rest = signed(expression)
        if coefficient < 0:
            return negative(self.scaled(-coefficient, rest))
        return self.scaled(coefficient, rest)

    def scaled(self, coefficient: Any, rest: Any) -> Term:
        if coefficient == 1:
            return self.plain(rest)
        factor = number(Fraction(int(coefficient.p), int(coefficient.q)))
        return factor if isinstance(rest, OneMatrix) else elementwise((factor, self.plain(rest)))

    def plain(self, expression: Any) -> Term:
        for kind, rule in _RULES.items():
            if isinstance(expression, kind):
                return rule(self, expression)
        raise CellError(f"grade does not read such formulas: {written(expression)}")

    def symbol(self, symbol: Any) -> Term:
        if symbol.name not in self.spelled:
            raise CellError(f"grade does not read such formulas: {symbol.name}, of a mean")
        return name(*self.spelled[symbol.name])

    def factor(self, factor: Any) -> Term:
        if isinstance(factor, OneMatrix):
            if 1 in factor.shape and B not in factor.shape:
                raise CellError("grade does not read columns (B, 1) and learned numbers")
            return transposed(ones) if factor.shape[0] == 1 else ones
        return self(factor)


_RULES: dict[type, Callable[[_Terms, Any], Term]] = {
    MatrixSymbol: lambda terms, e: terms.symbol(e),
    OneMatrix: lambda terms, e: number(1),
    ZeroMatrix: lambda terms, e: number(0),
    MatAdd: lambda terms, e: total(map(terms, e.args)),
    HadamardProduct: lambda terms, e: elementwise(map(terms, e.args)),
    MatMul: lambda terms, e: product(map(terms.factor, e.args)),
    Transpose: lambda terms, e: transposed(terms(e.arg)),
    ElementwiseApplyFunction: lambda terms, e: applied(
        type(e.function.expr).__name__, terms(e.expr)
    ),
}
