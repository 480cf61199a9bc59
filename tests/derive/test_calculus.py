from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

import gru_codegen as gc
from gru_codegen.cell import B, D, H, hadamard, matrix, ones
from gru_codegen.derive import calculus
from gru_codegen.derive.calculus import LocalDerivative, differentiate, local_derivative
from gru_codegen.equations import written
from gru_codegen.errors import DerivationError
from gru_codegen.functions import sigmoid, tanh

pytestmark = pytest.mark.usefixtures("nothing_proved")

x, W, b, p, m = (
    matrix("x", B, D),
    matrix("W", D, H),
    matrix("b", 1, H),
    matrix("p", 1, H),
    matrix("m", B, 1),
)
s, z, c, r, dv, v = (matrix(name, B, H) for name in ("s", "z", "c", "r", "dv", "v"))
U, V = matrix("U", H, H), matrix("V", H, H)
ROW, ONE = ones(B, 1), ones(B, H)
n, dv_n, v_n = (matrix(name, 1, 1) for name in ("n", "dv", "v"))
dv_b, v_b, dv_U = matrix("dv", 1, H), matrix("v", 1, H), matrix("dv", H, H)


def derivative(value: Any, argument: Any) -> LocalDerivative:
    """The derivative of an equation v = value with adjoint dv, or of a cost."""
    if isinstance(value, sp.Expr) and not hasattr(value, "shape"):
        return differentiate("the cost", value, argument)
    adjoint = matrix("dv", *value.shape)
    return differentiate("equation v", value, argument, adjoint, matrix("v", *value.shape))


def planted(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Any], Any]) -> list[Any]:
    """Let `fault` spoil each answer of SymPy's matrix calculus; returns what it was asked for."""
    sympy_s_own = sp.Expr.diff
    asked: list[Any] = []

    def diff(expression: Any, *arguments: Any, **options: Any) -> Any:
        with monkeypatch.context() as inner:
            inner.setattr(sp.Expr, "diff", sympy_s_own)
            answer = sympy_s_own(expression, *arguments, **options)
        if not isinstance(arguments[0], MatrixSymbol):
            return answer
        asked.append(arguments[0])
        return fault(answer)

    monkeypatch.setattr(sp.Expr, "diff", diff)
    return asked


# --- forms that SymPy gets right ------------------------------------------------------------------

