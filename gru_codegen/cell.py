"""A cell: the declaration of a recurrent network's equations, in SymPy, with their shapes.

Row-vector convention: one sample per row. ``B`` is the batch size, ``D`` the input size, ``H`` the
hidden size. Every matrix of a step has B rows; a weight, and what is made of such, has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from reprlib import repr as shortened
from types import MappingProxyType
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.choices import where
from gru_codegen.constants import Pattern, check_constants, check_shapes, written
from gru_codegen.equations import (
    B,
    D,
    Equation,
    H,
    check_text,
    hadamard,
    is_timed,
    letters,
    matrix,
    maximum,
    minimum,
    ones,
    shape_of,
    size,
)
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS, OwnFunction
from gru_codegen.initial import Distribution, first_weights
from gru_codegen.lags import Delayed, lag, with_states
from gru_codegen.names import SHARED, check_file_name, fault_of_name
from gru_codegen.notation import Declared, Notation
from gru_codegen.outputs import as_tuple, one_or_several
from gru_codegen.own_functions import applied_in, function, said
from gru_codegen.ranges import check_ranges, fault_of_range
from gru_codegen.rows import size_of_share
from gru_codegen.time_step import t, with_time

__all__ = [
    "B",
    "Cell",
    "D",
    "Equation",
    "H",
    "check_equations",
    "check_file_name",
    "check_names",
    "check_rows",
    "check_symbols",
    "check_tuple",
    "fault_of_range",
    "fault_of_symbol",
    "function",
    "hadamard",
    "lag",
    "matrix",
    "maximum",
    "minimum",
    "ones",
    "size",
    "t",
    "where",
]


@dataclass(frozen=True, eq=False, repr=False)
class Cell(Declared):
    """A recurrent cell: the equations of one time step, validated when it is declared.

    Attributes
    ----------
    name, title, source: the name on the command line, the name in words, the publication.
    inputs: the matrices that arrive at every time step, each (B, n).
    without_gradient: those of the inputs, masks and noise say, that none is derived for.
    constants: matrices that are not learned and have no gradient: ``{A: None, I: identity}``, None
        for one that a kernel is given in every call, else how it makes it (`constants`).
    weights: the matrices that are learned, in the order in which kernels list it.
    states: for each state its value one step earlier: ``{S: S_prev}``, both (B, n); behind those
        declared, one for each step of a delay, as `gru_codegen.lags` says.
    equations: in the order in which they are computed; every state is the target of one. One of
        weights and constants alone has a target without rows per sample, and is computed once.
    output: the matrix that a step puts out, or a tuple of several, of which the losses of the
        package read the first; the first state unless said otherwise.
    checks: the lowest and the highest number, ``{x: (0.1, 2)}``, that checks of kernels draw for
        inputs, weights and initial states; for others they find some where equations are defined.
    init: how `init_params` draws weights, ``{bf: 1, Wrec: "orthogonal"}``: a number, "zeros",
        "ones", "uniform(low, high)", "normal(std)", "glorot", "orthogonal" or "identity"; others
        are uniform on [-1/sqrt(H), 1/sqrt(H)).

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
    output: MatrixSymbol | tuple[MatrixSymbol, ...] = field(default=None)
    checks: Mapping[MatrixSymbol, tuple[float, float]] = field(default_factory=dict)
    without_gradient: tuple[MatrixSymbol, ...] = ()
    init: Mapping[MatrixSymbol, Distribution | str | float] = field(default_factory=dict)
    constants: Mapping[MatrixSymbol, Pattern | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("inputs", "weights", "equations", "without_gradient"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _add_states(self)
        object.__setattr__(self, "states", MappingProxyType(dict(self.states)))
        output = next(iter(self.states)) if self.output is None else self.output
        output = one_or_several(f"cell {self.name!r}", "output", output)
        object.__setattr__(self, "output", output)
        _check_cell(self)
        drawn = (*self.inputs, *self.arguments, *self.states)
        check_ranges(f"cell {self.name!r}, checks", self.checks, drawn)
        object.__setattr__(self, "checks", MappingProxyType(dict(self.checks)))
        object.__setattr__(self, "init", MappingProxyType(first_weights(self)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))
        arrange = self.notation.arrange
        arranged = (replace(e, expression=arrange(e.expression)) for e in self.equations)
        object.__setattr__(self, "equations", tuple(arranged))

    def __str__(self) -> str:
        notation = self.notation
        rows = [(f"{each.__name__}(a)", said(each)) for each in self.functions]
        rows += [(notation.text(e.target), notation.text(e.expression)) for e in self.equations]
        rows += written(self.constants)
        width = max(len(left) for left, _ in rows)
        return "\n".join(f"{left:<{width}} = {right}" for left, right in rows)

    @cached_property
    def functions(self) -> tuple[type[OwnFunction], ...]:
        """The functions of an author's own that the equations apply, by name."""
        return tuple(applied_in(equation.expression for equation in self.equations))

    @property
    def outputs(self) -> tuple[MatrixSymbol, ...]:
        """The matrices that a step puts out, one or several."""
        return as_tuple(self.output)

    @property
    def differentiated(self) -> tuple[MatrixSymbol, ...]:
        """The inputs that have a gradient."""
        return tuple(each for each in self.inputs if each not in self.without_gradient)

    @property
    def names(self) -> set[str]:
        """The names of its symbols."""
        computed = (equation.target for equation in self.equations)
        symbols = (*self.inputs, *self.fixed, *self.states, *self.states.values(), *computed)
        return {symbol.name for symbol in symbols}

    @property
    def outside(self) -> tuple[Equation, ...]:
        """The equations of weights alone, outside the time loop."""
        return tuple(each for each in self.equations if not each.is_timed)

    @property
    def fixed(self) -> tuple[MatrixSymbol, ...]:
        """The matrices that are the same at every step: weights and constants."""
        return (*self.weights, *self.constants)

    @property
    def arguments(self) -> tuple[MatrixSymbol, ...]:
        """The weights, and the constants that a call is given."""
        return (*self.weights, *(each for each, made in self.constants.items() if made is None))

    @property
    def notation(self) -> Notation:
        """The order and the writing of the cell's symbols."""
        previous = {before: (state.name, -1) for state, before in self.states.items()}
        computed = tuple(equation.target for equation in self.equations)
        now = {each: (each.name, 0) for each in filter(is_timed, (*self.inputs, *computed))}
        return Notation((*self.inputs, *previous), computed, steps={**now, **previous})


# --- validation ----------------------------------------------------------------------------------


def _check_types(cell: Cell) -> None:
    where = f"cell {cell.name!r}"
    check_file_name(where, cell.name)
    for role in ("title", "source"):
        check_text(where, role, getattr(cell, role))
    for role in ("inputs", "weights", "without_gradient"):
        check_tuple(where, role, getattr(cell, role), MatrixSymbol)
    check_tuple(where, "equations", cell.equations, Equation)
    check_constants(where, cell.constants)
    if not isinstance(cell.states, Mapping):
        fault = f"states must be a mapping such as {{S: S_prev}}, not {cell.states!r}"
        raise CellError(f"{where}: {fault}")
    if not isinstance(cell.checks, Mapping):
        raise CellError(f"{where}, checks: they must be a mapping such as {{x: (0.1, 2)}}")
    if not cell.weights:
        raise CellError(f"{where}: it declares no weight, so nothing can be learned")


def _add_states(cell: Cell) -> None:
    """Give `cell` the states that its delays and the number of the step need."""
    where, given = f"cell {cell.name!r}", (cell.states, cell.equations, cell.checks)
    declared = Delayed(*with_time(where, (*cell.inputs, *cell.fixed), *given))
    for name, value in with_states(where, cell.inputs, declared)._asdict().items():
        object.__setattr__(cell, name, value)
    if not cell.states:
        raise CellError(f"{where}: it declares no state, so nothing recurs")


def _check_cell(cell: Cell) -> None:
    where = f"cell {cell.name!r}"
    previous = tuple(cell.states.values())
    known = (*cell.inputs, *cell.fixed, *previous)
    check_symbols(where, (*known, *cell.states, *cell.outputs))
    computed = tuple(equation.target for equation in cell.equations)
    check_names(where, (*known, *computed))
    for symbol in (*cell.inputs, *previous, *cell.outputs):
        check_rows(where, symbol)
    for role, symbols in {"weight": cell.weights, "constant": cell.constants}.items():
        for symbol in symbols:
            if B in symbol.shape:
                raise CellError(
                    f"{where}: {role} {symbol} is {letters(symbol)}; "
                    f"a {role} serves every sample and has no batch size"
                )
    check_shapes(where, cell.constants)
    for symbol in cell.without_gradient:
        if symbol not in cell.inputs:
            raise CellError(f"{where}: {symbol} is declared without gradient, and is no input")
    read = check_equations(where, known, cell.equations, cell.fixed)
    _check_functions(where, cell.functions, {symbol.name for symbol in (*known, *computed)})
    targets = {equation.target for equation in cell.equations}
    for state, before in cell.states.items():
        if state not in targets:
            raise CellError(
                f"{where}: state {state} has no next value; add an equation whose target is {state}"
            )
        if state.shape != before.shape:
            raise CellError(
                f"{where}: state {state} is {letters(state)}, its previous value {before} is "
                f"{letters(before)}; the two must agree"
            )
        if before.name != f"{state}_prev":
            raise CellError(
                f"{where}: the previous value of state {state} is called {before}; "
                f"call it {state}_prev, as kernels do"
            )
    for output in cell.outputs:
        if output not in targets:
            raise CellError(f"{where}: output {output} is the target of no equation")
    passed_on = {*cell.states, *cell.outputs}
    unread: dict[str, Sequence[MatrixSymbol]] = {
        "input": cell.inputs,
        "weight": cell.weights,
        "constant": tuple(cell.constants),
        "previous state": previous,
        "computed matrix": [e.target for e in cell.equations if e.target not in passed_on],
    }
    for role, symbols in unread.items():
        for symbol in symbols:
            if symbol not in read:
                raise CellError(
                    f"{where}: {role} {symbol} is read by no equation; use it or remove it"
                )


def _check_functions(
    where: str, functions: Iterable[type[OwnFunction]], symbols: Collection[str]
) -> None:
    """Check that an author's functions have names of their own, beside those of symbols."""
    names = [each.__name__ for each in functions]
    for name in names:
        if names.count(name) > 1:
            raise CellError(f"{where}: there are two functions {name}; call one something else")
        if name in symbols:
            raise CellError(f"{where}: {name} is a function and a symbol; call one something else")


def check_tuple(where: str, role: str, value: Any, kind: type) -> None:
    """Check that `value` is a tuple (or a list) of `kind`."""
    if not isinstance(value, (tuple, list)):
        raise CellError(f"{where}: {role} must be a tuple of {kind.__name__}, not {value!r}")
    for element in value:
        if not isinstance(element, kind):
            raise CellError(
                f"{where}: {element!r} among the {role} must be of type {kind.__name__}, "
                f"not {type(element).__name__}"
            )


def check_symbols(where: str, symbols: Iterable[Any]) -> None:
    """Check that `symbols` are matrix symbols, and their sizes 1 or made by `size`."""
    for symbol in symbols:
        if not isinstance(symbol, MatrixSymbol):
            raise CellError(
                f"{where}: {symbol!r} must be a matrix symbol, such as matrix('x', B, H), "
                f"not a {type(symbol).__name__}"
            )
        for number in symbol.shape:
            if number != 1 and number != size(str(number)):
                raise CellError(
                    f"{where}: the size {number} of {symbol} must be 1 or a symbol that "
                    "gru_codegen.cell.size makes, as B, D and H are"
                )


def fault_of_symbol(name: str) -> str | None:
    """Say why `name` cannot be that of a symbol, as the rest of a sentence; None if it can."""
    if name in SHARED:
        return None
    return "is the name of a function" if name in FUNCTIONS else fault_of_name(name)


def check_names(where: str, symbols: Iterable[MatrixSymbol]) -> None:
    """Check that the names of `symbols` differ and can stand in a kernel."""
    seen: set[str] = set()
    for symbol in symbols:
        name = symbol.name
        if fault := fault_of_symbol(name):
            raise CellError(f"{where}: {shortened(name)} {fault}")
        if name in seen:
            raise CellError(
                f"{where}: {name} is declared twice; every symbol needs a name of its own"
            )
        seen.add(name)


def check_rows(where: str, symbol: MatrixSymbol) -> None:
    """Check that `symbol` has one row per sample."""
    if symbol.shape[0] != B:
        raise CellError(
            f"{where}: {symbol} is {letters(symbol)}; "
            "what changes from step to step has one row per sample, (B, ...)"
        )
    if symbol.shape[1] == B:
        raise CellError(f"{where}: {symbol} is (B, B); a sample has nothing to do with the others")


def check_equations(
    where: str,
    known: tuple[MatrixSymbol, ...],
    equations: tuple[Equation, ...],
    fixed: Iterable[MatrixSymbol] = (),
) -> set[MatrixSymbol]:
    """Check that `equations` can be computed in order from `known`; return the symbols they read.

    fixed: those that are the same at every step; what reads them alone may have no row per sample.

    Raises CellError naming the equation when a symbol is undeclared or not computed yet, when
    shapes do not fit, or when a form is not known.
    """
    available, fixed = set(known), set(fixed)
    targets = [equation.target for equation in equations]
    read: set[MatrixSymbol] = set()
    for equation in equations:
        at = f"{where}, equation {equation.target}"
        symbols = set(equation.expression.atoms(MatrixSymbol))
        symbols -= set(filter(size_of_share, symbols))
        for symbol in sorted(symbols - available, key=str):
            if symbol in targets:
                raise CellError(
                    f"{at}: it reads {symbol}, which is computed only there or later; "
                    "reorder the equations, or read the previous state"
                )
            same_name = [s for s in available if s.name == symbol.name]
            if same_name:
                raise CellError(
                    f"{at}: {symbol} is used as {letters(symbol)}, declared as "
                    f"{letters(same_name[0])}"
                )
            raise CellError(
                f"{at}: {symbol} is not declared; "
                f"declared are {', '.join(sorted(str(s) for s in available))}"
            )
        if symbols and symbols <= fixed and B not in equation.target.shape:
            fixed.add(equation.target)
        else:
            check_rows(at, equation.target)
        shape = shape_of(at, equation.expression)
        if shape != equation.target.shape:
            raise CellError(
                f"{at}: the right-hand side is {letters(shape)}, "
                f"{equation.target} is {letters(equation.target)}"
            )
        available.add(equation.target)
        read |= symbols
    return read
