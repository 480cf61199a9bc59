"""The Lagrangian of the unrolled network, and its stationary points.

    Lag = L + sum_t sum_v < dv_t, F_v(...)_t - v_t >          < A, F > = tr(A^T F)

with one adjoint dv per equation v = F_v(...), the equation S_prev_t = S_{t-1} of each state among
them. Setting dLag/dv_t = 0 gives the adjoint equations, dLag/dW the gradients: back-propagation
through time. An equation outside the time loop, v = F_v(weights), has one adjoint for all steps:
dLag/dv = 0 makes it the sum of what the steps give, as a gradient is. Every derivative is one that
SymPy's matrix calculus takes of a single trace, once, for a symbolic step, and that is proved when
it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from os import PathLike
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import Cell, matrix
from gru_codegen.derive.calculus import LocalDerivative, local_derivative
from gru_codegen.derive.derivation import Derivation
from gru_codegen.derive.formulas import AdjointEquation, Gradient, Shared
from gru_codegen.derive.normal_form import NormalEquation, normalise
from gru_codegen.derive.proof import prove_equal, prove_no_matter, prove_of_no_effect
from gru_codegen.derive.sums import factored, total
from gru_codegen.equations import Equation, is_timed
from gru_codegen.errors import CellError
from gru_codegen.losses import L2, Loss
from gru_codegen.names import free_name, outputs_name
from gru_codegen.notation import Notation, RowFunction, leaves, signed
from gru_codegen.parse import declared_cell, declared_loss

__all__ = ["derive"]


def derive(cell: Cell | str | PathLike[str], loss: Loss | str | PathLike[str] = L2) -> Derivation:
    """Derive the gradient of `loss` with respect to every weight of `cell`.

    cell, loss: as for `load`: objects, names or files.

    The cost of this does not depend on the number of time steps: the step is derived once.

    Raises
    ------
    CellError: the names of cell, loss and adjoints collide, or there is no such cell or loss.
    DerivationError: SymPy refuses a form, or a derivative could not be proved.
    TypeError: `cell` or `loss` is neither a declaration nor the name of one.

    >>> print(derive("rnn", "l2").gradients[0])
    dW = sum_t x_t^T daS_t
    """
    return _derive(declared_cell(cell), declared_loss(loss))


@cache  # with both arguments given, however derive() was called
def _derive(cell: Cell, loss: Loss) -> Derivation:
    loss.check_outputs(cell.outputs)
    links = _output_equations(cell)
    names = cell.names | {link.target.name for link in links.values()}
    outputs = [links[each].target if each in links else each for each in cell.outputs]
    bound = loss.of(outputs, names)
    previous = tuple(cell.states.values())
    own = (bound.target, *bound.shifts, *(equation.target for equation in bound.equations))
    declared = names | {symbol.name for symbol in own}
    outer = (*links.values(), *bound.equations)
    equations = normalise((*cell.equations, *outer), declared, previous)
    _prove_normal_form(equations)
    for shift in bound.shifts:
        prove_no_matter(bound, shift)
    shifts = [e.target for e in equations if isinstance(e.expression, RowFunction)]
    for shift in shifts:
        prove_of_no_effect(equations, shift)

    computed = [equation.target for equation in equations if equation.target not in shifts]
    variables = [each for each in computed if is_timed(each)]
    outside = _outside(equations, shifts, cell)
    adjoint_of = {
        v: matrix(f"d{v.name}", *v.shape)
        for v in (*variables, *previous, *cell.differentiated, *outside, *cell.weights)
    }
    names_in_use = declared | {v.name for v in computed}
    _check_adjoint_names(cell, names_in_use, adjoint_of)
    names_in_use |= {adjoint.name for adjoint in adjoint_of.values()}
    carried: dict[MatrixSymbol, MatrixSymbol] = {}
    for state, before in cell.states.items():
        name = free_name(f"d{before.name}_next", names_in_use)
        names_in_use.add(name)
        carried[state] = matrix(name, *before.shape)
    order = [*reversed(variables), *previous, *cell.differentiated]
    notation = _notation(cell, bound, equations, order, adjoint_of, carried)
    terms = [
        replace(term, notation=notation) for term in _differentiate(equations, bound, adjoint_of)
    ]

    def summed(argument: MatrixSymbol, some: Iterable[LocalDerivative]) -> Any:
        parts = [term.expression for term in some]
        if argument in carried:
            parts.append(carried[argument])
        return notation.arrange(total(parts, argument.shape))

    def local_to(argument: MatrixSymbol) -> tuple[LocalDerivative, ...]:
        return tuple(term for term in terms if term.argument == argument)

    def gradient(weight: MatrixSymbol) -> Gradient:
        local = local_to(weight)
        once = [term for term in local if term.of in outside]
        each_step = [term for term in local if term not in once]
        summand, added = (summed(weight, some) for some in (each_step, once))
        return Gradient(adjoint_of[weight], weight, local, summand, added, notation)

    def adjoint(variable: MatrixSymbol) -> AdjointEquation:
        local = local_to(variable)
        value = summed(variable, local)
        form = factored(value, frozenset(notation.adjoints), notation)
        if form != value:
            prove_equal(f"equation {adjoint_of[variable]}, factored", value, form, {})
        return AdjointEquation(
            adjoint_of[variable], variable, carried.get(variable), local, value, form, notation
        )

    adjoints = tuple(map(adjoint, order))
    gradients, made = (tuple(map(gradient, some)) for some in (cell.weights, outside))
    equations = tuple(
        replace(e, expression=notation.arrange(e.expression), declared=notation.arrange(e.declared))
        for e in equations
    )
    shared = _shared(adjoints, (*made, *gradients), notation)
    seeds = tuple(adjoint_of[output] for output in outputs)
    return Derivation(cell, bound, equations, adjoints, gradients, shared, notation, seeds, made)


def _outside(
    equations: tuple[NormalEquation, ...], shifts: list[MatrixSymbol], cell: Cell
) -> list[MatrixSymbol]:
    """Targets that are computed of weights alone and need an adjoint, in the adjoints' order."""
    learned, found = {*cell.weights}, []
    for equation in equations:
        if not equation.is_timed and learned & {*leaves(equation.expression)}:
            learned.add(equation.target)
            found.append(equation.target)
    return [each for each in reversed(found) if each not in shifts]


