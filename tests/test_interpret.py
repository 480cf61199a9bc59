"""The interpreter: each operation, the order of steps, boundaries, conditions, packs, storage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gru_codegen.interpret import interpret
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Option,
    Phase,
    Program,
    Ref,
    Shape,
    Statement,
    Step,
    Var,
)

T, B, D, H = 3, 2, 4, 5
SIZES = {"T": T, "B": B, "D": D, "H": H}


def timed(name: str, *shape: str, role: Any = "value", boundary: Expr | None = None) -> Var:
    return Var(name, shape, role, True, boundary)


X, Y = timed("x", "B", "D", role="input"), timed("y", "B", "D", role="input")
M, V = timed("ended", "B", "D", role="lengths"), timed("V", "B", "D", role="loss weights")
W, U = Var("W", ("D", "H"), "weight"), Var("U", ("D", "H"), "weight")
BIAS = Var("b", ("D",), "weight")


def now(var: Var, offset: int = 0) -> Ref:
    return Ref(var, Now(offset) if var.timed else None)


def every(var: Var, offset: int = 0) -> Ref:
    return Ref(var, Every(offset))


def call(operation: str, *args: Expr) -> Call:
    return Call(operation, args)


def number(value: int) -> Const:
    return Const(Fraction(value))


def sets(target: Ref, value: Expr, *given: Option, accumulate: bool = False) -> Statement:
    return Statement(target, value, accumulate=accumulate, given=given)


def program(*blocks: Any, overwrites: Mapping[str, str] | None = None) -> Program:
    phases = (Phase("forward", blocks),)
    return Program("test", (), phases, {}, overwrites=overwrites or {})


def drawn(*variables: Var) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {
        var.name: rng.standard_normal(
            [*([T] if var.timed else []), *(SIZES[size] for size in var.shape)]
        )
        for var in variables
    }


GIVEN = drawn(X, Y, V, W, U, BIAS)
x, y, v, w, u, b = (GIVEN[var.name] for var in (X, Y, V, W, U, BIAS))
ended = np.arange(T)[:, None, None] >= np.array([2, 1])[:, None] + np.zeros((B, D))
GIVEN["ended"] = ended


def each(function: Any, *arrays: Any) -> Any:
    """`function` of one entry after the other."""
    broadcast = np.broadcast_arrays(*arrays)
    found = [function(*entries) for entries in zip(*(a.flat for a in broadcast), strict=True)]
    return np.array(found).reshape(broadcast[0].shape)


def of_rows(function: Any) -> Any:
    """The result of `function` for each row, as a column."""
    return [[[function(row)] for row in step] for step in x]


def huber(a: float) -> float:
    return a * a / 2 if abs(a) <= 1 else abs(a) - 0.5


def hard_sigmoid(a: float) -> float:
    return min(max(a / 6 + 1 / 2, 0), 1)


XT, YT = every(X), every(Y)

#: Operation, arguments, what it is, by a formula that shares nothing with the interpreter.
OPERATION_VALUES: list[tuple[str, tuple[Expr, ...], Any]] = [
    ("add", (XT, YT), each(lambda p, q: p + q, x, y)),
    ("subtract", (XT, YT), each(lambda p, q: p - q, x, y)),
    ("multiply", (XT, YT), each(lambda p, q: p * q, x, y)),
    ("divide", (XT, number(4)), x * 0.25),
    ("negate", (XT,), 0 - x),
    ("maximum", (XT, YT), each(lambda p, q: p if p > q else q, x, y)),
    ("minimum", (XT, YT), each(lambda p, q: q if p > q else p, x, y)),
    ("greater", (XT, YT), each(lambda p, q: 1 if p > q else 0, x, y)),
    ("greater_equal", (XT, XT), np.ones_like(x)),
    ("where", (XT, YT, number(4)), each(lambda p, q: q if p > 0 else 4, x, y)),
    ("exp", (XT,), np.e**x),
    ("log", (call("exp", XT),), x),
    ("reciprocal", (XT,), x**-1.0),
    ("sqrt", (call("exp", XT),), np.exp(x / 2)),
    ("sin", (XT,), np.imag(np.exp(1j * x))),
    ("cos", (XT,), np.real(np.exp(1j * x))),
    ("abs", (XT,), each(lambda a: a if a > 0 else -a, x)),
    ("leaky_relu", (XT,), each(lambda a: a if a > 0 else a / 100, x)),
    ("elu", (XT,), each(lambda a: a if a > 0 else np.e**a - 1, x)),
    ("hard_sigmoid", (call("multiply", number(3), XT),), each(hard_sigmoid, 3 * x)),
    ("softsign", (XT,), each(lambda a: a / (1 + a) if a > 0 else a / (1 - a), x)),
    ("silu", (XT,), x / (1 + np.exp(-x))),
    ("row_sum", (XT,), of_rows(sum)),
    ("row_max", (XT,), of_rows(max)),
    ("clip", (XT,), each(lambda a: sorted((-1.0, a, 1.0))[1], x)),
    ("huber", (call("multiply", number(2), XT),), each(huber, 2 * x)),
    ("softplus", (XT,), np.log(1 + np.exp(x))),
    ("softplus", (call("multiply", number(1000), XT),), np.where(x > 0, 1000 * x, 0)),
    ("weigh", (every(V), XT), v * x),
    ("select", (every(M), XT, YT), each(lambda m, p, q: p if m else q, ended, x, y)),
    ("guard", (every(M), number(1), XT), each(lambda m, p: 1 if m else p, ended, x)),
    ("total", (XT,), sum(x.flat)),
    ("erf", (XT,), np.vectorize(math.erf)(x)),
    ("gauss", (XT,), 2 * np.e ** -(x**2) / np.pi**0.5),
    ("gelu", (XT,), x * np.vectorize(math.erfc)(-x / 2**0.5) / 2),
    ("normal_cdf", (XT,), np.vectorize(math.erfc)(-x / 2**0.5) / 2),
    ("normal_pdf", (XT,), np.e ** (x**2 / -2) / (2 * np.pi) ** 0.5),
    ("step", (call("subtract", XT, XT),), np.ones_like(x)),
    ("positive", (XT,), each(lambda a: 1 if a > 0 else 0, x)),
    ("relu", (XT,), each(lambda a: max(a, 0.0), x)),
    ("sigmoid", (XT,), 1 / (1 + np.exp(-x))),
    ("tanh", (XT,), (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)),
    ("matmul", (XT, Ref(W)), np.einsum("tbd,dh->tbh", x, w)),
    ("matmul_in_blocks", (XT, Ref(W)), np.einsum("tbd,dh->tbh", x, w)),
    ("transpose", (Ref(W),), np.einsum("dh->hd", w)),
    ("contract", (XT, YT), np.einsum("tbi,tbj->ij", x, y)),
    ("rows", (Ref(BIAS),), [b] * B),
    ("row", (Ref(BIAS),), [b]),
    ("column", (Ref(BIAS),), [[number] for number in b]),
    ("vector", (call("column", Ref(BIAS)),), b),
    ("column_sum", (XT,), np.einsum("tbd->d", x)),
    ("inner", (XT, YT), np.einsum("tbd,tbd->", x, y)),
    ("expm1", (XT,), np.e**x - 1),
    ("log1p", (call("exp", XT),), np.log(1 + np.exp(x))),
    ("bordered", (XT,), [[[*row, 1.0] for row in step] for step in x]),
    ("identity", (Ref(W),), [[float(i == j) for j in range(D)] for i in range(D)]),
    ("beside", (Ref(W), Ref(U)), [[*w[i], *u[i]] for i in range(D)]),
    ("below", (call("transpose", Ref(W)), Ref(BIAS)), [*w.T, b]),
]


def test_rows_of_a_vector_are_as_many_as_samples_where_they_are_summed() -> None:
    rows, summed = timed("r", "B", "D"), timed("s", "D")
    product = timed("p", "D", "D")
    body = (
        sets(now(rows), call("rows", Ref(BIAS))),
        sets(now(summed), call("column_sum", now(rows))),
        sets(now(product), call("contract", now(X), call("rows", Ref(BIAS)))),
    )
    found = interpret(program(Loop("forward", body)), GIVEN, T)
    np.testing.assert_allclose(found["s"], [B * b] * T)
    np.testing.assert_allclose(found["p"], np.einsum("tbd,e->tde", x, b))


@pytest.mark.parametrize(("operation", "args", "expected"), OPERATION_VALUES)
def test_an_operation_is_what_its_formula_says(
    operation: str, args: tuple[Expr, ...], expected: Any
) -> None:
    target = Ref(Var("A", (), "work"))
    statement = sets(target, Call(operation, args))
    found = interpret(program(statement), GIVEN, T, ["lengths", "loss weights"])["A"]
    np.testing.assert_allclose(np.broadcast_to(found, np.shape(expected)), expected, 1e-12, 1e-14)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_function_is_what_a_declaration_means_by_it(name: str) -> None:
    function = ELEMENTWISE[name]
    points = x if function.above is None else float(function.above) + abs(x)
    statement = sets(Ref(Var("A", (), "work")), Call(name, (XT,)))
    found = interpret(program(statement), {**GIVEN, "x": points}, T)["A"]
    np.testing.assert_allclose(found, function.on_array(points), 1e-12, 1e-14)


def test_the_table_of_values_has_every_operation() -> None:
    tested = {operation for operation, _, _ in OPERATION_VALUES}
    assert tested | set(ELEMENTWISE) == set(OPERATIONS)


def test_without_loss_weights_nothing_is_weighed() -> None:
    statement = sets(Ref(Var("A", (), "work")), call("weigh", every(V), XT))
    np.testing.assert_array_equal(interpret(program(statement), GIVEN, T)["A"], x)


def test_a_number_stands_for_a_matrix_of_it() -> None:
    target = timed("A", "B", "D")
    body = Loop("forward", (sets(now(target), call("add", Const(Fraction(1, 2)), number(1))),))
    first = sets(now(timed("C", "B", "D")), now(X))  # says how large B and D are
    found = interpret(program(Loop("forward", (first,)), body), GIVEN, T)["A"]
    np.testing.assert_array_equal(found, np.full((T, B, D), 1.5))


# --- steps ---------------------------------------------------------------------------------------

S0 = Var("s0", ("B", "D"), "initial")
S = timed("S", "B", "D", boundary=Ref(S0))
START = np.full((B, D), 100.0)


@pytest.mark.parametrize(
    ("direction", "offset", "order"), [("forward", -1, [0, 1, 2]), ("reverse", 1, [2, 1, 0])]
)
def test_steps_go_in_order_from_the_boundary(direction: Any, offset: int, order: Any) -> None:
    recur = sets(now(S), call("add", call("multiply", number(2), now(S, offset)), now(X)))
    found = interpret(program(Loop(direction, (recur,))), {**GIVEN, "s0": START}, T)["S"]
    state = START
    for t in order:
        state = 2 * state + x[t]
        np.testing.assert_allclose(found[t], state)


def test_steps_in_a_boundary_are_relative_to_the_one_beyond() -> None:
    zero = timed("A", "B", "D", boundary=number(0))
    beyond = timed("C", "B", "D", boundary=call("add", Ref(S0), now(zero, -1)))
    before = sets(every(zero), every(X))
    body = sets(now(beyond), call("add", now(beyond, 1), now(zero, -1)))
    found = interpret(program(before, Loop("reverse", (body,))), {**GIVEN, "s0": START}, T)["C"]
    np.testing.assert_allclose(found[T - 1], START + x[T - 1] + x[T - 2])
    np.testing.assert_allclose(found[0], START + x[T - 1] + x[1] + x[0])


def test_a_number_beyond_the_steps_has_its_place_in_a_pack() -> None:
    zero = timed("A", "B", "D", boundary=number(0))
    both = Var("x_A", ("B", "D+D"), "work", True, parts=((now(X), now(zero, -1)),))
    copies = [sets(every(zero), every(X)), sets(every(timed("C", "B", "D+D")), every(both))]
    found = interpret(program(*copies), GIVEN, T)["C"]
    np.testing.assert_array_equal(found[0], np.concatenate([x[0], 0 * x[0]], axis=-1))
    np.testing.assert_array_equal(found[1], np.concatenate([x[1], x[0]], axis=-1))


def test_unrolled_steps_go_as_they_stand() -> None:
    recur = sets(now(S), call("add", now(S, -1), now(X)))
    blocks = (Step(0, (recur,)), Step(1, (recur,)))
    unrolled = Program("test", (), (Phase("forward", blocks),), {}, steps=2)
    found = interpret(unrolled, {**GIVEN, "s0": START}, 7)["S"]  # 2 steps, whatever is asked for
    assert len(found) == 2
    np.testing.assert_allclose(found[1], START + x[0] + x[1])


def test_all_steps_at_once_read_their_neighbours_and_the_boundary() -> None:
    copy = sets(every(timed("A", "B", "D")), every(S, -1))
    values = sets(every(S), every(X))
    found = interpret(program(values, copy), {**GIVEN, "s0": START}, T)["A"]
    np.testing.assert_array_equal(found, [START, x[0], x[1]])


def test_what_is_the_same_at_every_step_is_written_to_each() -> None:
    target = timed("A", "B", "D")
    found = interpret(program(sets(every(target), Ref(S0))), {**GIVEN, "s0": START}, T)["A"]
    np.testing.assert_array_equal(found, [START] * T)


def test_a_sum_starts_at_zero() -> None:
    total = sets(
        Ref(Var("dW", ("D", "D"), "gradient")), call("contract", now(X), now(Y)), accumulate=True
    )
    found = interpret(program(Loop("reverse", (total,))), GIVEN, T)["dW"]
    np.testing.assert_allclose(found, np.einsum("tbi,tbj->ij", x, y))


def test_what_is_not_kept_has_one_place() -> None:
    body = Loop("forward", (sets(now(timed("A", "B", "D")), now(X)),))
    np.testing.assert_array_equal(interpret(program(body), GIVEN, T)["A"], x)
    found = interpret(program(body), GIVEN, T, kept=())["A"]
    np.testing.assert_array_equal(found, [x[-1]] * T)


@pytest.mark.parametrize("given", [["lengths"], ["loss weights"], ["lengths", "loss weights"], []])
def test_a_guard_is_a_number_where_nothing_is_read(given: list[Option]) -> None:
    target = Ref(Var("A", (), "work"))
    weights = np.array([1.0, 0.0, -2.0])[:, None, None] * np.ones((T, B, D))
    for guarded, unread in ((M, ended), (V, weights == 0)):
        statement = sets(target, call("guard", every(guarded), number(7), XT))
        found = interpret(program(statement), {**GIVEN, "V": weights}, T, given)["A"]
        expected = x.copy()
        expected[unread] = 7
        np.testing.assert_array_equal(found, expected if guarded.role in given else x)


# --- conditions and phases -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), 1), (("lengths",), 2), (("pullback",), 1), (("lengths", "pullback"), 3)],
)
def test_a_statement_needs_all_that_it_is_for(given: tuple[Option, ...], expected: int) -> None:
    target = Ref(Var("A", (), "work"))
    blocks = (
        sets(target, number(1)),
        sets(target, number(2), "lengths"),
        sets(target, number(3), "lengths", "pullback"),
    )
    assert interpret(program(*blocks), {}, T, given)["A"] == expected


def test_phases_are_run_by_name_and_a_seed_comes_for_one_left_out() -> None:
    seed = timed("dO", "B", "D", role="adjoint")
    kept = timed("A", "B", "D")
    phases = (
        Phase("forward", (sets(every(kept), every(X)),)),
        Phase("loss", (sets(every(seed), every(Y)),)),
        Phase("backward", (sets(every(timed("dA", "B", "D")), call("negate", every(seed))),)),
    )
    found = Program("test", (), phases, {}, seeds=(seed,), overwrites={"dO": "A"})
    np.testing.assert_array_equal(interpret(found, GIVEN, T)["dA"], -y)
    arrays = {**GIVEN, "dO": 3 * x}
    pulled = interpret(found, arrays, T, phases=("forward", "backward"))
    np.testing.assert_array_equal(pulled["dA"], -3 * x)
    assert "dA" not in interpret(found, GIVEN, T, phases=("forward", "loss"))


def test_what_is_given_stays_as_it_is() -> None:
    seed, over = timed("dO", "B", "D", role="adjoint"), timed("dA", "B", "D", role="adjoint")
    phases = (
        Phase("loss", (sets(every(seed), every(X)),)),
        Phase("backward", (Loop("reverse", (sets(now(over), call("negate", now(seed))),)),)),
    )
    found = Program("test", (), phases, {}, seeds=(seed,), overwrites={"dA": "dO"})
    given = {**GIVEN, "dO": x.copy()}
    np.testing.assert_array_equal(interpret(found, given, T, phases=("backward",))["dA"], -x)
    np.testing.assert_array_equal(given["dO"], x)


# --- packs ---------------------------------------------------------------------------------------

A, C = timed("A", "B", "D"), timed("C", "B", "H")


def pack(*rows: tuple[Ref, ...], shape: Shape, is_timed: bool = True) -> Ref:
    var = Var("pack", shape, "work", is_timed, parts=rows)
    return Ref(var, Now() if is_timed else None)


def test_a_pack_is_its_parts_side_by_side() -> None:
    product = sets(now(C), call("matmul", now(X), Ref(W)))
    both = pack((now(C), now(S, -1)), shape=("B", "H+D"))
    target = timed("P", "B", "H+D")
    body = (product, sets(now(S), now(X)), sets(now(target), both))
    found = interpret(program(Loop("forward", body)), {**GIVEN, "s0": START}, T)["P"]
    before = [START, x[0], x[1]]
    np.testing.assert_allclose(found, np.concatenate([x @ w, before], axis=-1))


def test_writing_a_pack_writes_each_part() -> None:
    both = pack((now(A), now(C)), shape=("B", "D+H"))
    joined = call("beside", now(X), call("matmul", now(X), Ref(W)))
    found = interpret(program(Loop("forward", (sets(both, joined),))), GIVEN, T)
    np.testing.assert_array_equal(found["A"], x)
    np.testing.assert_allclose(found["C"], x @ w)


def test_the_rows_of_a_pack_are_one_below_the_other() -> None:
    """Gradients of stacked weights: a matrix, beside another; below both, vectors."""
    names = (("dW", "D", "H"), ("dU", "D", "D"), ("db", "H"), ("dc", "D"))
    dW, dU, db, dc = (Ref(Var(name, tuple(shape), "gradient")) for name, *shape in names)
    whole = pack((dW, dU), (db, dc), shape=("D+1", "H+D"), is_timed=False)
    left = call("contract", XT, call("matmul", XT, Ref(W)))
    right = call("contract", XT, YT)
    ones = call("column_sum", call("matmul", XT, Ref(W)))
    below = call("beside", ones, call("column_sum", YT))
    value = call("below", call("beside", left, right), below)
    found = interpret(program(sets(whole, value)), GIVEN, T)
    np.testing.assert_allclose(found["dW"], np.einsum("tbi,tbj->ij", x, x @ w))
    np.testing.assert_allclose(found["dU"], np.einsum("tbi,tbj->ij", x, y))
    np.testing.assert_allclose(found["db"], (x @ w).sum(axis=(0, 1)))
    np.testing.assert_allclose(found["dc"], y.sum(axis=(0, 1)))
    assert found["db"].shape == (H,)
    np.testing.assert_allclose(
        interpret(program(sets(whole, value), sets(Ref(Var("all", (), "work")), whole)), GIVEN, T)[
            "all"
        ][-1],
        [*found["db"], *found["dc"]],
    )


# --- storage that is used again ------------------------------------------------------------------


def test_what_overwrites_another_takes_its_place_step_by_step() -> None:
    over = timed("C", "B", "D")
    first = Loop("forward", (sets(now(A), now(X)),))
    second = Loop("forward", (sets(now(over), call("negate", now(A))),))
    read = sets(every(timed("E", "B", "D")), every(A))
    found = interpret(program(first, second, read, overwrites={"C": "A"}), GIVEN, T)
    np.testing.assert_array_equal(found["C"], -x)
    np.testing.assert_array_equal(found["E"], -x)  # what A was is lost
    np.testing.assert_array_equal(found["A"], -x)
    apart = interpret(program(first, second, read), GIVEN, T)
    np.testing.assert_array_equal(apart["E"], x)


def test_a_wrong_overwriting_shows() -> None:
    """A later step's value is gone when an earlier one reads it: values change."""
    over = timed("C", "B", "D")
    body = (sets(now(over), call("negate", now(S, 1))),)
    blocks = (sets(every(S), every(X)), Loop("reverse", body))
    arrays = {**GIVEN, "s0": START}
    apart = interpret(program(*blocks), arrays, T)["C"]
    np.testing.assert_array_equal(apart, -np.array([x[1], x[2], START]))
    together = interpret(program(*blocks, overwrites={"C": "S"}), arrays, T)["C"]
    np.testing.assert_array_equal(together, np.array([-START, START, -START]))
