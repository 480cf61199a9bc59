"""A cell: the declaration of a recurrent network's equations, in SymPy, with their shapes.

Row-vector convention: one sample per row. ``B`` is the batch size, ``D`` the input size, ``H`` the
hidden size. Every matrix of a step has B rows; a weight has none of them.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct, hadamard_product
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.notation import Notation

__all__ = ["B", "Cell", "D", "Equation", "H", "check_equations", "hadamard", "matrix", "ones"]


def size(name: str) -> sp.Symbol:
    """A symbolic size: a positive integer."""
    return sp.Symbol(name, integer=True, positive=True)


B, D, H = size("B"), size("D"), size("H")


def matrix(name: str, rows: Any, columns: Any) -> Any:
    """The matrix symbol `name` of shape (rows, columns)."""
    return MatrixSymbol(name, rows, columns)


def ones(rows: Any, columns: Any) -> Any:
    """The matrix of ones: ``ones(B, H) - Z`` is what is written 1 - Z."""
    return OneMatrix(rows, columns)


def hadamard(*factors: Any) -> Any:
    """The elementwise product, written ``o`` in text."""
    return hadamard_product(*factors)


@dataclass(frozen=True)
class Equation:
    """``target = expression``, and what the target is called in words."""

    target: MatrixSymbol
    expression: MatrixExpr
    meaning: str


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell: the equations of one time step, validated when it is declared.

    Attributes
    ----------
    name, title, source: the name on the command line, the name in words, the publication.
    inputs: what arrives at every time step, each (B, n).
    weights: what is learned, in the order in which kernels list it.
    states: for each state its value one step earlier: ``{S: S_prev}``, both (B, n).
    equations: in the order in which they are computed; every state is the target of one.
    output: what a step puts out; the first state unless said otherwise.

    Raises
    ------
    CellError: names the equation at fault: an undeclared or not yet computed symbol, shapes that
        do not fit, a form that is not known, a state without a next value, an unused weight.
    """

    name: str
    title: str
    source: str
    inputs: tuple[MatrixSymbol, ...]
    weights: tuple[MatrixSymbol, ...]
    states: Mapping[MatrixSymbol, MatrixSymbol]
    equations: tuple[Equation, ...]
    output: MatrixSymbol = field(default=None)

    def __post_init__(self) -> None:
        for name in ("inputs", "weights", "equations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "states", MappingProxyType(dict(self.states)))
        if self.output is None:
            if not self.states:
                raise CellError(f"cell {self.name!r}: it declares no state, so nothing recurs")
            object.__setattr__(self, "output", next(iter(self.states)))
        _check_cell(self)
        arranged = (
            replace(e, expression=self.notation.arrange(e.expression)) for e in self.equations
        )
        object.__setattr__(self, "equations", tuple(arranged))

    def __str__(self) -> str:
        notation = self.notation
        width = max(len(notation.text(equation.target)) for equation in self.equations)
        return "\n".join(
            f"{notation.text(equation.target):<{width}} = {notation.text(equation.expression)}"
            for equation in self.equations
        )

    @property
    def notation(self) -> Notation:
        """How the cell's symbols are ordered and written."""
        previous = {before: (state.name, -1) for state, before in self.states.items()}
        computed = tuple(equation.target for equation in self.equations)
        now = {symbol: (symbol.name, 0) for symbol in (*self.inputs, *computed)}
        return Notation((*self.inputs, *previous), computed, steps={**now, **previous})


# --- validation ----------------------------------------------------------------------------------


def _check_cell(cell: Cell) -> None:
    where = f"cell {cell.name!r}"
    previous = tuple(cell.states.values())
    _check_names(where, (*cell.inputs, *cell.weights, *previous), cell.equations)
    known = (*cell.inputs, *previous, *cell.weights)
    read = check_equations(where, known, cell.equations)
    targets = {equation.target for equation in cell.equations}
    for state, before in cell.states.items():
        if state not in targets:
            raise CellError(
                f"{where}: state {state} has no next value; add an equation whose target is {state}"
            )
        if state.shape != before.shape:
            raise CellError(
                f"{where}: state {state} is {_letters(state)}, its previous value {before} is "
                f"{_letters(before)}; the two must agree"
            )
    if cell.output not in targets:
        raise CellError(f"{where}: output {cell.output} is the target of no equation")
    for weight in cell.weights:
        if weight not in read:
            raise CellError(f"{where}: weight {weight} is used by no equation; use it or remove it")
    for target in targets - read - set(cell.states) - {cell.output}:
        raise CellError(f"{where}: {target} is read by no equation and is no state; remove it")


def _check_names(
    where: str, declared: tuple[MatrixSymbol, ...], equations: tuple[Equation, ...]
) -> None:
    seen: set[str] = set()
    for symbol in (*declared, *(equation.target for equation in equations)):
        name = symbol.name
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            raise CellError(
                f"{where}: {name!r} cannot be a name in a Python module; "
                "use ASCII letters, digits and underscores, and no keyword"
            )
        if name in seen:
            raise CellError(
                f"{where}: {name} is declared twice; every symbol needs a name of its own"
            )
        seen.add(name)


def check_equations(
    where: str, known: tuple[MatrixSymbol, ...], equations: tuple[Equation, ...]
) -> set[MatrixSymbol]:
    """Check that `equations` can be computed in order from `known`; return the symbols they read.

    Raises CellError naming the equation when a symbol is undeclared or not computed yet, when
    shapes do not fit, or when a form is not known.
    """
    available = set(known)
    targets = [equation.target for equation in equations]
    read: set[MatrixSymbol] = set()
    for equation in equations:
        at = f"{where}, equation {equation.target}"
        symbols = set(equation.expression.atoms(MatrixSymbol))
        for symbol in sorted(symbols - available, key=str):
            if symbol in targets:
                raise CellError(
                    f"{at}: it reads {symbol}, which is computed only there or later; "
                    "reorder the equations, or read the previous state"
                )
            same_name = [s for s in available if s.name == symbol.name]
            if same_name:
                raise CellError(
                    f"{at}: {symbol} is used as {_letters(symbol)}, declared as "
                    f"{_letters(same_name[0])}"
                )
            raise CellError(
                f"{at}: {symbol} is not declared; "
                f"declared are {', '.join(sorted(str(s) for s in available))}"
            )
        shape = _shape(at, equation.expression)
        if shape != equation.target.shape:
            raise CellError(
                f"{at}: the right-hand side is {_letters(shape)}, "
                f"{equation.target} is {_letters(equation.target)}"
            )
        available.add(equation.target)
        read |= symbols
    return read


def _letters(value: Any) -> str:
    shape = getattr(value, "shape", value)
    return f"({', '.join(map(str, shape))})"


def _shape(at: str, expression: Any) -> tuple[Any, Any]:
    """The shape of `expression`, found from the leaves up: SymPy lets symbolic clashes pass."""
    rule = next((rule for kind, rule in _SHAPE_RULES.items() if isinstance(expression, kind)), None)
    if rule is None:
        raise CellError(
            f"{at}: {type(expression).__name__} in {expression} is not a form known here: "
            f"sums, matrix products, hadamard(...), ones(...) and {', '.join(sorted(FUNCTIONS))}"
        )
    return rule(at, expression)


def _shape_of_sum(at: str, expression: Any) -> tuple[Any, Any]:
    shapes = [(term, _shape(at, term)) for term in expression.args]
    for term, shape in shapes[1:]:
        if shape != shapes[0][1]:
            raise CellError(
                f"{at}: {shapes[0][0]} is {_letters(shapes[0][1])}, {term} is {_letters(shape)}; "
                "the terms of a sum and the factors of an elementwise product must have one shape"
            )
    return shapes[0][1]


def _shape_of_product(at: str, expression: Any) -> tuple[Any, Any]:
    coefficient, factors = expression.as_coeff_matrices()
    if not coefficient.is_Rational:
        raise CellError(f"{at}: the factor {coefficient} in {expression} is not a rational number")
    shape = _shape(at, factors[0])
    for left, right in pairwise(factors):
        right_shape = _shape(at, right)
        if shape[1] != right_shape[0]:
            raise CellError(
                f"{at}: {left} * {right} multiplies {_letters(shape)} by {_letters(right_shape)}; "
                f"the inner sizes {shape[1]} and {right_shape[0]} must be the same"
            )
        shape = (shape[0], right_shape[1])
    return shape


def _shape_of_function(at: str, expression: Any) -> tuple[Any, Any]:
    name = getattr(expression.function.expr, "func", type(None)).__name__
    if name not in FUNCTIONS:
        raise CellError(f"{at}: {name} is not a known function; known are {', '.join(FUNCTIONS)}")
    return _shape(at, expression.expr)


_SHAPE_RULES: dict[type, Callable[[str, Any], tuple[Any, Any]]] = {
    MatrixSymbol: lambda at, expression: expression.shape,
    OneMatrix: lambda at, expression: expression.shape,
    MatAdd: _shape_of_sum,
    HadamardProduct: _shape_of_sum,
    MatMul: _shape_of_product,
    ElementwiseApplyFunction: _shape_of_function,
}
