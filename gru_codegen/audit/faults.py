"""The faults of a backward pass, as changes of the equations of any cell, the plainest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

from sympy import Rational
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.audit.edits import edits, one_minus, opposite, scaled
from gru_codegen.audit.model import Change, Model, Place
from gru_codegen.equations import matrix
from gru_codegen.notation import leaves

__all__ = ["faults", "plain_faults"]


def plain_faults(model: Model) -> Iterator[Change]:
    """The faults that have a name: a carry that is missing, a slope, a convention, a step."""
    yield from _carries(model)
    yield from _ways_of_carry(model)
    yield Change("the cost of the last step alone is propagated", loss_at_last=True)
    yield from _slopes(model)
    yield from _throughout(model)


def faults(model: Model) -> Iterator[Change]:
    """The faults of single terms: left out, with another coefficient, factor, symbol or step."""
    for target, terms in model.terms.items():
        for number, term in enumerate(terms):
            for changed in _of_term(model, target, term.expression):
                said = f"has {_text(model, changed)} for" if changed is not None else "lacks"
                text = f"{_text(model, target)} {said} {_text(model, term.expression)}"
                remark = "" if changed is None else model.remark(changed)
                yield Change(text + remark, {(target, number): changed})


# --- named ----------------------------------------------------------------------------------


def _carries(model: Model) -> Iterator[Change]:
    for states in _subsets(model.carries):
        carries = _listed([_text(model, model.carries[target]) for target in states])
        every = len(states) == len(model.carries)
        known = "; this is back-propagation truncated to one step" if every else ""
        yield Change(f"the carry {carries} is missing{known}", cut=frozenset(states))


def _ways_of_carry(model: Model) -> Iterator[Change]:
    """The adjoint of a previous state without some of its terms."""
    for before in model.derivation.cell.states.values():
        target = matrix(f"d{before.name}", *before.shape)
        terms = model.terms[target]
        for left_out in _subsets(range(len(terms))):
            if len(left_out) == len(terms):
                continue  # that is the whole carry
            said = [_text(model, terms[k].expression) + _way(model, terms[k].of) for k in left_out]
            yield Change(
                f"{_text(model, target)} lacks {_listed(said)}",
                {(target, k): None for k in left_out},
            )


def _way(model: Model, of: MatrixSymbol | None) -> str:
    """The way of a term: the equation that is differentiated."""
    for equation in model.derivation.equations:
        if equation.target == of:
            return f", the way through {equation.origin.target} ({equation.origin.meaning})"
    return ""


def _slopes(model: Model) -> Iterator[Change]:
    """Slopes of elementwise functions: at one equation, at all of one function, at all."""
    by_function: dict[Any, list[_Slope]] = {}
    for equation in model.derivation.equations:
        if (function := _function(equation.expression)) is not None:
            found = _slope_of(model, function, equation.target, equation.expression.expr)
            by_function.setdefault(function, []).extend(found)
    every = [slope for slopes in by_function.values() for slope in slopes]
    groups = [[slope] for slope in every]
    groups += [slopes for slopes in by_function.values() if len(slopes) > 1]
    groups += [every] if len(by_function) > 1 else []
    others = {function.__name__: slopes[0] for function, slopes in by_function.items() if slopes}
    for group in groups:
        where = _listed([slope.written(model) for slope in group])
        for text, wrong in _wrong_slopes(others):
            terms = {slope.place: wrong(slope) for slope in group}
            if all(term != slope.term for slope, term in zip(group, terms.values(), strict=True)):
                yield Change(f"the slope of {where} {text}", terms)


class _Slope(NamedTuple):
    """A term that goes through value = function(argument), and the adjoint of the value."""

    function: Any
    value: MatrixSymbol
    argument: MatrixSymbol
    incoming: MatrixSymbol
    place: Place
    term: Any

    def written(self, model: Model) -> str:
        """The equation."""
        return f"{_text(model, self.value)} = {_text(model, self.function(self.argument))}"

    def of(self, other: _Slope) -> Any:
        """The term of another equation, with the symbols of this one."""
        pairs = zip(other[1:4], self[1:4], strict=True)
        names = {theirs: matrix(f"place {ours}", *ours.shape) for theirs, ours in pairs}
        back = dict(zip(names.values(), self[1:4], strict=True))
        return other.term.xreplace(names).xreplace(back)


def _slope_of(
    model: Model, function: Any, value: MatrixSymbol, argument: MatrixSymbol
) -> Iterator[_Slope]:
    target = matrix(f"d{argument.name}", *argument.shape)
    incoming = matrix(f"d{value.name}", *value.shape)
    for k, term in enumerate(model.terms[target]):
        if term.of == value and value in leaves(term.expression):
            yield _Slope(function, value, argument, incoming, (target, k), term.expression)


def _wrong_slopes(others: Mapping[str, _Slope]) -> Iterator[tuple[str, Callable[[_Slope], Any]]]:
    yield "is missing", lambda slope: slope.incoming
    yield (
        "is taken of the value, where it is that of the pre-activation",
        lambda s: s.term.xreplace({s.value: s.function(s.value), s.argument: s.value}),
    )
    yield (
        "is written for the value, and the pre-activation is put there",
        lambda slope: slope.term.xreplace({slope.value: slope.argument}),
    )
    for name, other in others.items():
        yield f"is that of {name}", partial(_Slope.of, other=other)


def _function(expression: Any) -> Any:
    return (
        expression.function.expr.func if isinstance(expression, ElementwiseApplyFunction) else None
    )


def _throughout(model: Model) -> Iterator[Change]:
    """One symbol read for another in the whole backward pass."""
    for symbol in _forward_symbols(model):
        yield from _conventions(model, symbol)
    for state, before in model.derivation.cell.states.items():
        for said, other in (
            ("0", model.at(state, -1)),
            (f"{state}_T", model.at(state, -1, "around")),
        ):
            text = f"the backward pass reads {said} for the initial state {state}_0"
            yield from _everywhere(model, text, partial(_put, symbol=before, other=other))
    for symbol, other in _other_steps(model):
        text = f"the backward pass reads {_text(model, other)} for {_text(model, symbol)}"
        wrong = partial(_put, symbol=symbol, other=other)
        yield from _everywhere(model, text + model.remark(other), wrong)


def _conventions(model: Model, gate: MatrixSymbol) -> Iterator[Change]:
    """The backward pass of a cell that has 1 - v for v; then the same without the sign of dv."""
    text = f"the backward pass has 1 - {gate} for {gate}, the other convention of the gate"
    for change in _everywhere(model, text, partial(opposite, symbol=gate)):
        own = {(t, k): e for t, terms in model.terms.items() for k, (e, _) in enumerate(terms)}
        target = matrix(f"d{gate.name}", *gate.shape)
        turned = {
            place: scaled(change.terms.get(place, own[place]), -1)
            for place in own
            if place[0] == target
        }
        if turned:
            yield replace(change, terms={**change.terms, **turned})
        yield change


def _other_steps(model: Model) -> Iterator[tuple[MatrixSymbol, MatrixSymbol]]:
    """Symbols, and what of another step may be read for them."""
    for state, before in model.derivation.cell.states.items():
        yield before, state
        yield before, model.at(state, -2)
        yield before, model.at_last(state)
        yield state, before
    for symbol in _forward_symbols(model):
        yield symbol, model.at_last(symbol)
        for offset in (-1, 1):
            yield symbol, model.at(symbol, offset)
            yield symbol, model.at(symbol, offset, "around")


def _everywhere(model: Model, text: str, wrong: Callable[[Any], Any]) -> Iterator[Change]:
    """The fault in every term; then where products of the forward pass are computed anew."""
    kept: dict[Place, Any] = {}
    for expand in (_as_it_is, partial(_expanded, model)):
        terms = {
            (target, k): changed
            for target, several in model.terms.items()
            for k, term in enumerate(several)
            if (changed := wrong(expand(term.expression))) != expand(term.expression)
        }
        if len(terms) > 1 and terms != kept:  # that of one term alone is said of the term
            yield Change(text, terms)
        kept = terms


def _as_it_is(expression: Any) -> Any:
    return expression


def _expanded(model: Model, expression: Any) -> Any:
    """The expression with products that the forward pass has named, as RS, written out."""
    return expression.xreplace(model.products)


def _put(expression: Any, symbol: MatrixSymbol, other: Any) -> Any:
    return expression.xreplace({symbol: other})


# --- single terms ---------------------------------------------------------------------------


def _of_term(model: Model, target: MatrixSymbol, expression: Any) -> Iterator[Any]:
    yield None
    for coefficient in (-1, 2, Rational(1, 2)):
        yield scaled(expression, coefficient)
    for written in dict.fromkeys((expression, _expanded(model, expression))):
        yield from edits(written, lambda symbol: _instead(model, target, symbol))


def _instead(model: Model, target: MatrixSymbol, symbol: MatrixSymbol) -> Iterator[Any]:
    """Symbols that may stand for another in the formula of `target`, of this step or another."""
    order, states = [*model.adjoints, *model.gradients], model.derivation.cell.states
    if symbol in model.adjoints:
        yield from model.adjoints[: order.index(target)]
        yield model.at(symbol, 1)
    elif symbol in model.notation.steps:
        known = (*states.values(), *_forward_symbols(model))
        yield from known
        yield one_minus(symbol)
        for each in (symbol, *(s for s, before in states.items() if before == symbol)):
            yield model.at_last(each)
            yield from (model.at(each, offset) for offset in (-1, 1))
            yield from (model.at(each, offset, "around") for offset in (-1, 1))
    else:
        yield from model.derivation.cell.weights


def _forward_symbols(model: Model) -> list[MatrixSymbol]:
    """Inputs and what is computed of them, but for mere copies."""
    equations = model.derivation.equations
    targets = [e.target for e in equations if not isinstance(e.expression, MatrixSymbol)]
    return [*model.derivation.cell.inputs, *targets]


# --- words ----------------------------------------------------------------------------------


def _text(model: Model, expression: Any) -> str:
    return model.notation.text(expression)


def _listed(said: Sequence[str]) -> str:
    return said[0] if len(said) == 1 else f"{'; '.join(said[:-1])} and {said[-1]}"


def _subsets(elements: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """The subsets that are not empty, the largest last."""
    every = tuple(elements)
    for size in range(1, len(every) + 1):
        yield from combinations(every, size)
