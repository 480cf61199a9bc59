"""Kernels with the weights of Keras, from a file that data/make_keras_recurrent.py makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gru_codegen.interop import from_keras, to_keras
from tests.interop.cases import Arrays, initial, kernel, last, read, relative_error

CASES = read("keras_recurrent.npz")
#: By layer, the cell with biases and the one that a layer without biases can be besides.
CELLS = {
    "rnn": ["rnn"],
    "gru_before": ["gru-bias", "gru"],
    "gru_after": ["gru-reset-after"],
    "lstm": ["lstm"],
}


def weights(case: Arrays) -> list[NDArray[Any]]:
    return [case[place] for place in ("0", "1", "2") if place in case]


def cells(label: str) -> list[str]:
    layer = CELLS[label[: label.index("_T")]]
    return layer[:1] if "2" in CASES[label] else layer


RUNS = [(label, cell) for label in CASES for cell in cells(label)]


def test_the_file_covers_what_it_should() -> None:
    assert len(CASES) == 8
    assert len(RUNS) == 9
    for case in CASES.values():
        assert len({*case["x"].shape, case["h0"].shape[1]}) == 4
        assert all(np.all(array != 0) for array in (*weights(case), case["h0"]))


@pytest.mark.parametrize(("label", "cell"), RUNS)
def test_outputs_and_last_states(label: str, cell: str) -> None:
    # Keras computes in float32.
    case = CASES[label]
    module = kernel(cell)
    params = module.Params(**from_keras(cell, weights(case)))
    s0 = initial(module, case["h0"], case.get("c0"))
    outputs, state = module.forward(params, case["x"], s0)
    assert relative_error(outputs, case["outputs"]) <= 2e-6
    for value, name in zip(last(state), ("hn", "cn"), strict=True):
        if name in case:
            assert relative_error(value, case[name]) <= 2e-6


@pytest.mark.parametrize(("label", "cell"), RUNS)
def test_get_weights_come_back_as_they_were(label: str, cell: str) -> None:
    given = [array.copy() for array in weights(CASES[label])]
    returned = to_keras(cell, from_keras(cell, given))
    if cell != "gru" and len(given) == 2:
        assert not returned.pop().any()  # the cell has biases, so they are written, as zeros
    assert len(returned) == len(given)
    if cell == "gru-reset-after" and len(given) == 3:
        # The two biases of the gates z and r are merely added: the first one gets the sum.
        gates = 2 * len(given[1])
        given[2][0, :gates] += given[2][1, :gates]
        given[2][1, :gates] = 0
    for back, array in zip(returned, given, strict=True):
        assert back.dtype == array.dtype
        assert np.array_equal(back, array)
