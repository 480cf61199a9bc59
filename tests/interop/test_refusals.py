"""What is refused, and what the message says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.errors import GruCodegenError
from gru_codegen.interop import (
    InteropError,
    from_keras,
    from_onnx,
    from_torch,
    to_keras,
    to_onnx,
    to_torch,
)

D, H = 3, 5


def normal(*shape: int) -> Any:
    return np.random.default_rng(shape).normal(size=shape)


def torch_arrays(gates: int) -> dict[str, Any]:
    return {
        "weight_ih_l0": normal(gates * H, D),
        "weight_hh_l0": normal(gates * H, H),
        "bias_ih_l0": normal(gates * H),
        "bias_hh_l0": normal(gates * H) + 1,
    }


def keras_arrays(gates: int, *bias: int) -> list[Any]:
    return [normal(D, gates * H), normal(H, gates * H), normal(*bias, gates * H)]


def onnx_arrays(gates: int, peepholes: bool = False) -> dict[str, Any]:
    arrays = {
        "W": normal(1, gates * H, D),
        "R": normal(1, gates * H, H),
        "B": normal(1, 2 * gates * H),
    }
    return {**arrays, "P": normal(1, 3 * H)} if peepholes else arrays


def message(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(InteropError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_error_is_a_value_error_and_one_of_the_package() -> None:
    assert issubclass(InteropError, ValueError)
    assert issubclass(InteropError, GruCodegenError)


# --- no layer computes the cell ------------------------------------------------------------------


@pytest.mark.parametrize("call", [from_torch, to_torch])
@pytest.mark.parametrize("cell", ["gru", "gru-bias", "gru1", "gru2", "gru3", "mgu"])
def test_torch_resets_after(call: Callable[..., Any], cell: str) -> None:
    assert message(call, cell, torch_arrays(3)) == (
        f"{cell}: torch.nn.GRU resets after the recurrent product, {cell} before it, and in "
        "general no weights make the two equal; use gru-reset-after"
    )


def test_torch_has_a_tanh_in_its_candidate() -> None:
    assert message(from_torch, "mingru", torch_arrays(3)) == (
        "mingru: the candidate of torch.nn.GRU is a tanh, that of mingru is linear; torch.nn.GRU "
        "is gru-reset-after"
    )


@pytest.mark.parametrize(
    ("call", "arrays", "layer"),
    [
        (from_torch, torch_arrays(4), "torch.nn.LSTM"),
        (from_keras, keras_arrays(4), "keras.layers.LSTM"),
    ],
)
def test_peepholes(call: Callable[..., Any], arrays: Any, layer: str) -> None:
    assert message(call, "lstm-peephole", arrays) == (
        f"lstm-peephole: {layer} has no peepholes; use lstm"
    )


@pytest.mark.parametrize(
    ("call", "name"), [(to_torch, "torch"), (to_keras, "Keras"), (to_onnx, "ONNX")]
)
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("ligru", "its candidate is rectified and nothing resets it"),
        ("sru", "its gates see the cell state, not the output, and its output mixes in the input"),
    ],
)
def test_cells_without_a_layer(call: Callable[..., Any], name: str, cell: str, reason: str) -> None:
    assert message(call, cell, {}).startswith(
        f"{cell}: {reason}, which no layer of {name} does; the cells that have a layer there are "
        "rnn, gru"
    )


def test_a_name_that_no_cell_has() -> None:
    assert message(from_torch, "nope", torch_arrays(3)).startswith(
        "there is no cell 'nope'; known: gru, "
    )


def test_a_cell_of_ones_own() -> None:
    own = replace(gc.GRU, name="mine")
    assert message(from_torch, own, torch_arrays(3)) == (
        "mine: no layer of torch is known to compute this cell; the cells that have a layer there "
        "are rnn, gru-reset-after, lstm, lstm-coupled"
    )


def test_a_cell_of_ones_own_under_a_name_of_the_package() -> None:
    # Its equations may be others, as here, where the update gate writes.
    own = gc.cells["gru-reset-after"]
    *gates, state = own.equations
    Z, CA = gates[0].target, gates[2].target
    writes = replace(state, expression=state.expression.xreplace({Z: CA, CA: Z}))
    mine = replace(own, equations=(*gates, writes))
    for call in (from_torch, to_torch):
        assert message(call, mine, torch_arrays(3)) == (
            "gru-reset-after: this is another cell than the one of that name that comes with the "
            "package; if their equations are the same, give the name, 'gru-reset-after'"
        )


def test_something_else_than_a_cell() -> None:
    assert message(from_torch, np, {}) == "cell: expected a Cell or its name, got module"


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "weight_ih_l0_reverse",
            "the backward direction, and a kernel runs in one: convert it by itself, under its "
            "names without _reverse, and run it on reversed input",
        ),
        (
            "weight_hh_l1",
            "a further layer: convert layer by layer, under the names of layer 0, and stack the "
            "kernels",
        ),
        ("weight_hr_l0", "a projection (proj_size), which no cell here has"),
        (
            "gru.weight_ih_l0",
            "an array of a module with others in it; give model.gru.state_dict()",
        ),
        (
            "weight_ih",
            "an array of a torch.nn.RNNCell, GRUCell or LSTMCell; those of a layer end in _l0, so "
            'give {f"{name}_l0": array for name, array in cell.state_dict().items()}',
        ),
        (
            "weights",
            "not an array of this layer; torch.nn.GRU has weight_ih_l0, weight_hh_l0, bias_ih_l0, "
            "bias_hh_l0",
        ),
    ],
)
def test_foreign_names(name: str, reason: str) -> None:
    arrays = {**torch_arrays(3), name: normal(3, 3)}
    assert message(from_torch, "gru-reset-after", arrays) == f"gru-reset-after: {name}: {reason}"


@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
def test_missing_names(name: str) -> None:
    arrays = torch_arrays(3)
    del arrays[name]
    assert message(from_torch, "gru-reset-after", arrays) == (
        f"gru-reset-after: {name}: missing; torch.nn.GRU has weight_ih_l0, weight_hh_l0, "
        "bias_ih_l0, bias_hh_l0"
    )


def test_peepholes_of_a_node_that_has_none() -> None:
    arrays = {**onnx_arrays(3), "P": normal(1, 3 * H)}
    expected = (
        "gru-bias: P: not an array of this layer; "
        "the ONNX operator GRU with linear_before_reset=0 has W, R, B"
    )
    assert message(from_onnx, "gru-bias", arrays) == expected
    arrays = onnx_arrays(4, peepholes=True)
    assert message(from_onnx, "gru-bias", arrays) == (
        f"{expected}; lstm-peephole (the ONNX operator LSTM) would do"
    )


@pytest.mark.parametrize(
    ("arrays", "given"),
    [(keras_arrays(3) * 2, "6 arrays"), ([], "0 arrays"), (torch_arrays(3), "dict")],
)
def test_the_number_of_arrays_from_keras(arrays: Any, given: str) -> None:
    assert message(from_keras, "gru-bias", arrays) == (
        "expected the get_weights() of one layer, kernel, recurrent_kernel, bias, the last one "
        f"optional; got {given}"
    )


@pytest.mark.parametrize(("call", "library"), [(from_torch, "torch"), (from_onnx, "ONNX")])
def test_a_list_where_names_are_needed(call: Callable[..., Any], library: str) -> None:
    assert message(call, "lstm", [normal(4 * H, D)]) == (
        f"expected a mapping of {library}'s names to arrays, got list"
    )


@pytest.mark.parametrize("params", [(1, 2, 3), [1.0], None])
def test_params_without_names(params: Any) -> None:
    assert message(to_torch, "rnn", params) == (
        "params: expected the Params of a kernel of rnn, or a mapping by its names, "
        f"got {type(params).__name__}"
    )


def test_params_of_another_cell() -> None:
    weights = {"Wz": normal(D, H), "Wca": normal(D, H)}
    assert message(to_onnx, "rnn", weights) == (
        "params: expected the weights of rnn, W, Wrec, b; got Wz, Wca"
    )


# --- shapes and dtypes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "cell", "arrays", "expected"),
    [
        (
            from_torch,
            "gru-reset-after",
            torch_arrays(4),
            "weight_hh_l0: expected shape (3 H, H) = (15, 5) for torch.nn.GRU, got (20, 5); "
            "lstm (torch.nn.LSTM) would do",
        ),
        (
            from_torch,
            "lstm",
            {**torch_arrays(4), "weight_ih_l0": normal(D, 4 * H)},
            "weight_ih_l0: expected shape (4 H, D) = (20, 20) for torch.nn.LSTM, got (3, 20)",
        ),
        (
            from_torch,
            "lstm",
            {**torch_arrays(4), "bias_hh_l0": normal(H)},
            "bias_hh_l0: expected shape (4 H,) = (20,) for torch.nn.LSTM, got (5,)",
        ),
        (
            from_torch,
            "rnn",
            {**torch_arrays(1), "weight_hh_l0": normal(H)},
            "weight_hh_l0: expected shape (H, H) for torch.nn.RNN, got (5,)",
        ),
        (
            from_keras,
            "gru-reset-after",
            keras_arrays(3),
            "bias: expected shape (2, 3 H) = (2, 15) for keras.layers.GRU(reset_after=True), "
            "got (15,); gru-bias (keras.layers.GRU(reset_after=False)) would do",
        ),
        (
            from_keras,
            "gru-bias",
            keras_arrays(3, 2),
            "bias: expected shape (3 H,) = (15,) for keras.layers.GRU(reset_after=False), "
            "got (2, 15); gru-reset-after (keras.layers.GRU(reset_after=True)) would do",
        ),
        (
            from_keras,
            "lstm",
            [normal(4 * H, D), normal(4 * H, H)],
            "recurrent_kernel: expected shape (H, 4 H) = (20, 80) for keras.layers.LSTM, "
            "got (20, 5)",
        ),
        (
            from_onnx,
            "lstm",
            {**onnx_arrays(4), "P": normal(1, 4 * H)},
            "P: expected shape (1, 3 H) = (1, 15) for the ONNX operator LSTM, got (1, 20)",
        ),
        (
            from_onnx,
            "lstm",
            {name: np.repeat(a, 2, 0) for name, a in onnx_arrays(4).items()},
            "R: expected shape (1, 4 H, H) = (1, 20, 5) for the ONNX operator LSTM, got "
            "(2, 20, 5), which is two directions: a kernel runs in one, so convert each by itself",
        ),
    ],
)
def test_shapes(call: Callable[..., Any], cell: str, arrays: Any, expected: str) -> None:
    assert message(call, cell, arrays) == f"{cell}: {expected}"


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("W", normal(H, D), "params.W: expected shape (D, H) = (5, 5), got (5, 3)"),
        ("W", normal(H), "params.W: expected shape (D, H), got (5,)"),
        ("Wrec", normal(H, D), "params.Wrec: expected shape (H, H) = (5, 5), got (5, 3)"),
        ("b", normal(1, H), "params.b: expected shape (H,) = (5,), got (1, 5)"),
        ("b", np.ones(H, int), "params.b: expected real floating numbers, got int64"),
        ("b", np.ones(H, complex), "params.b: expected real floating numbers, got complex128"),
        ("b", np.ones(H, object), "params.b: expected real floating numbers, got object"),
        (
            "b",
            np.ones(H, np.float32),
            "params.b: expected float64 like params.W, got float32; cast all arrays to one dtype",
        ),
    ],
)
def test_wrong_params(name: str, array: Any, expected: str) -> None:
    params = {"W": normal(D, H), "Wrec": normal(H, H), "b": normal(H), name: array}
    assert message(to_keras, "rnn", params) == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.ones((1, 30), int), "B: expected real floating numbers, got int64"),
        (
            np.ones((1, 30), np.float32),
            "B: expected float64 like W, got float32; cast all arrays to one dtype",
        ),
        ([[1.0], [2.0, 3.0]], "B: not an array for NumPy: setting an array element"),
    ],
)
def test_arrays_that_are_not_floating(array: Any, expected: str) -> None:
    text = message(from_onnx, "gru-bias", {**onnx_arrays(3), "B": array})
    assert text == expected or (expected.endswith("element") and text.startswith(expected))


# --- values that the cell cannot have ------------------------------------------------------------

RESET_BEFORE = "the ONNX operator GRU with linear_before_reset=0"


@pytest.mark.parametrize(
    ("cell", "arrays", "expected"),
    [
        (
            "gru",
            onnx_arrays(3),
            f"B: the biases of gate z of {RESET_BEFORE} would have to be zero, since gru has none; "
            "they are not; gru-bias would do",
        ),
        (
            "gru3",
            onnx_arrays(3),
            f"W: the input weights of gate z of {RESET_BEFORE} would have to be zero, since gru3 "
            "has none; they are not; gru-bias would do",
        ),
        (
            "mgu",
            onnx_arrays(3),
            f"{RESET_BEFORE}: gate r would have to have minus the weights of gate z, since mgu "
            "computes both from Wf; it has others; gru-bias would do",
        ),
        (
            "lstm",
            onnx_arrays(4, peepholes=True),
            "P: the peepholes of gate i of the ONNX operator LSTM would have to be zero, since "
            "lstm has none; they are not; lstm-peephole would do",
        ),
    ],
)
def test_values(cell: str, arrays: Any, expected: str) -> None:
    assert message(from_onnx, cell, arrays) == f"{cell}: {expected}"


def test_a_forget_gate_of_its_own_is_not_coupled() -> None:
    assert message(from_torch, "lstm-coupled", torch_arrays(4)) == (
        "lstm-coupled: torch.nn.LSTM: gate f would have to have minus the weights of gate i, since "
        "lstm-coupled computes both from Wi; it has others; lstm would do"
    )


@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
def test_every_weight_of_a_coupled_gate_counts(name: str) -> None:
    weights = {n: normal(D, H) for n in ("Wi", "Wca", "Wo")}
    weights |= {n: normal(H, H) for n in ("Wreci", "Wrecca", "Wreco")}
    weights |= {n: normal(H) for n in ("bi", "bca", "bo")}
    arrays = to_torch("lstm-coupled", weights)
    assert from_torch("lstm-coupled", arrays).keys() == weights.keys()
    arrays[name][H] += 1e-6
    assert re.search("gate f would have to have minus", message(from_torch, "lstm-coupled", arrays))


@pytest.mark.parametrize("zero", [True, False])
def test_zero_biases_are_no_biases(zero: bool) -> None:
    arrays = {**onnx_arrays(3), "B": np.zeros((1, 6 * H))}
    arrays["B"][0, -1] = 0.0 if zero else 1e-300
    if zero:
        assert len(from_onnx("gru", arrays)) == 6
    else:
        assert "recurrent biases of gate ca" in message(from_onnx, "gru", arrays)


def test_what_a_node_ignores_may_be_anything() -> None:
    arrays = onnx_arrays(4)
    other = {name: array.copy() for name, array in arrays.items()}
    for name in "WR":
        other[name][0, 2 * H : 3 * H] = np.nan  # the forget gate, with input_forget=1
    other["B"][0, 2 * H : 3 * H] = other["B"][0, 6 * H : 7 * H] = np.nan
    weights = from_onnx("lstm-coupled", other)
    for name, weight in from_onnx("lstm-coupled", arrays).items():
        assert np.array_equal(weights[name], weight)


def test_what_is_not_finite_is_no_disagreement() -> None:
    """A NaN is a value like any other to a conversion, also where gates have to agree."""
    arrays = torch_arrays(4)
    arrays["weight_ih_l0"][0, 0] = np.nan
    assert np.isnan(from_torch("lstm", arrays)["Wi"][0, 0])
    there_and_back = from_torch("lstm", to_torch("lstm", from_torch("lstm", arrays)))
    np.testing.assert_array_equal(there_and_back["Wi"], from_torch("lstm", arrays)["Wi"])
    arrays["weight_ih_l0"][H, 0] = np.inf
    assert re.search("gate f would have to have minus", message(from_torch, "lstm-coupled", arrays))
