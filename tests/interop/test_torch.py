"""Kernels with the weights of torch.nn, from a file that data/make_torch_recurrent.py makes."""

from __future__ import annotations

import numpy as np
import pytest

from gru_codegen.interop import from_torch, to_torch
from tests.interop.cases import Arrays, initial, kernel, last, read, relative_error

CASES = read("torch_recurrent.npz")
CELL = {"rnn": "rnn", "gru": "gru-reset-after", "lstm": "lstm"}
by_case = pytest.mark.parametrize("label", CASES)


def state_dict(case: Arrays, prefix: str = "") -> Arrays:
    return {
        name.removeprefix(prefix): array
        for name, array in case.items()
        if name.startswith((f"{prefix}weight", f"{prefix}bias"))
    }


def test_the_file_covers_what_it_should() -> None:
    assert len(CASES) == 6
    for case in CASES.values():
        sizes = (*case["x"].shape, case["h0"].shape[1])
        assert len(set(sizes)) == 4, "two equal sizes hide a transposition"
        assert all(np.all(array != 0) for array in (*state_dict(case).values(), case["h0"]))
    assert {len(state_dict(case)) for case in CASES.values()} == {2, 4}, "with and without biases"


@by_case
def test_outputs_and_last_states(label: str) -> None:
    case = CASES[label]
    cell = CELL[label.split("_")[0]]
    module = kernel(cell)
    params = module.Params(**from_torch(cell, state_dict(case)))
    s0 = initial(module, case["h0"], case.get("c0"))
    outputs, state = module.forward(params, case["x"], s0)
    assert relative_error(outputs, case["outputs"]) <= 1e-12
    for value, name in zip(last(state), ("hn", "cn"), strict=True):
        if name in case:
            assert relative_error(value, case[name]) <= 1e-12


@by_case
def test_gradients(label: str) -> None:
    case = CASES[label]
    cell = CELL[label.split("_")[0]]
    module = kernel(cell)
    params = module.Params(**from_torch(cell, state_dict(case)))
    s0 = initial(module, case["h0"], case.get("c0"))
    result = module.loss_and_gradients(params, case["x"], case["y"], s0)
    assert relative_error(result.loss, case["loss"]) <= 1e-12

    expected = state_dict(case, "d")
    gradients = to_torch(cell, result.gradients)
    H = case["h0"].shape[1]
    if "bias_hh_l0" in expected:
        # Where the cell has one bias, torch has two that are added: the gradient is that of both.
        own = slice(2 * H, 3 * H) if cell == "gru-reset-after" else slice(0, 0)
        merged = np.ones(len(expected["bias_hh_l0"]), bool)
        merged[own] = False
        gradients["bias_hh_l0"][merged] = gradients["bias_ih_l0"][merged]
    for name, array in expected.items():
        assert relative_error(gradients[name], array) <= 1e-12, name
