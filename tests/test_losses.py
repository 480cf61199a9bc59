from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Trace

from gru_codegen.cell import B, D, Equation, H, hadamard, matrix, ones
from gru_codegen.cells.gru import GRU
from gru_codegen.errors import CellError
from gru_codegen.evaluate import costs
from gru_codegen.functions import FUNCTIONS, exp, tanh
from gru_codegen.losses import L2, Loss, O, losses
from gru_codegen.rows import row_mean, row_sum, share

P, Y, E, Q = (matrix(name, B, O) for name in ("P", "Y", "E", "Q"))
ERROR = Equation(E, P - Y, "error")


def declare(**changes: Any) -> Loss:
    """A loss with one equation, with `changes`."""
    declaration: dict[str, Any] = {
        "name": "l2",
        "title": "a loss",
        "prediction": P,
        "target": Y,
        "equations": (ERROR,),
        "cost": Trace(E.T * E) / 2,
    }
    return Loss(**{**declaration, **changes})


def refusal(**changes: Any) -> str:
    """What is said of the loss with `changes`, without the name that it begins with."""
    with pytest.raises(CellError) as raised:
        declare(**changes)
    message = str(raised.value)
    assert message.startswith("loss 'l2'")
    assert "\n" not in message
    return message.removeprefix("loss 'l2'").lstrip(":, ")


# --- what a loss is -------------------------------------------------------------------------------


def test_the_losses_are_known_by_name() -> None:
    assert losses["l2"] is L2
    assert all(loss.name == name for name, loss in losses.items())


@pytest.mark.parametrize("loss", losses.values(), ids=losses.keys())
def test_a_loss_is_bound_to_a_prediction(loss: Loss) -> None:
    bound = loss.of(GRU.output)
    assert bound.prediction == GRU.output
    assert bound.target == matrix(loss.target.name, B, H)
    shapes = {size for e in bound.equations for size in e.target.shape}
    assert O not in shapes
    assert not bound.cost.has(O)
    read = {s for e in bound.equations for s in e.expression.atoms(type(P))}
    assert loss.prediction not in read
    assert GRU.output in read | bound.cost.atoms(type(P))


def test_l2_of_the_gru() -> None:
    bound = L2.of(GRU.output)
    Y_bound, E_bound = matrix("Y", B, H), matrix("E", B, H)
    assert [(e.target, e.expression) for e in bound.equations] == [
        (E_bound, GRU.output - Y_bound),
    ]
    assert bound.cost == Trace(E_bound.T * E_bound) / 2


@pytest.mark.parametrize(
    "cost",
    [
        Trace(E.T * E),
        -Trace(E.T * E) / 3,
        Trace(E.T * hadamard(E, Y)),
        Trace(E.T * (P + Y / 2)),
    ],
)
def test_costs_that_can_be_declared(cost: Any) -> None:
    assert declare(cost=cost).cost == cost


# --- what cannot be declared ----------------------------------------------------------------------

