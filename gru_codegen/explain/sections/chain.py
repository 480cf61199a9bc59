"""The section that takes one gradient in steps, each of them one derivative of one equation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import Derivation, Gradient, LocalDerivative
from gru_codegen.derive.calculus import RULES
from gru_codegen.derive.writing import Prose, Row
from gru_codegen.explain.model import Block, Equations, Fold, Section, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import counted, says
from gru_codegen.ir import EquationId
from gru_codegen.notation import OverTime, Verbatim

__all__ = ["chain_section"]


def chain_section(part: Part) -> Section:
    """Section on the gradient of the first weight that is shown; the other derivatives follow."""
    gradient = part.gradients[0]
    path = _path(part.derivation, gradient)
    return Section(
        "chain",
        ("One gradient, step by step: ", gradient.weight),
        [*_introduction(part, gradient, path), *_steps(part, path), *_others(part, path)],
    )


def _path(derivation: Derivation, gradient: Gradient) -> list[LocalDerivative]:
    """The derivatives on the shortest way from a state, or an output, to the weight.

    An output that the loss does not read is the last choice: the weight has no other way.
    """
    terms_of = {adjoint.of: adjoint.terms for adjoint in derivation.adjoints}
    terms_of |= {each.weight: each.terms for each in derivation.outside}
    states = {adjoint.of for adjoint in derivation.adjoints if adjoint.carry is not None}
    read = derivation.seeded[: len(derivation.seeds_of_loss)]
    ways, unread = deque([[term] for term in gradient.terms]), []
    while ways:
        way = ways.popleft()
        if way[0].of in states.union(read):
            return way
        if way[0].of in derivation.seeded:
            unread.append(way)
        ways += [[term, *way] for term in terms_of[way[0].of] if term.of is not None]
    return unread[0]


def _introduction(part: Part, gradient: Gradient, path: list[LocalDerivative]) -> Iterator[Block]:
    adjoint = {a.of: a.target for a in part.derivation.adjoints}
    one = len(path) == 1
    yield says(
        "Write `dA` for the derivative of the loss with respect to `A`. It has the shape of `A` "
        "and is called the adjoint of `A`: the error that has come back to it. {words} from "
        "{start}, which the next section finds, to the gradient of {weight}. Each is that of one "
        "equation alone, with its brackets multiplied out. SymPy takes it; nothing else is "
        "differentiated.",
        words=(_sentence(counted(len(path), "derivative")), " leads" if one else " lead"),
        start=(adjoint[path[0].of],),
        weight=(gradient.weight,),
    )
    previous = next(iter(part.derivation.cell.states.values()))
    yield says(
        "SymPy writes {entrywise} for `A o B`, {product} for the matrix product, and {applied} "
        "where a function is applied to every entry. Its names have no steps: {previous} is "
        "{written}.",
        entrywise=(Verbatim("HadamardProduct(A, B)"),),
        product=(Verbatim("A*B"),),
        applied=(Verbatim("Lambda(d, f(d)).(A)"),),
        previous=(Verbatim(previous.name),),
        written=(previous,),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _steps(part: Part, path: list[LocalDerivative]) -> Iterator[Block]:
    derivation = part.derivation
    equation_of = {e.target: e for e in derivation.equations}
    for number, term in enumerate(path, start=1):
        equation = equation_of[term.of]
        rows: list[tuple[Prose, Prose]] = [
            (("equation",), (equation.target, " = ", equation.expression)),
            (("rule",), ("; ".join(f"{rule}: {RULES[rule]}" for rule in term.rules),)),
            (("SymPy says",), (Verbatim(str(term.literal)),)),
            (("that is",), _rewritten(derivation, term)),
        ]
        line = part.code.line_of(_id(derivation, term.argument)) if part.code else None
        if line is not None:
            rows.append((("code",), (Verbatim(line.text), f"   line {line.number}")))
        yield says(f"({number}) {{of}} reads {{what}}.", of=(term.of,), what=(term.argument,))
        yield Table(rows)
    slopes = any("elementwise function" in term.rules for term in path)
    slope = "The slope of a function is written in what the forward pass has computed already. "
    yield says(
        f"{slope if slopes else ''}Each derivative is proved when it is taken: entry by entry and "
        "exactly, against the scalar derivatives of explicit matrices, at two sets of sizes."
    )


def _rewritten(derivation: Derivation, term: LocalDerivative) -> Prose:
    """The derivative in forward values, as a term of the adjoint or gradient that it belongs to."""
    value = derivation.notation.arrange(term.expression)
    of_weights = {each.weight for each in derivation.outside}
    for gradient in derivation.sums:
        if gradient.weight == term.argument:
            alone = len(gradient.terms) == 1
            sign = " = " if alone else " = ... + "
            return (gradient.target, sign, value if term.of in of_weights else OverTime(value))
    (adjoint,) = [a for a in derivation.adjoints if a.of == term.argument]
    if len(adjoint.terms) == 1 and adjoint.carry is None:
        return (adjoint.target, " = ", adjoint.factored)
    return (adjoint.target, " = ... + ", value)


def _id(derivation: Derivation, variable: MatrixSymbol) -> EquationId:
    if variable in {each.weight for each in derivation.sums}:
        return EquationId("gradient", variable.name)
    return EquationId("adjoint", variable.name)


def _others(part: Part, path: list[LocalDerivative]) -> Iterator[Block]:
    others = [term for term in part.local_derivatives if term not in path]
    if not others:
        return
    total = counted(len(part.local_derivatives), "derivative")
    summary = f"The other {counted(len(others), 'derivative')}, by the same four rules"
    asked = says(
        "A line says what an equation passes back to one of the values that it reads: the "
        "derivative of `<dv_t, v_t>`, with `dv_t` held constant, where `<A, F> = tr(A^T F)`."
    )
    equations = Equations(_by_equation(part.derivation, others), part.derivation.notation)
    yield Fold((f"{summary}; {total} in all",), [asked, equations])


def _by_equation(derivation: Derivation, terms: list[LocalDerivative]) -> list[list[Row]]:
    """The derivatives of each equation, each with its rule."""

    def row(term: LocalDerivative) -> Row:
        value = derivation.notation.arrange(term.expression)
        return Row(term.asked, value, (" and ".join(term.rules),))

    order = (*(equation.target for equation in derivation.equations), None)
    groups = ([row(term) for term in terms if term.of == of] for of in order)
    return [group for group in groups if group]