def _output_equations(cell: Cell) -> dict[MatrixSymbol, Equation]:
    """O = S: an output as a variable of its own, unless nothing but the loss reads it anyway.

    Its adjoint dO is all that the cell has to know of the loss: where the loss ends and the cell
    begins, or where a pullback starts. Of several outputs S and C these are O_S and O_C.
    """
    read = {symbol for equation in cell.equations for symbol in leaves(equation.expression)}
    names = cell.names
    links = {}
    for output in cell.outputs:
        if output not in cell.states and output not in read:
            continue
        several = len(cell.outputs) > 1
        name = free_name(f"O_{output}", names) if several else outputs_name(names)
        names.add(name)
        links[output] = Equation(matrix(name, *output.shape), output, "output")
    return links


def _differentiate(
    equations: tuple[NormalEquation, ...], loss: Loss, adjoint_of: dict[MatrixSymbol, MatrixSymbol]
) -> list[LocalDerivative]:
    terms = []
    for equation in equations:
        if equation.target not in adjoint_of:
            continue  # nothing depends on it
        for argument in dict.fromkeys(leaves(equation.expression)):
            if argument in adjoint_of:  # the target data of the loss has none
                where = f"equation {equation.target}"
                terms.append(
                    local_derivative(
                        where,
                        equation.expression,
                        argument,
                        adjoint_of[equation.target],
                        equation.target,
                    )
                )
    for argument in dict.fromkeys(leaves(loss.cost)):
        if argument in adjoint_of:
            terms.append(local_derivative(f"loss {loss.name!r}", loss.cost, argument))
    return terms


def _prove_normal_form(equations: tuple[NormalEquation, ...]) -> None:
    definitions: dict[MatrixSymbol, Any] = {}
    for equation in equations:
        if equation.named_here:
            definitions[equation.target] = equation.expression
        else:
            where = f"equation {equation.target}"
            prove_equal(where, equation.declared, equation.expression, definitions)


def _check_adjoint_names(
    cell: Cell, names_in_use: set[str], adjoint_of: dict[MatrixSymbol, MatrixSymbol]
) -> None:
    owners = {name: f"the matrix {name}" for name in names_in_use}
    for v, adjoint in adjoint_of.items():
        owner = f"the adjoint of {v}"
        if adjoint.name in owners:
            raise CellError(
                f"cell {cell.name!r}: {owners[adjoint.name]} and {owner} would both be called "
                f"{adjoint.name}; rename one"
            )
        owners[adjoint.name] = owner


def _notation(
    cell: Cell,
    loss: Loss,
    equations: tuple[NormalEquation, ...],
    order: list[MatrixSymbol],
    adjoint_of: dict[MatrixSymbol, MatrixSymbol],
    carried: dict[MatrixSymbol, MatrixSymbol],
) -> Notation:
    base = cell.notation
    computed = tuple(equation.target for equation in equations)
    adjoints = [adjoint_of[v] for v in order]
    steps = dict(base.steps)
    timed = filter(is_timed, (*computed, loss.target, *loss.shifts, *adjoints))
    steps |= {v: (v.name, 0) for v in timed}
    steps |= {after: (f"d{cell.states[s].name}", 1) for s, after in carried.items()}
    return Notation(
        (*base.given, loss.target, *loss.shifts),
        computed,
        (*adjoints, *carried.values(), *(d for v, d in adjoint_of.items() if not is_timed(v))),
        steps,
    )


def _shared(
    adjoints: tuple[AdjointEquation, ...], gradients: tuple[Gradient, ...], notation: Notation
) -> tuple[Shared, ...]:
    """Adjoints that several formulas read, and the expressions that several have in common."""
    formulas = {a.target: (a.factored,) for a in adjoints}
    formulas |= {g.target: (g.summand, g.once) for g in gradients}
    readers: dict[Any, list[MatrixSymbol]] = {}
    for target, parts in formulas.items():
        factors = (each for part in parts for each in _factors(part, set(formulas)))
        for factor in dict.fromkeys(factors):
            if factor not in parts:
                readers.setdefault(factor, []).append(target)
    return tuple(Shared(f, tuple(r), notation) for f, r in readers.items() if len(r) > 1)


def _factors(expression: Any, adjoints: set[MatrixSymbol]) -> list[Any]:
    """The factors of `expression` that have an adjoint in them, whatever multiplies them."""
    factors = []
    for part in expression.args:
        if isinstance(part, MatrixExpr) and adjoints & set(leaves(part)):
            plain = isinstance(part, Transpose) or signed(part)[0] != 1
            factors += ([] if plain else [part]) + _factors(part, adjoints)
    return factors
