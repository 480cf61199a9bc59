"""The section on the declaration: its symbols, its equations, and the gradients to find."""

from __future__ import annotations

from collections.abc import Iterator

from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.constants import stored_shape
from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import Prose, Row, listed, loss_row, mean_number
from gru_codegen.explain.model import Block, Equations, Paragraph, Section, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections.functions import functions_of
from gru_codegen.explain.words import at, counted, formula, says, shape
from gru_codegen.ir import EquationId
from gru_codegen.notation import LATEX, TEXT, Schema

__all__ = ["cell_section"]

#: The meaning of the equation that is boxed.
_CANDIDATE = "candidate activation"
_SIZES = {"B": "batch size", "D": "input size", "H": "hidden size", "O": "output size"}


def cell_section(part: Part) -> Section:
    """Section on the cell: what is given, what is computed, what is to be found."""
    derivation = part.derivation
    blocks = [*_notation(derivation), *_forward(part), *_weights(part)]
    return Section("cell", ("The cell",), blocks)


def _notation(derivation: Derivation) -> Iterator[Block]:
    loss = derivation.loss
    written = (*(equation.expression for equation in derivation.equations), loss.cost)
    factors = {f for part in written for product in part.atoms(MatMul) for f in product.args}
    column = any(isinstance(factor, OneMatrix) for factor in factors)
    either = Schema(f"1 or {TEXT.ones}", rf"1 \text{{ or }} {LATEX.ones}")
    ones = either if column else Schema("1", "1")
    yield says(
        "One sample per row, time steps `t = 1 .. T`. Adjacent matrices are multiplied; `A o B` is "
        "the elementwise product, `A^T` the transpose, {ones} a matrix of ones.",
        ones=(ones,),
    )
    yield Table(list(_symbols(derivation)))
    if functions := list(functions_of(derivation)):
        yield Table(functions)


def _symbols(derivation: Derivation) -> Iterator[tuple[Prose, Prose, Prose]]:
    """Every symbol of the declaration by role and shape, and the meaning of its sizes."""
    cell, loss = derivation.cell, derivation.loss
    roles = {
        "input": cell.differentiated,
        "input without gradient": cell.without_gradient,
        "initial state": tuple(cell.states.values()),
        "target": (loss.target,),
        "largest of a row": tuple(loss.shifts),
        "weights": cell.weights,
        "constants": tuple(each for each, made in cell.constants.items() if made is None),
        **{made.of(stored_shape(each)): (each,) for each, made in cell.constants.items() if made},
        "computed once": tuple(equation.target for equation in cell.outside),
        "computed": tuple(
            e.target for e in derivation.equations if e.is_timed and not e.named_here
        ),
    }
    sizes: dict[str, None] = {}
    for role, symbols in roles.items():
        for letters in dict.fromkeys(symbol.shape for symbol in symbols):
            sizes |= dict.fromkeys(map(str, letters))
            of_shape = [symbol for symbol in symbols if symbol.shape == letters]
            if role == "initial state":
                of_shape = [at(derivation, before, 1) for before in of_shape]
            yield (role,), (shape(letters),), listed(of_shape)
    sizes = {letter: None for letter in sizes if not letter.isdecimal()}
    own = "a size of this cell"
    known = [(", ", formula(letter), f" {_SIZES.get(letter, own)}") for letter in sizes]
    yield ("sizes",), (), tuple(part for parts in known for part in parts)[1:]


def _forward(part: Part) -> Iterator[Block]:
    derivation = part.derivation
    cell, loss = derivation.cell, derivation.loss
    ours = {equation.target for equation in cell.equations}
    rows = [
        Row(
            e.target,
            e.declared,
            (f"{e.meaning}, ", shape(e.target.shape)),
            _forward_id(e.target),
            boxed=e.meaning == _CANDIDATE,
        )
        for e in derivation.equations
        if not e.named_here
    ]
    own, outer = ([r for r in rows if (r.left in ours) is inside] for inside in (True, False))
    outside = {equation.target for equation in cell.outside}
    once, own = ([r for r in own if (r.left in outside) is first] for first in (True, False))
    if once:
        yield says("Once, before all time steps, of weights alone:")
        yield Equations([once], derivation.notation)
    yield says("At every time step, in this order:")
    total = loss_row(derivation)
    groups = [own, [*outer, Row(total.left, total.right, total.remark, EquationId("loss", "L"))]]
    yield Equations(groups, derivation.notation)
    if any(row.boxed for row in rows):
        yield says("In the box is the candidate activation: what a step may write into the state.")
    if loss.cost.has(Trace):
        yield says("`tr(A^T F)` is the sum of all entries of `A o F`.")
    yield from _named(derivation)
    for shift, above in loss.shifts.items():
        yield says(
            "Each row of {shift} repeats the largest entry of that row of {above}. It keeps "
            "exponentials in range and is held constant, since the loss does not depend on it; "
            "that is proved.",
            shift=(shift,),
            above=(above,),
        )
    if loss.mean:
        yield says(
            "The loss is the mean: a kernel divides this sum, and with it every adjoint and every "
            "gradient, by {number}, the number of targets.",
            number=(mean_number(loss),),
        )


def _named(derivation: Derivation) -> Iterator[Block]:
    """The parts of the equations that have names of their own."""
    parts = [
        Row(e.target, e.expression, (e.meaning,), _forward_id(e.target))
        for e in derivation.equations
        if e.named_here
    ]
    if parts:
        yield says(
            "Parts of these have names of their own, so that a derivative needs one rule alone:"
        )
        yield Equations([parts], derivation.notation)


def _forward_id(target: object) -> EquationId:
    return EquationId("forward", str(target))


def _weights(part: Part) -> Iterator[Block]:
    weights = part.derivation.cell.weights
    number = counted(len(weights), "weight")
    to_find = f"so in total {counted(len(weights), 'gradient')} to find: "
    words = (f"{number[:1].upper()}{number[1:]}, {to_find}",)
    yield Paragraph((*words, *listed(weights), "."))
