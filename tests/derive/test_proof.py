from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.trace import Trace

import gru_codegen as gc
from gru_codegen.cell import B, D, H, hadamard, matrix, ones
from gru_codegen.derive import normal_form, proof
from gru_codegen.derive.proof import prove_derivative, prove_equal
from gru_codegen.errors import DerivationError
from gru_codegen.functions import sigmoid, tanh

pytestmark = pytest.mark.usefixtures("nothing_proved")

x, W = matrix("x", B, D), matrix("W", D, H)
s, z, c, v, dv = (matrix(name, B, H) for name in ("s", "z", "c", "v", "dv"))
U = matrix("U", H, H)
ONE = ones(B, H)


# --- the sizes ------------------------------------------------------------------------------------


def test_the_numbers_are_those_that_the_argument_needs() -> None:
    """docs/proof.md: different and at least 2, each at least 3 once, their ratios independent."""
    first, second = proof._NUMBERS
    assert len(first) == len(second)
    for numbers in (first, second):
        assert len(set(numbers)) == len(numbers)
        assert min(numbers) >= 2
    assert all(max(pair) >= 3 for pair in zip(first, second, strict=True))
    ratios = [sp.Rational(p, q) for p, q in zip(first, second, strict=True)]
    primes = sorted({p for ratio in ratios for p in sp.factorrat(ratio)})
    exponents = sp.Matrix([[sp.multiplicity(p, ratio) for p in primes] for ratio in ratios])
    assert exponents.rank() == len(ratios)


def test_every_size_gets_its_own_number() -> None:
    sets = list(proof._size_sets((x * W, s * U)))
    assert sets == [{B: 2, D: 4, H: 3}, {B: 3, D: 2, H: 5}]


# --- derivatives ----------------------------------------------------------------------------------


def prove(value: Any, argument: Any, derivative: Any) -> None:
    prove_derivative("here", value, argument, dv, derivative, v)


def test_what_is_right_is_proved() -> None:
    prove(x * W + s * U, U, s.T * dv)
    prove(sigmoid(s), s, hadamard(dv, v, ONE - v))
    prove(tanh(s), s, MatAdd(dv, MatMul(-1, HadamardProduct(v, v, dv))))


def test_an_equal_derivative_may_be_written_otherwise() -> None:
    expanded = MatAdd(hadamard(dv, v), MatMul(-1, HadamardProduct(dv, v, v)))
    prove(sigmoid(s), s, expanded)
    prove(s * U, s, MatMul(sp.Rational(1, 2), dv * U.T) + dv * U.T / 2)


