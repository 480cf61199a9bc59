"""The kernels in float64 against torch autograd, from a file that data/make_torch_gru.py makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.truths.gru_loss import WEIGHTS

Arrays = dict[str, npt.NDArray[np.float64]]


def read() -> dict[str, Arrays]:
    cases: dict[str, Arrays] = {}
    with np.load(Path(__file__).parents[1] / "data" / "torch_gru.npz") as file:
        for key in file.files:
            case, name = key.split("/")
            cases.setdefault(case, {})[name] = file[key]
    return cases


CASES = read()


def relative_error(actual: Any, expected: npt.NDArray[np.float64]) -> float:
    """The worst error relative to the largest entry expected."""
    assert np.shape(actual) == expected.shape
    scale = np.max(np.abs(expected))
    assert scale > 0
    return float(np.max(np.abs(actual - expected)) / scale)


def test_the_file_covers_what_it_should() -> None:
    sizes = [(*case["x"].shape, case["s0"].shape[1]) for case in CASES.values()]
    assert [steps for steps, *_ in sizes] == [1, 2, 8, 50]
    assert all(len(set(four)) == 4 for four in sizes), "two equal sizes hide a transposition"
    assert all(np.all(case["s0"] != 0) for case in CASES.values())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_torch(kernel_of: Callable[[int], ModuleType], case: Arrays) -> None:
    kernel = kernel_of(len(case["x"]))
    params = kernel.Params(**{name: case[name] for name in WEIGHTS})
    outputs, state = kernel.forward(params, case["x"], case["s0"])
    loss = kernel.loss(params, case["x"], case["y"], case["s0"])
    result = kernel.loss_and_gradients(params, case["x"], case["y"], case["s0"])

    errors = {
        "outputs": relative_error(outputs, case["outputs"]),
        "state of forward": relative_error(state, case["state"]),
        "loss alone": relative_error(loss, case["loss"]),
        "loss": relative_error(result.loss, case["loss"]),
        "state": relative_error(result.state, case["state"]),
    }
    for name in WEIGHTS:
        errors[name] = relative_error(getattr(result.gradients, name), case[f"d{name}"])
    assert all(error <= 1e-12 for error in errors.values()), errors
