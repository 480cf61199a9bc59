"""Kernels with the weights of ONNX nodes, from a file that data/make_onnx_recurrent.py makes."""

from __future__ import annotations

import numpy as np
import pytest

from gru_codegen.interop import from_onnx, to_onnx
from tests.interop.cases import Arrays, initial, kernel, last, read, relative_error

CASES = read("onnx_recurrent.npz")
by_case = pytest.mark.parametrize("label", CASES)


def weights(case: Arrays) -> Arrays:
    return {name: case[name] for name in "WRBP" if name in case}


def cell_of(label: str) -> str:
    return label.split("_")[0]


def test_the_file_covers_what_it_should() -> None:
    assert {cell_of(label) for label in CASES} == {
        "rnn",
        "gru",
        "gru-bias",
        "gru-reset-after",
        "lstm",
        "lstm-peephole",
        "lstm-coupled",
    }
    for case in CASES.values():
        assert len({*case["X"].shape, case["R"].shape[2]}) == 4
        assert all(np.all(array != 0) for array in (*weights(case).values(), case["initial_h"]))


@by_case
def test_outputs_and_last_states(label: str) -> None:
    # onnxruntime computes in float32. Sequences of their own lengths run one by one.
    case = CASES[label]
    cell = cell_of(label)
    module = kernel(cell)
    params = module.Params(**from_onnx(cell, weights(case)))
    steps, batch, _ = case["X"].shape
    lengths = case.get("sequence_lens", np.full(batch, steps))
    outputs = np.zeros_like(case["Y"])
    states = {name: np.zeros_like(case[name]) for name in ("Y_h", "Y_c") if name in case}
    for b, length in enumerate(lengths):
        row = slice(b, b + 1)
        c0 = case["initial_c"][0, row] if "initial_c" in case else None
        s0 = initial(module, case["initial_h"][0, row], c0)
        outputs[:length, 0, row], state = module.forward(params, case["X"][:length, row], s0)
        for name, value in zip(("Y_h", "Y_c"), last(state), strict=True):
            if name in states:
                states[name][0, row] = value
    assert relative_error(outputs, case["Y"]) <= 2e-6
    for name, value in states.items():
        assert relative_error(value, case[name]) <= 2e-6


@by_case
def test_arrays_come_back_as_they_were(label: str) -> None:
    # All but the two biases that are added, of which one is written, and what the node ignores.
    case = CASES[label]
    cell = cell_of(label)
    given, returned = weights(case), to_onnx(cell, from_onnx(cell, weights(case)))
    assert list(returned) == list(given)
    H = given["R"].shape[2]
    if cell == "lstm-coupled":
        for name, sign in (("W", -1), ("R", -1)):
            i, _, f, _ = np.split(given[name], 4, axis=1)
            f[...] = sign * i
    for name in set(given) - {"B"}:
        assert np.array_equal(returned[name], given[name]), name
    if "B" in given:
        input_bias, recurrent_bias = np.split(given["B"], 2, axis=1)
        own = np.zeros(input_bias.shape, bool)
        if cell == "gru-reset-after":
            own[:, 2 * H :] = True
        expected = [
            np.where(own, input_bias, input_bias + recurrent_bias),
            np.where(own, recurrent_bias, 0),
        ]
        if cell == "lstm-coupled":
            i, _, f, _ = np.split(expected[0], 4, axis=1)
            f[...] = -i
        assert np.array_equal(returned["B"], np.concatenate(expected, axis=1))