WRONG: dict[str, tuple[Any, Any, Any, str]] = {
    "sign": (s * U, s, -dv * U.T, "not the derivative: entry (0, 0) differs at sizes B=2, H=4"),
    "transpose": (s * U, s, dv * U, "not the derivative: entry (0, 0) differs at sizes B=2, H=4"),
    "operands": (s * U, U, dv.T * s, "not the derivative: entry (0, 1) differs"),
    "neighbour": (hadamard(z, s), z, hadamard(dv, c), "not the derivative: entry (0, 0) differs"),
    "the value's own function": (sigmoid(s), s, hadamard(dv, v), "not the derivative: entry"),
    "shape": (s * U, U, s, "has shape (2, 4), U has (4, 4)"),
    "shapes inside": (s * U, s, dv * s, "the shapes in dv s do not fit together"),
    "size": (s * U, s, H * dv * U.T, "cannot evaluate the factor H: it is not a rational number"),
    "float": (s, s, 1.0 * dv, "cannot evaluate the factor 1.0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(name: str) -> None:
    value, argument, derivative, message = WRONG[name]
    with pytest.raises(DerivationError) as raised:
        prove(value, argument, derivative)
    assert str(raised.value).startswith("here: ")
    assert message in str(raised.value)
    assert str(raised.value).endswith(
        "; name the operand by an equation of its own, or expand the product"
    )


def test_a_single_wrong_entry_is_seen() -> None:
    """Wrong on the diagonal of U alone, where s and its transpose meet."""
    with pytest.raises(DerivationError, match=r"entry \(0, 1\) differs"):
        prove(s * (U + U.T), U, 2 * s.T * dv)


def number_of_columns() -> Any:
    """H/4 in every entry: a factor that is a number at H = 4 alone, and looks like one."""
    return MatMul(sp.Rational(1, 4), MatMul(ones(B, H), ones(H, H)))


def test_a_factor_that_is_right_at_one_size_is_refused_at_the_other() -> None:
    with pytest.raises(DerivationError, match=r"entry \(0, 0\) differs at sizes B=3, H=2"):
        prove(s, s, HadamardProduct(dv, number_of_columns()))


def test_one_set_of_sizes_would_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_NUMBERS", proof._NUMBERS[:1] * 2)
    with pytest.raises(DerivationError, match="has a sum over ones alone, which would be a factor"):
        prove(s, s, HadamardProduct(dv, number_of_columns()))
    monkeypatch.setattr(proof, "_letters", lambda expression: Counter())
    prove(s, s, HadamardProduct(dv, number_of_columns()))


def test_a_size_of_1_would_hide_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    over_the_batch = ones(B, B) * dv
    with pytest.raises(DerivationError, match="not the derivative"):
        prove(s, s, over_the_batch)
    monkeypatch.setattr(proof, "_NUMBERS", ((1, 2), (1, 3)))
    monkeypatch.setattr(proof, "_LARGER", (1, 5))
    prove(s, s, over_the_batch)


V, NUMBER = matrix("V", H, H), matrix("a", 1, 1)


def test_sums_within_sums_are_settled_by_enough_numbers() -> None:
    prove(s * U * V, U, s.T * dv * V.T)
    prove(ones(B, 1) * ROW * U, ROW, ones(1, B) * (dv * U.T))
    prove(s * U, s, MatAdd(dv * U.T, dv * U.T * V, -dv * U.T * V))
    prove(ones(B, 1) * NUMBER * ones(1, H), NUMBER, ones(1, B) * dv * ones(H, 1))
    prove_derivative("here", Trace(s.T * s * U * V) / 2, V, 1, U.T * s.T * s / 2, None)


@pytest.mark.parametrize(
    ("value", "argument", "wrong"),
    [
        (s * U * V, U, s.T * dv * V),
        (s * U * V, U, MatMul(2, s.T * dv * V.T)),
        (s * U * V, V, U * s.T * dv),
        (ones(B, 1) * NUMBER * ones(1, H), NUMBER, ones(1, B) * z * ones(H, 1)),
    ],
    ids=str,
)
def test_a_wrong_one_of_two_sums_is_refused(value: Any, argument: Any, wrong: Any) -> None:
    with pytest.raises(DerivationError, match="is not the derivative: entry"):
        prove(value, argument, wrong)


def commutator(left: Any, right: Any) -> Any:
    return MatAdd(MatMul(left, right), MatMul(-1, right, left))


def test_what_holds_of_matrices_of_two_rows_alone_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The square of a commutator commutes with all others at size 2, so a claim with it passes."""
    W_, X, Y = (matrix(name, H, H) for name in "WXY")
    square = MatMul(commutator(W_, X), commutator(W_, X))
    identity = MatMul(dv, MatAdd(MatMul(square, Y), MatMul(-1, Y, square)))
    monkeypatch.setattr(proof, "_NUMBERS", ((3, 2), (5, 2)))
    monkeypatch.setattr(proof, "_LARGER", (2, 3))
    with pytest.raises(DerivationError, match="differs at sizes B=2, H=3"):
        prove(s, s, MatAdd(dv, identity))
    monkeypatch.setattr(proof, "_LARGER", (5, 2))
    prove(s, s, MatAdd(dv, identity))


@pytest.mark.parametrize(
    ("needed", "numbers"),
    [({B: 2, H: 4}, (3, 2)), ({B: 3, H: 2}, (3, 2)), ({B: 3, H: 3}, (11, 13)), ({H: 5}, (11, 13))],
)
def test_the_numbers_are_as_many_as_are_needed(
    needed: dict[Any, int], numbers: tuple[int, int]
) -> None:
    """In one of the sets all are; the second one is larger only where it has to be."""
    first, second = proof._size_sets((s,), needed)
    assert (first, second) == ({B: 2, H: 4}, dict(zip((B, H), numbers, strict=True)))
    assert any(all(found[n] >= k for n, k in needed.items()) for found in (first, second))


def test_the_larger_numbers_share_no_factor_with_those_of_the_first_set() -> None:
    assert all(sp.isprime(prime) for prime in proof._LARGER)
    assert len(set(proof._LARGER)) == len(proof._NUMBERS[0])
    assert all(number % prime for prime in proof._LARGER for number in proof._NUMBERS[0])


ROW = matrix("b", 1, H)


@pytest.mark.parametrize(
    ("value", "argument", "letters"),
    [
        (s, s, {}),
        (hadamard(z, s), s, {}),
        (tanh(s), s, {}),
        (x * W + s * U, W, {B: 1}),
        (x * W + s * U, s, {H: 1}),
        (x * W + ones(B, 1) * ROW, ROW, {B: 1}),
        (ones(B, 1) * ROW * U, ROW, {B: 1, H: 1}),
        (s * U * U.T, s, {H: 2}),
        (s + z * U * U.T, s, {}),
        (hadamard(s * U, z), U, {B: 1}),
    ],
    ids=str,
)
def test_the_sums_of_a_derivative_are_counted(value: Any, argument: Any, letters: Any) -> None:
    assert proof._letters_of_derivative(value, argument, dv) == letters


def test_the_sums_of_the_derivative_of_a_cost_are_counted() -> None:
    assert proof._letters_of_derivative(Trace(s.T * s) / 2, s, 1) == {}
    assert proof._letters_of_derivative(Trace(s.T * z * U), z, 1) == {H: 1}


# --- normal forms ---------------------------------------------------------------------------------

A, N = matrix("A", B, H), matrix("N", B, H)


def test_a_normal_form_is_proved_with_its_definitions() -> None:
    declared = tanh(x * W + hadamard(z, s) * U)
    prove_equal("here", declared, tanh(A), {N: hadamard(z, s), A: x * W + N * U})
    blend = hadamard(ONE - z, s) + hadamard(z, c)
    prove_equal("here", blend, s - hadamard(z, s) + hadamard(z, c), {})


def test_a_product_of_many_factors_is_compared_without_being_taken_apart() -> None:
    """Its entries have more parts than could ever be compared one by one."""
    factors = [matrix(f"U{i}", H, H) for i in range(24)]
    names = [matrix(f"P{i}", B, H) for i in range(24)]
    before = [s, *names]
    definitions = {P: before[i] * factors[i] for i, P in enumerate(names)}
    prove_equal("here", tanh(MatMul(s, *factors)), tanh(names[-1]), definitions)


@pytest.mark.parametrize(
    ("declared", "normal", "definitions"),
    [
        (hadamard(ONE - z, s), s + hadamard(z, s), {}),
        (hadamard(ONE - z, s), -hadamard(z, s), {}),
        (hadamard(z, s), hadamard(z, c), {}),
        (tanh(x * W), tanh(A), {A: -x * W}),
        (tanh(x * W), sigmoid(A), {A: x * W}),
        (s * U, s * U.T, {}),
        (hadamard(z, s) * U, N * U, {N: hadamard(z, z)}),
        (s / 2, s / 3, {}),
    ],
)
def test_a_wrong_normal_form_is_refused(declared: Any, normal: Any, definitions: Any) -> None:
    with pytest.raises(
        DerivationError, match=r"^here: the normal form .* is not the declared .*: entry \(0, 0\)"
    ):
        prove_equal("here", declared, normal, definitions)


def test_an_equality_is_proved_once_whatever_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    prove_equal("here", c + hadamard(c, s), c + N, {N: hadamard(c, s)})
    monkeypatch.delattr(proof, "_evaluate")
    prove_equal("there", v + hadamard(v, z), v + A, {A: hadamard(v, z)})


@pytest.mark.parametrize(
    ("declared", "normal", "definition"),
    [
        (c + hadamard(c, s), c + N, hadamard(c, z)),
        (c + hadamard(z, s), c + N, hadamard(c, s)),
        (c + hadamard(c, s), s + N, hadamard(c, s)),
        (c + hadamard(c, s), N + N, hadamard(c, s)),
    ],
)
def test_what_is_proved_is_of_no_other_form(declared: Any, normal: Any, definition: Any) -> None:
    prove_equal("here", c + hadamard(c, s), c + N, {N: hadamard(c, s)})
    with pytest.raises(DerivationError, match=r"^here: the normal form .* is not the declared "):
        prove_equal("here", declared, normal, {N: definition})


def test_a_normal_form_of_another_shape_is_refused() -> None:
    with pytest.raises(DerivationError) as raised:
        prove_equal("here", s, x, {})
    assert str(raised.value) == (
        "here: the normal form x has shape (2, 4), the declared s has (2, 3)"
    )


def test_derive_refuses_a_normaliser_that_forgets_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    expand = normal_form._Normaliser._terms

    def terms(self: Any, factor: Any, origin: Any) -> Any:
        return [(abs(coefficient), rest) for coefficient, rest in expand(self, factor, origin)]

    monkeypatch.setattr(normal_form._Normaliser, "_terms", terms)
    with pytest.raises(DerivationError) as raised:
        gc.derive(replace(gc.GRU))
    assert str(raised.value).startswith("equation S: the normal form ")
    assert " is not the declared " in str(raised.value)


def test_derive_refuses_a_normaliser_that_names_the_wrong_thing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = normal_form._Normaliser._name

    def wrong(self: Any, expression: Any, *arguments: Any) -> Any:
        if isinstance(expression, HadamardProduct):
            expression = HadamardProduct(*expression.args[:1], *expression.args[:1])
        return name(self, expression, *arguments)

    monkeypatch.setattr(normal_form._Normaliser, "_name", wrong)
    with pytest.raises(DerivationError, match=r"^equation CA: the normal form tanh\(aCA\) is not"):
        gc.derive(replace(gc.GRU))
