"""Polynomials in matrices, and the bounds of what is done to find their shortest form."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import pytest

from gru_codegen.ir import Call, Expr
from gru_codegen.passes.support import algebra
from gru_codegen.passes.support.algebra import MOST_TERMS, Term, expanded, factored
from tests.emit.programs import op, timed, whole

add, multiply, subtract = op("add"), op("multiply"), op("subtract")
A, B, C, D = (timed(name) for name in "ABCD")


def _product(factors: list[Expr]) -> Expr:
    return reduce(lambda left, right: Call("multiply", (left, right)), factors)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[Expr]:
    """What is taken out, call by call."""
    calls: list[Expr] = []
    taken_out = algebra._taken_out

    def counted(shared: Expr, terms: list[Term]) -> Expr:
        calls.append(shared)
        return taken_out(shared, terms)

    monkeypatch.setattr(algebra, "_taken_out", counted)
    return calls


def test_shared_factors_are_taken_out() -> None:
    terms = expanded(subtract(multiply(A, B), multiply(A, C)))
    assert factored(terms) == multiply(A, subtract(B, C))


def test_a_factor_that_is_subtracted_throughout_is_subtracted_once() -> None:
    terms = expanded(subtract(subtract(D, multiply(A, B)), multiply(A, C)))
    assert factored(terms) == subtract(D, multiply(A, add(B, C)))


def test_a_product_of_many_sums_is_not_multiplied_out() -> None:
    rests: list[Expr] = [subtract(whole(1), timed(f"Z{n}")) for n in range(6)]
    assert len(expanded(_product(rests[:5]))) == MOST_TERMS
    assert expanded(_product(rests)) == [Term(Fraction(1), tuple(rests))]


def test_factors_that_all_terms_have_are_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of them could be taken out in 479,001,600 orders."""
    common: list[Expr] = [timed(f"F{n}") for n in range(12)]
    calls = _counted(monkeypatch)
    found = factored(expanded(add(_product([A, *common]), _product([B, *common]))))
    assert found == reduce(lambda inside, f: multiply(f, inside), reversed(common), add(A, B))
    assert len(calls) == 12


def test_of_a_long_sum_the_factor_that_most_terms_have_is_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[Expr] = [add(timed(f"P{n}"), timed(f"Q{n}")) for n in range(5)]
    calls = _counted(monkeypatch)
    factored(expanded(_product(rests)))
    assert len(calls) < 100
