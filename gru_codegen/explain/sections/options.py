"""The section on padding, loss weights and pullbacks."""

from __future__ import annotations

from collections.abc import Iterator

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import Prose, Row, listed
from gru_codegen.explain.model import Block, Equations, Section
from gru_codegen.explain.words import says
from gru_codegen.functions import FUNCTIONS
from gru_codegen.notation import LATEX, TEXT, Local, OverTime, Schema

__all__ = ["options_section"]


def options_section(derivation: Derivation) -> Section:
    """Section on all options: their equations and derivatives."""
    blocks = [*_lengths(derivation), *_guards(derivation)]
    blocks += [*_weights(derivation), *_pullback(derivation)]
    heading = ("Sequences with padding, loss weights, pullbacks",)
    return Section("options", heading, blocks)


def _lengths(derivation: Derivation) -> Iterator[Block]:
    holds, notation = derivation.options.holds, derivation.options.notation
    previous = derivation.cell.states.values()
    computed = listed(_schema(hold.computed, derivation) for hold in holds)
    yield says(
        "With lengths, a sequence of the batch may end before step `T`; with a mask, any of its "
        "steps may be no real one. Such steps are padding, and there its states stay as they are. "
        "{mask} is 1 in the rows of samples for which step `t` is padding, else 0; {computed} is "
        "what the equation above computes.",
        mask=(_schema(holds[0].value.mask, derivation),),
        computed=computed,
    )
    yield Equations([[Row(hold.state, hold.value.expression) for hold in holds]], notation)
    yield says("SymPy's derivatives of that, taken and proved like all others:")
    rows = [
        Row(Local(hold.adjoint, hold.state, term.argument), notation.arrange(term.expression))
        for hold in holds
        for term in hold.terms
    ]
    yield Equations([rows], notation)
    yield says(
        "The derivative with respect to the state before is added to {carries}. The other one is "
        "the adjoint of {computed}, which all the equations above read in place of {adjoints}. "
        "To multiply by {mask} is to choose rows: what stands in the others is not read, and may "
        "be anything.",
        carries=listed(a.target for a in derivation.adjoints if a.of in previous),
        computed=computed,
        adjoints=listed(hold.adjoint for hold in holds),
        mask=(_schema(holds[0].value.mask, derivation),),
    )
    yield Equations([[Row(h.of_computed, h.into_step.expression) for h in holds]], notation)


def _guards(derivation: Derivation) -> Iterator[Block]:
    guard, notation = derivation.options.guard, derivation.options.notation
    functions = _not_total(derivation)
    if not functions:
        return
    yield says(
        "An argument of {functions} might have any value in the rows of padding. "
        "There it is a constant at which the function and its derivative are finite:",
        functions=functions,
    )
    rows = [
        Row(guard.guarded, guard.value.expression),
        Row(guard.of_argument, guard.passed_on.expression),
    ]
    yield Equations([rows], notation)


def _not_total(derivation: Derivation) -> Prose:
    """The functions of the cell that are not finite everywhere, those of derivatives among them."""
    own = {equation.target for equation in derivation.cell.equations}
    formulas = [e.expression for e in derivation.equations if e.origin.target in own]
    formulas += [adjoint.expression for adjoint in derivation.adjoints]
    applied = {
        type(call.function.expr)
        for formula in formulas
        for call in formula.atoms(ElementwiseApplyFunction)
    }
    known = (*FUNCTIONS.values(), *derivation.cell.functions)
    partial = [f for f in known if f in applied and not f.record.is_total]
    return listed(Schema(TEXT.function(f.__name__), LATEX.function(f.__name__)) for f in partial)


def _weights(derivation: Derivation) -> Iterator[Block]:
    weighting, notation = derivation.options.weighting, derivation.options.notation
    yield says(
        "With loss weights, {weights} has the weight of each sample in its whole row, 0 past its "
        "length:",
        weights=(_schema(weighting.weights, derivation),),
    )
    loss = Row(Schema("L", "L"), OverTime(weighting.cost))
    yield Equations([[Row(weighting.target, weighting.weighed), loss]], notation)
    yield says("The derivatives of that:")
    rows = [
        Row(
            Local(
                weighting.adjoint if term.of == weighting.target else None,
                weighting.cost if term.of is None else term.of,
                term.argument,
            ),
            notation.arrange(term.expression),
        )
        for term in weighting.terms
    ]
    yield Equations([rows], notation)
    yield says(
        "A row of {seed} depends on one sample alone, so the weight is a factor of that row; that "
        "is proved, and what a kernel computes is {seed} without weights, then {weighted}.",
        seed=listed(derivation.seeds_of_loss),
        weighted=listed(_schema(weighted, derivation) for weighted in weighting.seeds.values()),
    )
    if derivation.loss.mean:
        sizes = list(map(str, ("T", *derivation.loss.numbers)))
        share = (Schema(f"1/({' '.join(sizes)})", f"1/({LATEX.product.join(sizes)})"),)
        yield says(
            "A mean is the weight {share} of every target. With weights or padding the weights of "
            "all samples and steps, added up, take the place of {samples}: what does not count has "
            "no part in the divisor. If they come to 0, it is 1.",
            share=share,
            samples=(Schema("T B", r"T\,B"),),
        )


def _pullback(derivation: Derivation) -> Iterator[Block]:
    last, notation = derivation.options.last, derivation.options.notation
    yield says(
        "A pullback, which vjp returns, is the backward pass without the loss. It is given {seed}, "
        "the derivative of any function with respect to the outputs, and {given}, that with "
        "respect to the last state, as if a step after the last one had passed it back:",
        seed=listed(derivation.seeds),
        given=listed(_schema(term.expression, derivation) for term in last.values()),
    )
    carries = {a.of: a.carry for a in derivation.adjoints if a.carry is not None}
    rows = []
    for state, term in last.items():
        text, latex = (notation.write(carries[state], each, "T") for each in (TEXT, LATEX))
        rows.append(Row(Schema(text, latex), term.expression))
    yield Equations([rows], notation)


def _schema(symbol: object, derivation: Derivation) -> Schema:
    """A symbol of an option, for a sentence."""
    notation = derivation.options.notation
    return Schema(notation.text(symbol), notation.latex(symbol))
