"""The sections of a document: their order and their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import (
    Prose,
    Row,
    adjoint_rows,
    forward_rows,
    gradient_rows,
    known_adjoint,
    listed,
    loss_row,
    normal_rows,
)
from gru_codegen.explain.functions import functions_of
from gru_codegen.explain.model import Block, Document, Equations, Paragraph, Section, Table
from gru_codegen.explain.needs import Part
from gru_codegen.explain.options import options_section
from gru_codegen.explain.words import at, formula, prose, says
from gru_codegen.notation import LATEX, TEXT, Local, Schema

__all__ = ["explained"]


def explained(derivation: Derivation, steps: int | None, wrt: str | None) -> Document:
    """The document about `derivation`: written out for `steps` as well, for one weight or all."""
    part = Part.of(derivation, wrt)
    sections = [
        _cell(derivation),
        _forward(derivation),
        _normal_form(derivation),
        _lagrangian(derivation),
        _local_derivatives(part),
        _adjoints(part),
        _gradients(part),
        *_shared(part),
        *([options_section(derivation)] if part.weight is None else []),
        *([] if steps is None else [_unrolled(part, steps)]),
        *([] if part.weight is None else [_substituted(derivation, part.weight)]),
    ]
    title = derivation.cell.title[:1].upper() + derivation.cell.title[1:]
    subject: Prose = ("back-propagation through time",)
    if part.weight is not None:
        subject = ("the gradient of ", part.weight)
    return Document((f"{title}: ", *subject), sections, derivation.notation)


# --- the declaration -----------------------------------------------------------------------------

_SIZES = {"B": "batch size", "D": "input size", "H": "hidden size", "O": "output size"}


def _cell(derivation: Derivation) -> Section:
    cell, loss = derivation.cell, derivation.loss
    written = (*(equation.expression for equation in derivation.equations), loss.cost)
    factors = {f for part in written for product in part.atoms(MatMul) for f in product.args}
    bold = any(isinstance(factor, OneMatrix) for factor in factors)
    ones = Schema("1", rf"1 \text{{ or }} {LATEX.ones}" if bold else "1")
    declared = {
        "cell": f"{cell.title} ({cell.name})",
        "source": cell.source,
        "loss": f"{loss.title} ({loss.name})",
    }
    notation = says(
        "One sample per row, time steps `t = 1 .. T`. Adjacent matrices are multiplied; `A o B` is "
        "the elementwise product, `A^T` the transpose, {ones} a matrix of ones. The adjoint of `A` "
        "is written `dA`: the derivative of the loss with respect to it.",
        ones=(ones,),
    )
    blocks: list[Block] = [
        Table([((role,), (words,)) for role, words in declared.items()]),
        notation,
        Table(list(_symbols(derivation))),
    ]
    if functions := list(functions_of(derivation)):
        blocks.append(Table(functions))
    return Section(("The cell",), blocks)


def _symbols(derivation: Derivation) -> Iterator[tuple[Prose, Prose, Prose]]:
    """Every symbol of the declaration by role and shape, and the meaning of its sizes."""
    cell, loss = derivation.cell, derivation.loss
    roles = {
        "input": cell.inputs,
        "initial state": tuple(cell.states.values()),
        "target": (loss.target,),
        "largest of a row": tuple(loss.shifts),
        "weights": cell.weights,
        "computed": tuple(e.target for e in derivation.equations if not e.named_here),
    }
    sizes: dict[str, None] = {}
    for role, symbols in roles.items():
        for shape in dict.fromkeys(symbol.shape for symbol in symbols):
            sizes |= dict.fromkeys(map(str, shape))
            letters = f"({', '.join(map(str, shape))})"
            symbols_of_shape = [symbol for symbol in symbols if symbol.shape == shape]
            if role == "initial state":
                symbols_of_shape = [at(derivation, before, 1) for before in symbols_of_shape]
            yield (role,), (Schema(letters, letters),), listed(symbols_of_shape)
    known = [(", ", formula(letter), f" {_SIZES[letter]}") for letter in sizes if letter in _SIZES]
    yield ("sizes",), (), tuple(part for parts in known for part in parts)[1:]


def _forward(derivation: Derivation) -> Section:
    loss = derivation.loss
    ours = {equation.target for equation in derivation.cell.equations}
    outer = [
        Row(e.target, e.declared, (e.meaning,))
        for e in derivation.equations
        if not e.named_here and e.target not in ours
    ]
    groups = [forward_rows(derivation), [*outer, replace(loss_row(derivation), remark=("loss",))]]
    blocks: list[Block] = [
        says("At every time step, in this order:"),
        Equations(groups, derivation.notation),
    ]
    for shift, above in loss.shifts.items():
        blocks.append(
            says(
                "Each row of {shift} repeats the largest entry of that row of {above}. It keeps "
                "exponentials in range and is held constant, since the loss does not depend on it; "
                "that is proved.",
                shift=(shift,),
                above=(above,),
            )
        )
    if loss.mean:
        blocks.append(
            says(
                "The loss is the mean: a kernel divides this sum, and with it every adjoint and "
                "every gradient, by `T B O`, the number of predicted numbers."
            )
        )
    return Section(("Forward equations",), blocks)


# --- the derivation ------------------------------------------------------------------------------


def _normal_form(derivation: Derivation) -> Section:
    return Section(
        ("Normal form",),
        [
            says(
                "SymPy's matrix calculus differentiates some forms rightly, refuses others and "
                "gets a few wrong without a word. So every equation is first brought into a form "
                "that it gets right: an elementwise function of one matrix, or a sum of matrices, "
                "matrix products and elementwise products with nothing nested in them. The outcome "
                "is proved equal to the declared equations."
            ),
            Equations([normal_rows(derivation)], derivation.notation),
        ],
    )


def _lagrangian(derivation: Derivation) -> Section:
    cell, notation = derivation.cell, derivation.notation
    lagrangian = formula("L + sum_t sum_v <dv_t, F_v - v_t>")
    joints = [
        Schema(
            *(f"{s.symbol(p.name, False, 't', '')} = {notation.write(p, s)}" for s in (TEXT, LATEX))
        )
        for p in cell.states.values()
    ]
    carries = [a.target for a in derivation.adjoints if a.of in cell.states.values()]
    return Section(
        ("The Lagrangian",),
        [
            says(
                "Every equation `v_t = F_v(...)` of the normal form is a constraint. It gets an "
                "adjoint `dv_t` of its own, of the shape of `v_t`, and the Lagrangian is"
            ),
            Equations([[Row(formula("Lag"), lagrangian, prose("`<A, F> = tr(A^T F)`"))]], notation),
            says(
                "Since the constraints hold, `Lag = L` whatever the adjoints are. They are chosen "
                "such that `dLag/dv_t = 0` for every `v_t`; these are the adjoint equations. What "
                "is left of `dL/dW` then is the derivative of `Lag` with respect to `W` where it "
                "stands in the equations; these are the gradients. That is back-propagation "
                "through time."
            ),
            says(
                "Time steps are joined by constraints too: {joints}, with {carries} as adjoint: "
                "the carry, which step `t` passes on to step `t-1`.",
                joints=listed(joints),
                carries=listed(carries),
            ),
        ],
    )


def _local_derivatives(part: Part) -> Section:
    derivation, local = part.derivation, part.local_derivatives
    adjoint_of = {adjoint.of: adjoint.target for adjoint in derivation.adjoints}

    def row(of: MatrixSymbol | None, argument: MatrixSymbol, expression: Any) -> Row:
        value = derivation.loss.cost if of is None else of
        left = Local(adjoint_of.get(of), value, argument)
        return Row(left, derivation.notation.arrange(expression))

    groups = [
        [row(of, term.argument, term.expression) for term in local if term.of == of]
        for of in (*(equation.target for equation in derivation.equations), None)
    ]
    return Section(
        ("Local derivatives, taken by SymPy",),
        [
            says(
                f"Nothing but this is differentiated: {len(local)} derivatives, all by SymPy's "
                "matrix calculus, of one trace `<dv_t, F_v>` at a time and for a symbolic step; "
                "`v_t` stands for `F_v`. Each is proved: entry by entry and exactly, against the "
                "scalar derivatives of explicit matrices, at two sets of sizes, all different and "
                "at least 2. All the rest is gru_codegen's: the normal form, the proofs, and "
                "adding up over equations and over time."
            ),
            Equations([group for group in groups if group], derivation.notation),
        ],
    )


def _adjoints(part: Part) -> Section:
    derivation = part.derivation
    blocks: list[Block] = [
        says(
            "`dLag/dv_t = 0`, solved for `dv_t`: the sum of the local derivatives of all that "
            "reads `v_t`. They are computed in this order, for `t = T .. 1`."
        ),
        Equations([adjoint_rows(derivation, part.adjoints)], derivation.notation),
    ]
    known = known_adjoint(derivation)
    if known is not None:
        labels = " where every row of {target} adds up to 1, as of labels"
        blocks.append(
            says(
                "With what these read written out, the adjoint of the outputs is the one that "
                f"everyone knows{labels if derivation.loss.targets == 'labels' else ''}; that is "
                "proved:",
                target=(derivation.loss.target,),
            )
        )
        blocks.append(Equations([[Row(derivation.seed, known)]], derivation.notation))
    return Section(("Adjoint equations",), blocks)


def _gradients(part: Part) -> Section:
    weight: Prose = ("each weight",) if part.weight is None else (part.weight,)
    blocks: list[Block] = [
        says(
            "The derivative of `Lag` with respect to {weight}, summed over the time steps:",
            weight=weight,
        ),
        Equations([gradient_rows(part.gradients)], part.derivation.notation),
    ]
    if part.weight is None:
        blocks.append(Paragraph(_other_gradients(part.derivation)))
    return Section(("Gradients",), blocks)


def _other_gradients(derivation: Derivation) -> Prose:
    """Sentence on the adjoints that are gradients of inputs and initial states."""
    cell = derivation.cell
    inputs = [(a.target, "input ", a.of) for a in derivation.adjoints if a.of in cell.inputs]
    states = [
        (at(derivation, a.target, 1), "initial state ", at(derivation, a.of, 1))
        for a in derivation.adjoints
        if a.of in cell.states.values()
    ]
    parts: list[Any] = []
    for adjoint, role, symbol in (*inputs, *states):
        is_that_of = " that of the " if parts else " is the gradient of the "
        parts += [", " if parts else "", adjoint, is_that_of + role, symbol]
    return (*parts, ".")


def _shared(part: Part) -> list[Section]:
    shown = {a.target for a in part.adjoints} | {g.target for g in part.gradients}
    rows = []
    for shared in part.derivation.shared:
        readers = [reader for reader in shared.readers if reader in shown]
        if len(readers) > 1:
            rows.append(((shared.factor,), ("read by ", *listed(readers))))
    return [Section(("Shared factors, each computed once",), [Table(rows)])] if rows else []


# --- written out ---------------------------------------------------------------------------------


def _unrolled(part: Part, steps: int) -> Section:
    unrolled = part.derivation.unroll(steps)
    needed = part.needed_in(unrolled)
    backward = [[row for row in step if row.left in needed] for step in unrolled.backward_rows()]
    targets = {gradient.target for gradient in part.gradients}
    gradients = [row for row in unrolled.gradient_rows() if row.left in targets]

    def equations(groups: Sequence[Sequence[Row]]) -> Equations:
        return Equations([group for group in groups if group], unrolled.notation, step=0)

    return Section(
        prose(f"Written out for `T = {steps}`"),
        [
            says("The forward pass:"),
            equations(unrolled.forward_rows()),
            says("The backward pass, from the last step to the first:"),
            equations(backward),
            says("The gradients:" if len(gradients) > 1 else "The gradient:"),
            equations([gradients]),
        ],
    )


#: A gradient of more symbols than this, everything substituted, is no help to anyone.
_MOST_SYMBOLS = 400


def _substituted(derivation: Derivation, weight: MatrixSymbol) -> Section:
    """The whole gradient for one step, and how it would grow."""
    one, two, three = (derivation.unroll(steps) for steps in (1, 2, 3))
    counts = [unrolled.symbols_substituted(weight) for unrolled in (one, two, three)]
    words = (
        "With every computed name replaced by what it stands for, the gradient takes "
        f"{counts[0]} symbols for `T = 1`, {counts[1]} for `T = 2` and {counts[2]} for `T = 3`. "
        "With names, every step adds the same few equations."
    )
    if counts[0] > _MOST_SYMBOLS:
        return Section(("Everything substituted",), [says(words)])
    (row,) = [row for row in one.gradient_rows() if row.left.name == f"d{weight.name}"]
    full_row = Row(row.left, one.substituted(weight))
    equation = Equations([[full_row]], one.notation, step=0)
    return Section(("Everything substituted",), [says(f"{words} For `T = 1`:"), equation])