TANH = ONE - HadamardProduct(v, v)
FORMS: dict[str, tuple[Any, Any, Any]] = {
    "itself": (s, s, dv),
    "multiple": (-s / 3 + z, s, -dv / 3),
    "product, left": (x * W + s * U, s, dv * U.T),
    "product, right": (x * W + s * U, U, s.T * dv),
    "product with a sum of weights": (s * (U - V / 2), V, -s.T * dv / 2),
    "product with a weight and its transpose": (s * (U + U.T), U, s.T * dv + dv.T * s),
    "product with a masked weight": (s * hadamard(U, V), U, hadamard(V, s.T * dv)),
    "bias": (x * W + ROW * b, b, ones(1, B) * dv),
    "sum over the rows": (s * ones(H, H), s, dv * ones(H, H)),
    "elementwise product": (hadamard(z, s), s, hadamard(dv, z)),
    "blend": (s - hadamard(z, s) + hadamard(z, c), z, hadamard(dv, c) - hadamard(dv, s)),
    "three factors": (hadamard(z, s, c), s, hadamard(dv, z, c)),
    "peephole": (hadamard(ROW * p, c) + x * W, p, ones(1, B) * hadamard(dv, c)),
    "square": (HadamardProduct(z, z), z, 2 * hadamard(dv, z)),
    "sigmoid": (sigmoid(s), s, hadamard(dv, v, ONE - v)),
    "tanh": (tanh(s), s, MatAdd(dv, -HadamardProduct(dv, v, v))),
    "function of a product": (tanh(x * W + s * U), U, s.T * HadamardProduct(dv, TANH)),
    "function in a product": (
        hadamard(z, tanh(c)),
        c,
        HadamardProduct(dv, z, ONE - HadamardProduct(tanh(c), tanh(c))),
    ),
    "function of a row": (tanh(b), b, hadamard(dv_b, ones(1, H) - hadamard(v_b, v_b))),
    "row of a product": (b * U, b, dv_b * U.T),
    "transposed": (U - U.T, U, dv_U - dv_U.T),
    "number": (tanh(n), n, hadamard(dv_n, ones(1, 1) - hadamard(v_n, v_n))),
    "cost": (Trace(s.T * s) / 2, s, s),
    "cost of two": (sp.Rational(2, 3) * Trace(s.T * c), c, 2 * s / 3),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    value, argument, expected = FORMS[name]
    found = derivative(value, argument)
    assert found.argument == argument
    assert not found.expression.atoms(sp.Dummy)
    assert entries(found.expression) == entries(expected)


def entries(expression: Any) -> list[Any]:
    sizes = {B: 3, D: 2, H: 4}
    return [sp.expand(entry) for entry in expression.subs(sizes).as_explicit()]


def test_a_derivative_is_written_with_what_the_forward_pass_computed() -> None:
    expression = derivative(sigmoid(s), s).expression
    assert expression.atoms(type(s)) == {dv, v}, "neither s nor a function of it"


# --- forms that it refuses or answers wrong -------------------------------------------------------

# What SymPy 1.14 makes of them, were they not brought into normal form first.
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "sum in a product": (hadamard(ONE - z, s), s, "TypeError: Mix of Matrix and Scalar symbols"),
    "difference in a product": (hadamard(z, c - s), z, "TypeError: Mix of Matrix"),
    "affine in a product": (hadamard(r, s * U + ROW * b), r, "TypeError: Mix of Matrix"),
    "two peepholes of one vector": (
        hadamard(ROW * p, c) + hadamard(ROW * p, z),
        p,
        "ValueError: index is larger than expression shape",
    ),
    "function of a product": (tanh(hadamard(z, s)), z, "NotImplementedError"),
    "repeated factor": (HadamardProduct(z, z, c), z, "IndexError: list index out of range"),
    "quotient": (HadamardPower(z, -1), z, "TypeError: Mix of Matrix and Scalar symbols"),
}
OTHER_KIND: dict[str, tuple[Any, Any, str]] = {
    "two lifted rows": (hadamard(ROW * p, ROW * b), p, "ArrayDiagonal"),
}
SILENTLY_WRONG: dict[str, tuple[Any, Any]] = {
    "products in a product, inputs": (hadamard(x * W, s * U), x),
    "products in a product, weights": (hadamard(x * W, s * U), U),
    "square of a product": (HadamardProduct(s * U, s * U), s),
}
BEYOND: dict[str, tuple[Any, Any, str]] = {
    "matrix power": (s * U * U, U, r"cannot evaluate MatPow: U\*\*2"),
    "elementwise power": (HadamardPower(z, 2) + c, z, "cannot evaluate HadamardPower"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_sympy_refuses(name: str) -> None:
    value, argument, reason = REFUSED[name]
    with pytest.raises(DerivationError) as raised:
        derivative(value, argument)
    assert str(raised.value) == (
        f"equation v, with respect to {argument}: SymPy cannot differentiate {written(value)} "
        f"({reason}{str(raised.value).partition(reason)[2]}"
    )
    assert str(raised.value).endswith("; name the operand by an equation of its own")
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("name", OTHER_KIND)
def test_a_form_whose_derivative_is_no_matrix(name: str) -> None:
    value, argument, kind = OTHER_KIND[name]
    with pytest.raises(DerivationError) as raised:
        derivative(value, argument)
    assert str(raised.value) == (
        f"equation v, with respect to {argument}: SymPy answers with a {kind} instead of a "
        "matrix; name the operand by an equation of its own"
    )


@pytest.mark.parametrize("name", SILENTLY_WRONG)
def test_a_form_that_sympy_answers_wrong(name: str) -> None:
    value, argument = SILENTLY_WRONG[name]
    adjoint = matrix("dv", *value.shape)
    assert Trace(adjoint.T * value).diff(argument).shape, "SymPy answers without a word"
    with pytest.raises(DerivationError, match=rf"^equation v, with respect to {argument}: "):
        derivative(value, argument)


def test_a_sum_of_traces_that_sympy_answers_with_zero() -> None:
    cost = Trace(U.T * U) + Trace(V.T * U)
    assert cost.diff(U) == ZeroMatrix(H, H)
    with pytest.raises(DerivationError, match=r"^the cost, with respect to U: cannot evaluate Add"):
        derivative(cost, U)


@pytest.mark.parametrize("name", BEYOND)
def test_a_form_that_no_proof_covers(name: str) -> None:
    value, argument, reason = BEYOND[name]
    with pytest.raises(DerivationError, match=f"^equation v, with respect to {argument}: {reason}"):
        derivative(value, argument)


# --- planted faults -------------------------------------------------------------------------------


def swapped(answer: Any) -> Any:
    """The operands of every product, exchanged, and transposed so that shapes still fit."""
    if isinstance(answer, MatMul):
        return answer.func(*(factor.T for factor in reversed(answer.args)))
    return answer.T


def without_a_factor(answer: Any) -> Any:
    products = sorted(answer.atoms(HadamardProduct, MatMul), key=str)
    product = max(products, key=lambda part: len(part.args))
    rest = product.args[1:]
    return answer.xreplace({product: product.func(*rest) if len(rest) > 1 else rest[0]})


FAULTS: dict[str, Callable[[Any], Any]] = {
    "sign": lambda answer: -answer,
    "twice": lambda answer: 2 * answer,
    "half": lambda answer: answer / 2,
    "transposed": lambda answer: answer.T,
    "without a transpose": lambda answer: answer.replace(Transpose, lambda inner: inner),
    "operands exchanged": swapped,
    "a factor short": without_a_factor,
    "zero": lambda answer: answer - answer,
    "a size too large": lambda answer: B * answer,
    "a mean": lambda answer: answer / (B * H),
    "a float": lambda answer: 1.0000001 * answer,
}
# The forms in which faults are planted, and the faults that change nothing there.
PLANTED_IN: dict[str, set[str]] = {
    "itself": {"without a transpose", "a factor short"},
    "product, left": set(),
    "product, right": set(),
    "bias": {"without a transpose"},
    "blend": {"without a transpose"},
    "three factors": {"without a transpose"},
    "sigmoid": {"without a transpose"},
    "tanh": {"without a transpose"},
    "cost": {"without a transpose", "a factor short"},
    "function of a row": {"without a transpose"},
    "row of a product": set(),
}
PLANTED = [(form, f) for form, same in PLANTED_IN.items() for f in FAULTS if f not in same]


@pytest.mark.parametrize(("form", "fault"), PLANTED, ids=map(" - ".join, PLANTED))
def test_a_wrong_answer_is_refused(form: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, argument, _ = FORMS[form]
    planted(monkeypatch, FAULTS[fault])
    refused = f", with respect to {argument}: (?!SymPy cannot differentiate)"
    with pytest.raises(DerivationError, match=refused):
        derivative(value, argument)


def test_the_message_says_what_is_wrong_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda answer: -answer)
    with pytest.raises(DerivationError) as raised:
        derivative(x * W + s * U, U)
    assert str(raised.value) == (
        f"equation v, with respect to U: SymPy's derivative {written(-s.T * dv)} is not the "
        "derivative: entry (0, 0) differs at sizes B=2, D=4, H=3; "
        "name the operand by an equation of its own, or expand the product"
    )


def test_an_answer_of_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda answer: answer.T)
    with pytest.raises(DerivationError, match=r" has shape \(3, 2\), s has \(2, 3\); name the op"):
        derivative(x * W + s * U, s)


# --- each form once -------------------------------------------------------------------------------


def test_equations_of_one_form_are_differentiated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = planted(monkeypatch, lambda answer: answer)
    a, da = matrix("a", B, H), matrix("da", B, H)
    first = local_derivative("equation v", x * W + s * U, U, dv, v)
    again = local_derivative("equation a", x * W + c * V, V, da, a)
    assert len(asked) == 1
    assert (first.of, first.argument, first.expression) == (v, U, s.T * dv)
    assert (again.of, again.argument, again.expression) == (a, V, c.T * da)


def test_what_does_not_move_makes_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither terms without the argument nor its place among factors; the answer is that of all."""
    sums = [x * W + s * U + hadamard(s, z), s * U + hadamard(z, s) + c, hadamard(c, s, z) + s * U]
    wholes = [derivative(value, s).expression for value in sums]
    asked = planted(monkeypatch, lambda answer: answer)
    monkeypatch.setattr(calculus, "_PROVED", {})
    for value, whole in zip(sums, wholes, strict=True):
        found = local_derivative("equation v", value, s, dv, v).expression
        assert entries(found) == entries(whole)
    assert asked == [matrix("place_0", B, H)] * 2


def test_forms_differ_when_shapes_or_repeated_symbols_do() -> None:
    a, da = matrix("a", B, D), matrix("da", B, D)
    assert local_derivative("equation v", s * U, s, dv, v).expression == dv * U.T
    wide = local_derivative("equation a", s * W.T, s, da, a).expression
    assert wide == da * W
    product = local_derivative("equation v", hadamard(z, s), z, dv, v).expression
    assert entries(product) == entries(hadamard(dv, s))
    square = local_derivative("equation v", HadamardProduct(z, z), z, dv, v).expression
    assert entries(square) == entries(2 * hadamard(dv, z))


def test_what_was_asked_before_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of factors neither: it decides the bytes that are emitted."""
    monkeypatch.setattr(calculus, "_PROVED", {})
    value = hadamard(z, s) + hadamard(c, s)
    first = local_derivative("equation v", value, s, dv, v)
    monkeypatch.setattr(calculus, "_PROVED", {})
    local_derivative("equation v", hadamard(r, z) + hadamard(c, z), z, v, dv)
    again = local_derivative("equation v", value, s, dv, v)
    assert (again.expression.args, again.literal.args) == (
        first.expression.args,
        first.literal.args,
    )


def test_a_fault_is_reported_in_the_equation_s_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda answer: 2 * answer)
    with pytest.raises(
        DerivationError, match=r"^equation v, with respect to U: .* 2 s\^T dv is not"
    ):
        local_derivative("equation v", x * W + s * U, U, dv, v)


def test_the_gru_takes_fewer_derivatives_of_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gates are alike: that most of their derivatives follow by renaming saves the time."""
    asked = planted(monkeypatch, lambda answer: answer)
    derivation = gc.derive(replace(gc.GRU))
    assert len(asked) <= 11 < 22 <= len(derivation.local_derivatives)
