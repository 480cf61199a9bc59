"""How NumPy spells each operation as calls that write into arrays: what is there, and where."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.calls import calls
from gru_codegen.emit.numpy.names import Names, number_name
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Every,
    Expr,
    Loop,
    Orientation,
    Ref,
    Statement,
    Var,
)
from tests.emit.programs import beside, into, of_one_step, op, timed, weight, whole, with_attributes

a, b, c, d = map(of_one_step, "abcd")
a_t, b_t, c_t, d_t = map(timed, "abcd")
x = timed("x", "input", ("B", "D"))
W, U, v = weight("W", "D", "H"), weight("U", "H", "H"), weight("v", "H")
r = weight("r", "H", "1")
mask = timed("M", "lengths")
every_x, every_a, every_b, every_d = (Ref(ref.var, Every()) for ref in (x, a_t, b_t, d_t))
add, subtract, multiply, divide = map(op, ("add", "subtract", "multiply", "divide"))
matmul, transpose, contract, rows = map(op, ("matmul", "transpose", "contract", "rows"))
join_columns, join_rows, identity = map(op, ("beside", "below", "identity"))
one, two, minus_one, half, third = (whole(n) for n in (1, 2, -1, "1/2", "2/3"))


def spelled(statement: Statement, orientation: Orientation = "rows") -> tuple[list[str], Names]:
    """The lines of one statement, in a program that has no other, and what they need."""
    names = Names(with_attributes(statement, orientation=orientation))
    return in_place(statement, names), names


def in_place(statement: Statement, names: Names) -> list[str]:
    lines = calls(Operands(names, "t"), statement)
    return [text for line in lines for text in line.lines("")]


# --- one operation, into d ------------------------------------------------------------------------

#: By orientation where that makes a difference.
IN_PLACE: list[tuple[Expr, list[str]]] = [
    (a, ["d[...] = a"]),
    (whole(0), ["d[...] = 0"]),
    (half, ["d[...] = 1", "np.divide(d, two, d)"]),
    (add(a, b), ["np.add(a, b, d)"]),
    (subtract(a, b), ["np.subtract(a, b, d)"]),
    (multiply(a, b), ["np.multiply(a, b, d)"]),
    (divide(a, b), ["np.divide(a, b, d)"]),
    (op("negate")(a), ["np.multiply(a, number_minus_1, d)"]),
    (op("exp")(a), ["np.exp(a, d)"]),
    (op("log")(a), ["np.log(a, d)"]),
    (op("expm1")(a), ["np.expm1(a, d)"]),
    (op("log1p")(a), ["np.log1p(a, d)"]),
    (op("tanh")(a), ["np.tanh(a, d)"]),
    (op("reciprocal")(a), ["np.divide(one, a, d)"]),
    (op("relu")(a), ["np.maximum(a, zero, out=d)"]),
    (op("positive")(a), ["np.greater(a, zero, d)"]),
    (op("step")(a), ["np.greater_equal(a, zero, d)"]),
    (
        op("clip")(a),
        ["np.maximum(a, number_minus_1, out=d)", "np.minimum(d, one, out=d)"],
    ),
    (
        op("sigmoid")(a),
        ["np.divide(a, two, d)", "np.tanh(d, d)", "np.add(d, one, d)", "np.divide(d, two, d)"],
    ),
    (op("maximum")(a, b), ["np.maximum(a, b, out=d)"]),
    (op("minimum")(a, one), ["np.minimum(a, one, out=d)"]),
    (op("greater")(a, minus_one), ["np.greater(a, number_minus_1, d)"]),
    (op("greater_equal")(a, b), ["np.greater_equal(a, b, d)"]),
    (op("where")(a, b, c), ["d[...] = c", "np.copyto(d, b, where=a > 0)"]),
    (op("where")(a, one, two), ["d[...] = two", "np.copyto(d, one, where=a > 0)"]),
    # constants are arrays of the compute dtype, whole, and fractions are divided by
    (subtract(one, a), ["np.subtract(one, a, d)"]),
    (add(a, minus_one), ["np.add(a, number_minus_1, d)"]),
    (multiply(two, a), ["np.multiply(two, a, d)"]),
    (multiply(half, a), ["np.divide(a, two, d)"]),
    (multiply(a, half), ["np.divide(a, two, d)"]),
    (multiply(third, a), ["np.multiply(a, two, d)", "np.divide(d, three, d)"]),
    (add(a, half), ["np.multiply(a, two, d)", "np.add(d, one, d)", "np.divide(d, two, d)"]),
    (
        subtract(third, a),
        ["np.multiply(a, three, d)", "np.subtract(two, d, d)", "np.divide(d, three, d)"],
    ),
]

in_place_cases = pytest.mark.parametrize(
    ("value", "lines"), IN_PLACE, ids=[str(value) for value, _ in IN_PLACE]
)


@pytest.mark.parametrize("orientation", ["rows", "columns"])
@in_place_cases
def test_elementwise(value: Expr, lines: list[str], orientation: Orientation) -> None:
    """The orientation makes no difference to what works entry by entry."""
    assert spelled(into(d, value), orientation)[0] == lines


#: What depends on the orientation: value, lines with a sample per row, with a sample per column.
ORIENTED: list[tuple[Expr, list[str], list[str]]] = [
    (matmul(a, U), ["a.dot(U, d)"], ["U_T.dot(a, d)"]),
    (matmul(a, transpose(U)), ["a.dot(U_T, d)"], ["U.dot(a, d)"]),
    (matmul(x, W), ["x[t].dot(W, d)"], ["W_T.dot(x[t], d)"]),
    (add(a, rows(v)), ["np.add(a, v, d)"], ["np.add(a, v_column, d)"]),
    (rows(v), ["d[...] = v"], ["d[...] = v_column"]),
    (add(a, op("row")(v)), ["np.add(a, v, d)"], ["np.add(a, v_column, d)"]),
    (op("column")(v), ["d[...] = v_column"], ["d[...] = v_column"]),
    (op("vector")(r), ["d[...] = r[:, 0]"], ["d[...] = r[:, 0]"]),
    (
        op("row_sum")(a),
        ["np.copyto(d, a.sum(axis=-1, keepdims=True))"],
        ["np.copyto(d, a.sum(axis=-2, keepdims=True))"],
    ),
    (
        op("row_max")(a),
        ["np.copyto(d, a.max(axis=-1, keepdims=True))"],
        ["np.copyto(d, a.max(axis=-2, keepdims=True))"],
    ),
]


@pytest.mark.parametrize(
    ("value", "by_rows", "by_columns"), ORIENTED, ids=[str(value) for value, *_ in ORIENTED]
)
def test_what_depends_on_the_orientation(
    value: Expr, by_rows: list[str], by_columns: list[str]
) -> None:
    assert spelled(into(d, value), "rows")[0] == by_rows
    assert spelled(into(d, value), "columns")[0] == by_columns


def test_products_over_all_steps() -> None:
    """Rows lie one below the other; matrices of columns are multiplied step by step."""
    statement = into(every_d, matmul(every_x, W))
    assert spelled(statement, "rows")[0] == ["_rows(x).dot(W, _rows(d))"]
    assert spelled(statement, "columns")[0] == ["np.matmul(W_T, x, d)"]
    turned = into(Ref(x.var, Every()), matmul(every_d, transpose(W)))
    assert spelled(turned, "rows")[0] == ["_rows(d).dot(W_T, _rows(x))"]
    assert spelled(turned, "columns")[0] == ["np.matmul(W, d, x)"]


def test_elementwise_over_all_steps() -> None:
    assert spelled(into(every_d, subtract(every_d, every_b)))[0] == ["np.subtract(d, b, d)"]


def test_a_choice() -> None:
    assert spelled(into(d, op("select")(mask, a, b)))[0] == [
        "d[...] = b",
        "np.copyto(d, a, where=ended_t)",
    ]
    assert spelled(into(d, op("select")(mask, a, d)))[0] == ["np.copyto(d, a, where=ended_t)"]
    assert spelled(into(d, op("select")(mask, whole(0), d)))[0] == [
        "np.copyto(d, 0, where=ended_t)"
    ]


def test_what_is_not_read() -> None:
    """Nothing is done for it where lengths are not given."""
    guard = op("guard")
    keep_out = ["if ended is not None:", "    np.copyto(d, one, where=ended_t)"]
    assert spelled(into(d, guard(mask, one, d)))[0] == keep_out
    assert spelled(into(d, guard(mask, one, a)))[0] == ["d[...] = a", *keep_out]
    assert spelled(into(d, op("log")(guard(mask, one, a))))[0] == [
        "if ended is None:",
        "    np.log(a, d)",
        "else:",
        "    d[...] = a",
        "    np.copyto(d, one, where=ended_t)",
        "    np.log(d, d)",
    ]
    weights = timed("V", "loss weights")
    assert spelled(into(d, guard(weights, one, d)))[0] == [
        "if V is not None:",
        "    np.copyto(d, one, where=V[t] == 0)",
    ]


# --- weights --------------------------------------------------------------------------------------

WEIGHTS = of_one_step("packed", ("D+H+1", "H+H"))


def test_weights_side_by_side_and_below_one_another() -> None:
    """Each block has a name; weights have no samples, so they are stored as declared."""
    value = join_rows(join_columns(W, W), join_columns(U, transpose(U)), join_columns(v, v))
    for orientation in ("rows", "columns"):
        lines, names = spelled(into(WEIGHTS, value), orientation)
        assert lines == [
            "w.packed_W[...] = W",
            "w.packed_W_2[...] = W",
            "w.packed_U[...] = U",
            "w.packed_U_2[...] = U_T",
            "w.packed_v[...] = v",
            "w.packed_v_2[...] = v",
        ]
        assert names.blocks == {
            "packed_W": "packed[:D, :H]",
            "packed_W_2": "packed[:D, H:]",
            "packed_U": "packed[D : D + H, :H]",
            "packed_U_2": "packed[D : D + H, H:]",
            "packed_v": "packed[D + H, :H]",
            "packed_v_2": "packed[D + H, H:]",
        }
        assert not names.constants


def test_the_name_of_a_block_is_no_other_name() -> None:
    names = Names(with_attributes(into(WEIGHTS, U), into(of_one_step("packed_U"), a)))
    assert names.block("packed", ":H", "U") == "w.packed_U_2"


def test_halves_are_halved_in_one_call() -> None:
    half_W, half_U, half_v = (multiply(half, each) for each in (W, U, v))
    rows = [join_columns(half_W, half_W), join_columns(half_U, half_U)]
    lines, names = spelled(into(of_one_step("packed", ("D+H", "H+H")), join_rows(*rows)))
    assert lines[-1] == "np.divide(packed, two, packed)"
    assert [line.partition(" ")[2] for line in lines[:-1]] == ["= W", "= W", "= U", "= U"]
    lines, names = spelled(into(WEIGHTS, join_rows(*rows, join_columns(v, half_v))))
    assert lines[-3:] == [
        "w.packed_v[...] = v",
        "np.divide(v, two, w.packed_v_2)",
        "np.divide(w.packed_halved, two, w.packed_halved)",
    ]
    assert names.blocks["packed_halved"] == "packed[: D + H, :]"


def test_an_identity_stands_there_from_the_beginning() -> None:
    target = of_one_step("packed", ("H", "H+H+H"))
    lines, names = spelled(into(target, join_columns(U, identity(U), transpose(U))))
    assert lines == ["w.packed_U[...] = U", "w.packed_U_2[...] = U_T"]
    assert names.constants == {"packed": {":, H : 2 * H": "np.eye(H, dtype=dtype)"}}
    V = weight("V", "O", "O")
    _, names = spelled(into(of_one_step("pair", ("O", "O+O")), join_columns(identity(V), V)))
    assert names.constants == {"pair": {":, :output_size": "np.eye(output_size, dtype=dtype)"}}


def test_parts_of_what_has_samples_are_rows_where_it_is_stored_in_columns() -> None:
    target = of_one_step("joined", ("B", "H+H"))
    statement = into(target, join_columns(a, b))
    assert spelled(statement, "rows")[0] == ["joined[:, :H] = a", "joined[:, H:] = b"]
    assert spelled(statement, "columns")[0] == ["joined[:H, :] = a", "joined[H:, :] = b"]


def test_a_border_is_a_column_of_ones() -> None:
    target = Ref(Var("x_1", ("B", "D+1"), "value", timed=True), Every())
    lines, _ = spelled(into(target, op("bordered")(every_x)))
    assert lines == ["x_1[..., :-1] = x", "x_1[..., -1] = 1"]


# --- blocks ---------------------------------------------------------------------------------------


def in_blocks(statement: Statement, orientation: Orientation = "rows") -> tuple[list[str], Names]:
    loop = Loop("forward", (into(b_t, op("tanh")(c)), statement))
    names = Names(with_attributes(loop, orientation=orientation, results=[b_t]))
    return in_place(statement, names), names


def test_a_product_in_blocks_goes_through_those_of_both_matrices() -> None:
    """Those of a step are there already, those of all steps are cut once in a call."""
    lines, names = in_blocks(into(d, op("matmul_in_blocks")(a, U)))
    assert lines == [
        "for a_rows, d_rows in zip(a_blocks, d_blocks):",
        "    a_rows.dot(U, d_rows)",
    ]
    assert list(names.row_blocks) == ["a_blocks", "d_blocks"]
    assert names.local["a_blocks"].code == "w.a_blocks"
    lines, names = in_blocks(into(d, op("matmul_in_blocks")(b_t, U)))
    assert "zip(b_blocks_t, d_blocks)" in lines[0]
    assert names.steps == {"b_blocks_t": "b_blocks"}
    lines, names = in_blocks(into(every_d, op("matmul_in_blocks")(every_x, W)))
    assert lines == [
        "for x_rows, d_rows in zip(x_blocks, d_blocks):",
        "    x_rows.dot(W, d_rows)",
    ]
    assert names.local["x_blocks"].code == "_blocks(_rows(x), D * H)"
    assert names.calls == {"_blocks", "_rows"}


def test_there_are_no_rows_to_take_in_blocks_where_a_sample_is_a_column() -> None:
    with pytest.raises(ProgramError, match="no rows to take in blocks"):
        in_blocks(into(d, op("matmul_in_blocks")(a, U)), "columns")


# --- packs ----------------------------------------------------------------------------------------


def test_a_pack_is_one_operand() -> None:
    """Its name stands for both of its neighbours, as target and as operand."""
    statement = into(beside(a_t, b_t), op("tanh")(beside(c, d)))
    names = Names(with_attributes(Loop("forward", (statement,)), results=[a_t, b_t]))
    [line] = in_place(statement, names)
    assert line == "np.tanh(c_d, a_b_t)"
    assert names.steps == {"a_b_t": "a_b"}
    assert list(names.local) == ["c_d"]


# --- gradients ------------------------------------------------------------------------------------


a_rows, b_rows = (
    Ref(Var(name, ("B", "H"), "work", timed=True), Every()) for name in ("a_rows", "b_rows")
)


def gradient(value: Expr, orientation: Orientation, target: Ref | None = None) -> Any:
    """The lines of a gradient where a and b have, or have not, been gathered."""
    target = target or Ref(Var("dW", ("D", "H"), "gradient"))
    statement = into(target, value)
    loop = Loop("forward", (into(a_t, op("tanh")(c)), into(b_t, op("tanh")(c))))
    copies = (into(a_rows, every_a), into(b_rows, every_b)) if orientation == "columns" else ()
    by_row = (a_rows, b_rows) if copies else ()
    names = Names(
        with_attributes(
            loop, *copies, statement, orientation=orientation, results=[a_t, b_t], by_row=by_row
        )
    )
    return written(statement, names), names


def written(statement: Statement, names: Names) -> list[str]:
    """The lines of a gradient, without the comment above them."""
    return [line.code.strip() for line in Blocks(names, "backward").lines((statement,))[1:]]


def test_what_spells_a_line_knows_which_functions_of_the_runtime_it_calls() -> None:
    product = into(every_d, matmul(every_x, W))
    assert spelled(product, "rows")[1].calls == {"_rows"}
    assert spelled(product, "columns")[1].calls == set()
    assert gradient(contract(every_x, every_a), "columns")[1].calls == {"_rows", "_turned"}
    assert gradient(contract(x, a_t), "rows")[1].calls == set()
    loss = Ref(Var("loss", (), "loss"))
    assert gradient(op("inner")(every_a, every_b), "rows", loss)[1].calls == {"_inner"}


def test_a_sum_over_all_rows_is_one_product() -> None:
    assert gradient(contract(every_x, every_a), "rows")[0] == ["dW = _rows(x).T @ _rows(a)"]
    vector = Ref(Var("db", ("H",), "gradient"))
    lines, _ = gradient(op("column_sum")(every_a), "columns", vector)
    assert lines == ["db = a.sum(axis=(0, 2))"]


def test_rows_that_are_gathered_are_one_matrix() -> None:
    """What is given has a sample per row as it comes."""
    lines, names = gradient(contract(every_x, a_rows), "columns")
    assert lines == ["dW = _rows(_turned(x)).T.dot(a_rows)"]
    assert "a_rows" in names.local


def test_rows_are_gathered_by_a_copy_between_two_orientations() -> None:
    """By way of a view that is there already."""
    _, names = gradient(contract(a_rows, b_rows), "columns")
    assert written(into(a_rows, every_a), names) == ["a_rows_turned[...] = a"]
    assert names.local["a_rows_turned"].code == "w.a_rows_turned"


def test_a_gradient_sums_up_products_over_all_rows() -> None:
    """Those of a weight that is read twice, each perhaps times a number."""
    dU = Ref(Var("dU", ("H", "H"), "gradient"))
    twice = op("multiply")(whole(2), contract(b_rows, b_rows))
    lines, _ = gradient(op("subtract")(contract(a_rows, b_rows), twice), "columns", dU)
    assert lines == ["dU = a_rows.T.dot(b_rows) - 2 * b_rows.T.dot(b_rows)"]
    twice = op("multiply")(whole(2), contract(every_b, every_b))
    assert gradient(twice, "rows", dU)[0] == ["dU = 2 * (_rows(b).T @ _rows(b))"]


def test_the_gradient_of_stacked_weights_is_taken_apart() -> None:
    parts = tuple(
        tuple(Ref(Var(f"d{name}{k}", shape, "gradient")) for k in "12")
        for name, shape in (("W", ("D", "H")), ("U", ("H", "H")), ("v", ("H",)))
    )
    together = Ref(Var("dW1_to_v2", ("D+H+1", "H+H"), "gradient", parts=parts))
    lines, _ = gradient(contract(a_rows, b_rows), "columns", together)
    assert lines == [
        "dW1_to_v2 = a_rows.T.dot(b_rows)",
        "dW1 = dW1_to_v2[:D, :H].copy()",
        "dW2 = dW1_to_v2[:D, H:].copy()",
        "dU1 = dW1_to_v2[D : D + H, :H].copy()",
        "dU2 = dW1_to_v2[D : D + H, H:].copy()",
        "dv1 = dW1_to_v2[D + H, :H].copy()",
        "dv2 = dW1_to_v2[D + H, H:].copy()",
    ]


def test_a_gradient_as_wide_as_the_product_is_a_part_of_it() -> None:
    parts = tuple(
        (Ref(Var(f"d{name}", shape, "gradient")),)
        for name, shape in (("W", ("D", "H")), ("U", ("H", "H")), ("v", ("H",)))
    )
    together = Ref(Var("dW_U_v", ("D+H+1", "H"), "gradient", parts=parts))
    lines, _ = gradient(contract(a_rows, b_rows), "columns", together)
    assert lines == [
        "dW_U_v = a_rows.T.dot(b_rows)",
        "dW = dW_U_v[:D]",
        "dU = dW_U_v[D : D + H]",
        "dv = dW_U_v[D + H]",
    ]


# --- all of them ----------------------------------------------------------------------------------


def test_every_operation_is_tested() -> None:
    def operations(expression: Expr) -> set[str]:
        if not isinstance(expression, Call):
            return set()
        return {expression.operation}.union(*map(operations, expression.args))

    values = [*(value for value, _ in IN_PLACE), *(value for value, *_ in ORIENTED)]
    tested = set().union(*map(operations, values)) | {"select", "guard", "contract"}
    # Joined and identity above; the others are scalars, or are made of simpler ones beforehand.
    tested |= {"beside", "below", "bordered", "identity", "matmul_in_blocks"}
    assert set(OPERATIONS) - tested - set(ELEMENTWISE) == NEVER_IN_PLACE


@pytest.mark.parametrize("name", [f.name for f in ELEMENTWISE.values() if f.fits_one_place])
def test_a_function_in_place_is_what_a_declaration_means_by_it(name: str) -> None:
    lines, found = spelled(into(d, op(name)(a)))
    points = np.array([[0.3, 0.9], [1.0, 2.5]])
    numbers = {number: np.full((), value, float) for number, value in found.numbers.items()}
    scope: dict[str, Any] = {"np": np, "a": points, "d": np.full((2, 2), np.nan), **numbers}
    exec("\n".join(lines), scope)
    np.testing.assert_allclose(scope["d"], ELEMENTWISE[name].on_array(points), rtol=1e-14)


#: What is never a single operation into an array: scalars, gradients, and choices of an argument.
NEVER_IN_PLACE = {"inner", "total", "weigh", "column_sum"}


def test_an_operation_without_a_spelling() -> None:
    with pytest.raises(ProgramError, match="no spelling in place for the operation 'identity'"):
        spelled(into(d, op("identity")(a)))


def test_a_product_with_loss_weights() -> None:
    """As they are where there are none."""
    weights = timed("V", "loss weights")
    assert spelled(into(d, op("weigh")(weights, a)))[0] == [
        "if V is None:",
        "    d[...] = a",
        "else:",
        "    np.multiply(V[t], a, d)",
    ]


def test_a_sum_is_an_expression() -> None:
    total = Ref(Var("n", (), "work"))
    assert spelled(into(total, op("total")(a)))[0] == ["n[...] = np.sum(a)"]
    assert spelled(into(total, op("inner")(a, b)))[0] == ["n[...] = _inner(a, b)"]


def test_numbers_alone_are_one_number() -> None:
    total = Ref(Var("n", (), "work"))
    assert spelled(into(total, op("subtract")(whole("3/2"), whole(1))))[0] == [
        "n[...] = 1",
        "np.divide(n, two, n)",
    ]


@pytest.mark.parametrize("function", ["huber", "softplus"])
def test_a_function_that_takes_several_places(function: str) -> None:
    with pytest.raises(ProgramError, match=f"^{function} takes more places than one: d"):
        spelled(into(d, op(function)(a)))


def test_a_fraction_that_is_no_term_and_no_factor() -> None:
    """The numbers of a Workspace are whole."""
    with pytest.raises(ProgramError, match=r"^the fraction 1/2 is no operand in place: d"):
        spelled(into(d, op("maximum")(a, half)))


def test_a_sum_over_time_is_refused() -> None:
    """The line would overwrite what it is meant to add to."""
    with pytest.raises(ProgramError, match="a sum over time"):
        spelled(into(d, matmul(a, U), accumulate=True))


# --- numbers --------------------------------------------------------------------------------------


@in_place_cases
def test_the_numbers_are_those_that_the_lines_name(value: Expr, lines: list[str]) -> None:
    _, names = spelled(into(d, value))
    found = set(re.findall(r"\b(?:zero|one|two|three|four|number_\w+)\b", " ".join(lines)))
    assert set(names.numbers) == found
    assert {number_name(n) for n in names.numbers.values()} == found


def test_the_names_of_numbers() -> None:
    assert [number_name(n) for n in (0, 1, 2, 3, 4, 5, -1)] == [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "number_5",
        "number_minus_1",
    ]


# --- values ---------------------------------------------------------------------------------------

ARRAYS = {
    name: np.array([Fraction(k * k + 3 * n, k + 2) for k in range(9)], dtype=float).reshape(3, 3)
    for n, name in enumerate("abcU", 1)
}
EXACT: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
    "greater": lambda y, z: y > z,
    "greater_equal": lambda y, z: y >= z,
    "where": lambda k, y, z: np.where(k > 0, y, z),
    "step": lambda z: z >= 0,
    "reciprocal": lambda z: 1 / z,
    "relu": lambda z: np.maximum(z, 0),
    "clip": lambda z: np.clip(z, -1, 1),
    "positive": lambda z: z > 0,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def value_of(expression: Expr) -> Any:
    if isinstance(expression, Ref):
        return ARRAYS[expression.var.name]
    if isinstance(expression, Call):
        function = EXACT.get(expression.operation) or getattr(np, expression.operation)
        return function(*map(value_of, expression.args))
    return float(expression.value)


@pytest.mark.parametrize(("dtype", "apart"), [(np.float64, 1), (np.float64, 8), (np.float32, 4)])
@in_place_cases
def test_the_lines_have_the_value_of_the_statement(
    dtype: Any, apart: int, value: Expr, lines: list[str]
) -> None:
    """Also in columns of wider arrays: of such NumPy 2.4 has some negated from the wrong places."""

    def column(array: Any) -> Any:
        wide = np.full((*array.shape, apart), np.nan, dtype)
        wide[..., 0] = array
        return wide[..., 0]

    numbers = {number_name(n): np.full((), n, dtype) for n in range(-1, 4)}
    arrays = {name: column(array) for name, array in ARRAYS.items()}
    scope: dict[str, Any] = {"np": np, **arrays, **numbers, "d": column(np.full((3, 3), np.nan))}
    exec("\n".join(lines), scope)
    expected = np.broadcast_to(value_of(value), (3, 3))
    np.testing.assert_allclose(scope["d"], expected, rtol=1e-14 if dtype == np.float64 else 1e-5)
