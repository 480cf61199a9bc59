"""What the tests of interop share: committed cases, kernels, and one way of running them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

import gru_codegen as gc

Arrays = dict[str, npt.NDArray[Any]]


def read(file: str) -> dict[str, Arrays]:
    """The cases of a file in tests/data: arrays by name, by the label before the slash."""
    cases: dict[str, Arrays] = {}
    with np.load(Path(__file__).parents[1] / "data" / file) as arrays:
        for key in arrays.files:
            label, name = key.split("/")
            cases.setdefault(label, {})[name] = arrays[key]
    return cases


@cache
def kernel(cell: str) -> ModuleType:
    """The kernel of a cell of the package, for any number of time steps."""
    return gc.load(gc.cells[cell])


def random_params(cell: str, D: int = 3, H: int = 5, seed: int = 0) -> Any:
    """Params of normal numbers, so that no weight is zero and no two are alike."""
    rng = np.random.default_rng(seed)
    drawn = kernel(cell).init_params(D, H, rng=0)
    return type(drawn)(*(rng.normal(size=weight.shape) for weight in drawn))


def initial(module: ModuleType, h0: Any, c0: Any = None) -> Any:
    """The initial state of a kernel: of an LSTM both, else the one."""
    return h0 if c0 is None else module.State(S=h0, C=c0)


def last(state: Any) -> tuple[Any, Any]:
    """The last state of a kernel as (S, C), C being None where there is none."""
    return (state.S, state.C) if hasattr(state, "_fields") else (state, None)


def relative_error(actual: Any, expected: Any) -> float:
    """The worst error relative to the largest entry expected."""
    assert np.shape(actual) == np.shape(expected)
    scale = np.max(np.abs(expected))
    assert scale > 0
    return float(np.max(np.abs(np.asarray(actual) - expected)) / scale)