FORM = (
    "must be a rational multiple of one trace of two factors, Trace(A.T * B) / 2 for example; "
    "compute A and B by equations"
)
COSTS: dict[str, tuple[Any, str]] = {
    "none": (None, f"cost: None {FORM}"),
    "zero": (0, f"cost: 0 {FORM}"),
    "text": ("tr(E)", f"cost: tr(E) {FORM}"),
    "matrix": (E, f"cost: E {FORM}"),
    "two traces": (
        Trace(E.T * E) + Trace(P.T * P),
        f"cost: Trace(E.T*E) + Trace(P.T*P) {FORM}",
    ),
    "product of traces": (Trace(E.T * E) ** 2, f"cost: Trace(E.T*E)**2 {FORM}"),
    "trace of one matrix": (Trace(matrix("E", B, B)), f"cost: Trace(E) {FORM}"),
    "trace of another form": (Trace(E * E.T), f"cost: Trace(E*E.T) {FORM}"),
    "trace of three": (
        Trace(E.T * E * matrix("M", O, O)),
        f"cost: Trace(E.T*E*M) {FORM}",
    ),
    "root": (sp.sqrt(2) * Trace(E.T * E), f"cost: sqrt(2)*Trace(E.T*E) {FORM}"),
    "mean": (Trace(E.T * E) / B, f"cost: Trace(E.T*E)/B {FORM}"),
    "float": (
        0.5 * Trace(E.T * E),
        "cost: the factor 0.500000000000000 in 0.500000000000000 tr(E^T E) is not a rational "
        "number; write Rational(1, 2)",
    ),
    "undeclared": (Trace(E.T * Q), "cost: Q is not declared"),
    "shapes": (
        Trace(E.T * hadamard(E, matrix("Y", B, D))),
        "cost: Y is not declared",
    ),
    "function": (Trace(E.T * tanh(P)), f"cost: Trace(E.T*Lambda(a, tanh(a)).(P)) {FORM}"),
    "unknown form": (
        Trace(E.T * hadamard(E, E)),
        "cost: HadamardPower in HadamardPower(E, 2) is not a form known here: "
        "sums, matrix products, transposes of weights, hadamard(...), where(...), ones(...) and "
        f"{', '.join(FUNCTIONS)}",
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_costs_that_cannot_be_declared(name: str) -> None:
    cost, message = COSTS[name]
    assert refusal(cost=cost) == message


def test_both_sides_of_the_trace_have_one_shape() -> None:
    wide = matrix("W", B, D)
    assert refusal(
        prediction=(P, wide), equations=(Equation(E, P - Y, "error"),), cost=Trace(E.T * wide)
    ) == ("cost: E is (B, O), W is (B, D); the factors of Trace(A.T * B) must have one shape")


def test_a_target_has_the_shape_of_the_first_prediction() -> None:
    assert refusal(prediction=(matrix("W", B, D), P)) == (
        "the target Y is (B, O), and W, which is predicted, (B, D); the two have one shape"
    )


def test_several_predictions_are_the_first_outputs() -> None:
    spread = (Equation(E, P - hadamard(Q, Y), "error"),)
    loss = declare(prediction=[P, Q], equations=spread)
    M, A, S = (matrix(name, B, H) for name in ("M", "E", "S"))
    bound = loss.of((M, A, S), {"M", "E", "S"})
    assert bound.predictions == (M, A)
    assert bound.equations[0].target.name == "E_2"
    assert str(bound.equations[0].expression) == str(M - hadamard(A, matrix("Y", B, H)))
    with pytest.raises(CellError) as few:
        loss.of(M)
    assert str(few.value) == (
        "loss 'l2': it reads 2 outputs, as P and Q, and the cell puts out 1, M; "
        "name more as its output"
    )
    with pytest.raises(CellError) as apart:
        loss.of((M, matrix("N", B, D)))
    assert str(apart.value) == (
        "loss 'l2': it reads P (B, O) and Q (B, O), and the cell puts out M (B, H) and N (B, D); "
        "sizes that differ have letters of their own in a loss"
    )


def test_predictions_have_sizes_of_their_own() -> None:
    wide, sums = matrix("W", B, D), matrix("C", B, 1)
    equations = (
        Equation(sums, row_sum(hadamard(P, Y)) - row_mean(wide)),
        Equation(E, P - sums * ones(1, O)),
    )
    loss = declare(prediction=(P, wide), equations=equations)
    S, N = matrix("S", B, H), matrix("N", B, O)
    bound = loss.of((N, S))  # what the cell calls O is not what the loss does
    assert (bound.target.shape, bound.equations[0].target.shape) == ((B, O), (B, 1))
    assert bound.equations[0].expression.has(share(H))
    assert not any(each.expression.has(D) for each in bound.equations)
    swapped = loss.of((matrix("N", B, D), matrix("S", B, O)))
    assert swapped.target.shape == (B, D)
    assert swapped.equations[0].expression.has(share(O))
    one = declare(prediction=(P, sums), equations=(Equation(E, P - sums * ones(1, O) - Y),))
    assert one.of((S, matrix("N", B, 1))).predictions[1].shape == (B, 1)
    with pytest.raises(CellError, match=r"it reads P \(B, O\) and C \(B, 1\), and the cell puts"):
        one.of((S, S))


PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "unread target": (
        {"equations": (Equation(E, P / 2, "half"),)},
        "Y is read by nothing; use it or remove it",
    ),
    "unread prediction": (
        {"equations": (Equation(E, Y / 2, "half"),)},
        "P is read by nothing; use it or remove it",
    ),
    "unread equation": (
        {"equations": (ERROR, Equation(Q, tanh(E), "squashed"))},
        "Q is read by nothing; use it or remove it",
    ),
    "undeclared symbol": (
        {"equations": (Equation(E, P - Q, "error"),)},
        "equation E: Q is not declared; declared are P, Y",
    ),
    "order": (
        {"equations": (Equation(E, Q - Y, "error"), Equation(Q, tanh(P), "squashed"))},
        "equation E: it reads Q, which is computed only there or later; "
        "reorder the equations, or read the previous state",
    ),
    "shape": (
        {"prediction": (P, matrix("W", B, D)), "equations": (Equation(E, P - matrix("W", B, D)),)},
        "equation E: -W is (B, D), P is (B, O); the terms of a sum and the factors of an "
        "elementwise product must have one shape",
    ),
    "rows": (
        {"target": matrix("Y", O, B)},
        "Y is (O, B); what changes from step to step has one row per sample, (B, ...)",
    ),
    "one name twice": (
        {"target": P},
        "P is declared twice; every symbol needs a name of its own",
    ),
    "no predictions": (
        {"prediction": ()},
        "prediction is empty; it is one matrix, or several in a tuple",
    ),
    "one prediction twice": ({"prediction": (P, P)}, "prediction has P twice"),
    "unread prediction of several": (
        {"prediction": (P, Q)},
        "Q is read by nothing; use it or remove it",
    ),
    "text for the prediction": (
        {"prediction": "P"},
        "'P' must be a matrix symbol, such as matrix('x', B, H), not a str",
    ),
    "an equation that stands alone": (
        {"equations": ERROR},
        f"equations must be a tuple of Equation, not {ERROR!r}",
    ),
    "a number for the title": (
        {"title": 2},
        "the title 2 must be one line of text without double quotes and backslashes",
    ),
    "no title": ({"title": ""}, "the title is empty; say in words what it is"),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_do_not_fit(name: str) -> None:
    changes, message = PARTS[name]
    assert refusal(**changes) == message


def test_a_name_can_name_a_file() -> None:
    with pytest.raises(CellError, match=r"^loss 'a/b': its name must begin with a letter"):
        declare(name="a/b")


K, COLUMN = matrix("K", B, O), matrix("C", B, 1)


def test_columns_and_means_of_rows_have_the_sizes_of_the_outputs() -> None:
    equations = (
        Equation(K, hadamard(P, Y) - row_mean(P) * ones(1, O)),
        Equation(COLUMN, row_sum(K)),
    )
    loss = declare(equations=equations, cost=Trace(ones(1, B) * COLUMN))
    S, Y_one = matrix("S", B, 1), matrix("Y", B, 1)
    wide, narrow = loss.of(matrix("S", B, H)), loss.of(S)
    assert wide.equations[0].expression.has(share(H))
    assert str(narrow.equations[0].expression) == str(hadamard(S, Y_one) - S)
    assert narrow.equations[1].expression == narrow.equations[0].target
    assert all(not each.expression.has(O) for each in (*wide.equations, *narrow.equations))
    for bound, columns in ((wide, 3), (narrow, 1)):
        rng = np.random.default_rng(columns)
        o, y = rng.standard_normal((2, 4, columns))
        expected = (o * y - o.mean(1, keepdims=True)).sum(1)
        np.testing.assert_allclose(costs(bound, o, y), expected, rtol=1e-14)


def test_a_loss_has_no_size_of_its_own() -> None:
    wider, column = matrix("K", B, H), Equation(COLUMN, row_sum(hadamard(P, Y)))
    spread = (column, Equation(wider, COLUMN * ones(1, H)))
    assert refusal(equations=spread, cost=Trace(ones(H, B) * wider)) == (
        "equation K: there is no size H; a loss has the sizes of what it reads, B, O"
    )
    hidden = (column, Equation(matrix("Q", B, 1), row_sum(exp(COLUMN * ones(1, H)))))
    assert "equation Q: there is no size H" in refusal(equations=hidden)
