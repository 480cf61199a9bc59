"""Out and back, in again as another cell, and what comes out: exact, fresh and contiguous."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import interop
from gru_codegen.interop.layouts import CELLS, KERAS, ONNX, TORCH
from tests.interop.cases import kernel, last, random_params, relative_error

FRAMEWORKS = {"torch": TORCH, "keras": KERAS, "onnx": ONNX}
PAIRS = [
    (framework, cell)
    for framework, tables in FRAMEWORKS.items()
    for cell in CELLS
    if CELLS[cell].form in tables.layers
]
by_pair = pytest.mark.parametrize(("framework", "cell"), PAIRS)


def out(framework: str, cell: str | gc.Cell, params: Any) -> Any:
    return getattr(interop, f"to_{framework}")(cell, params)


def back(framework: str, cell: str, arrays: Any) -> dict[str, Any]:
    weights: dict[str, Any] = getattr(interop, f"from_{framework}")(cell, arrays)
    return weights


def values(arrays: Any) -> Iterator[Any]:
    return iter(arrays.values() if isinstance(arrays, dict) else arrays)


def test_as_many_pairs_as_the_documentation_lists() -> None:
    count = {name: sum(framework == name for framework, _ in PAIRS) for name in FRAMEWORKS}
    assert count == {"torch": 4, "keras": 11, "onnx": 12}


@by_pair
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_out_and_back(framework: str, cell: str, dtype: type) -> None:
    params = random_params(cell)
    params = type(params)(*(weight.astype(dtype) for weight in params))
    arrays = out(framework, cell, params)
    weights = back(framework, cell, arrays)
    assert tuple(weights) == params._fields
    for name, weight in weights.items():
        assert weight.dtype == dtype
        assert np.array_equal(weight, getattr(params, name)), name


@by_pair
def test_a_mapping_and_a_cell_do_as_well_as_params_and_a_name(framework: str, cell: str) -> None:
    params = random_params(cell)
    expected = out(framework, cell, params)
    given = out(framework, gc.cells[cell], dict(reversed(params._asdict().items())))
    for array, other in zip(values(given), values(expected), strict=True):
        assert np.array_equal(array, other)


@by_pair
def test_results_are_contiguous_and_share_no_memory(framework: str, cell: str) -> None:
    params = random_params(cell)
    arrays = out(framework, cell, params)
    weights = back(framework, cell, arrays)
    results = [*values(arrays), *weights.values()]
    assert all(array.flags.c_contiguous for array in results)
    owned = [*results, *params]
    for place, array in enumerate(results):
        assert not any(np.shares_memory(array, other) for other in owned[place + 1 :])


@by_pair
def test_missing_biases_are_zeros(framework: str, cell: str) -> None:
    biases = [name for name in CELLS[cell].weights if name.startswith("b")]
    params = random_params(cell)
    params = params._replace(**{name: np.zeros_like(getattr(params, name)) for name in biases})
    arrays = out(framework, cell, params)
    if biases and framework == "keras":
        assert not arrays.pop().any()
    elif biases:
        for name in [name for name in arrays if name.startswith(("bias", "B"))]:
            assert not arrays.pop(name).any()
    weights = back(framework, cell, arrays)
    for name, weight in weights.items():
        assert np.array_equal(weight, getattr(params, name)), name


#: A cell, and the one that is the same layer without restrictions.
SPECIAL = [
    ("keras", "gru", "gru-bias"),
    ("keras", "gru1", "gru-bias"),
    ("onnx", "gru1", "gru-bias"),
    ("onnx", "gru2", "gru-bias"),
    ("onnx", "gru3", "gru-bias"),
    ("keras", "mgu", "gru-bias"),
    ("onnx", "mgu", "gru-bias"),
    ("torch", "lstm-coupled", "lstm"),
    ("keras", "lstm-coupled", "lstm"),
    ("onnx", "lstm-coupled", "lstm"),
    ("onnx", "lstm", "lstm-peephole"),
]


@pytest.mark.parametrize(("framework", "cell", "general"), SPECIAL)
def test_a_special_cell_is_computed_by_the_general_one(
    framework: str, cell: str, general: str
) -> None:
    params = random_params(cell)
    module, other = kernel(cell), kernel(general)
    arrays = out(framework, cell, params)
    x = np.random.default_rng(1).normal(size=(6, 2, 3))
    s0 = np.random.default_rng(2).normal(size=(2, 2, 5))
    starts = [s0[0] if len(m.STATES) == 1 else m.State(S=s0[0], C=s0[1]) for m in (module, other)]
    outputs, state = module.forward(params, x, starts[0])
    expected, end = other.forward(other.Params(**back(framework, general, arrays)), x, starts[1])
    assert relative_error(outputs, expected) <= 1e-12
    for value, wanted in zip(last(state), last(end), strict=True):
        assert value is wanted is None or relative_error(value, wanted) <= 1e-12


def test_negation_turns_the_sense_of_the_update_gate() -> None:
    # gru writes the candidate where Z is 1, every library keeps the state there.
    params = random_params("gru")
    inputs, recurrent = out("keras", "gru", params)
    assert np.array_equal(inputs[:, :5], -params.Wz)
    assert np.array_equal(recurrent[:, :5], -params.Wrecz)
    assert np.array_equal(inputs[:, 5:], np.hstack([params.Wr, params.Wca]))
    assert np.array_equal(recurrent[:, 5:], np.hstack([params.Wrecr, params.Wrecca]))


def test_a_readout_stays_behind() -> None:
    params = {**random_params("lstm")._asdict(), "Wout": np.ones((5, 2)), "bout": np.ones(2)}
    assert list(out("torch", "lstm", params)) == [
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "bias_hh_l0",
    ]


def test_the_other_byte_order_becomes_the_native_one() -> None:
    params = random_params("rnn")
    swapped = [w.astype(w.dtype.newbyteorder("S")) for w in params]
    for array in out("keras", "rnn", type(params)(*swapped)):
        assert array.dtype == np.float64
        assert array.dtype.isnative
