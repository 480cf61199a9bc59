"""What a Workspace holds, and what calls with one allocate: nothing that grows with T B H."""

from __future__ import annotations

import gc as garbage
import re
import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import MatrixExpr, MatrixSymbol

import gru_codegen as gc
from gru_codegen.cell import B, D, Equation, H, hadamard, matrix
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.passes import LAYOUTS, Layout

#: T, B, D, H and O: an array over all steps is far larger than weights and what one step needs.
NUMBERS = {"T": 200, "B": 24, "D": 3, "H": 30, "O": 29}
#: The bytes of a number.
ITEM = 8
#: What a call may take besides its results: arrays over steps and samples alone, weights, and the
#: buffers of a ufunc, which are 8192 numbers each.
SLACK = ITEM * (8 * NUMBERS["T"] * NUMBERS["B"] + 3 * 8192)

KERNELS: list[tuple[str, str, str, Layout]] = [
    *(("gru", "l2", "none", layout) for layout in LAYOUTS),
    ("lstm", "huber", "none", "rows"),
    ("gru-reset-after", "cross-entropy", "linear", "rows"),
    ("gru-reset-after", "cross-entropy", "linear", "columns"),
    ("sru", "bce", "none", "columns"),
]


x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
W, U = matrix("W", D, H), matrix("U", H, H)
Z, S = matrix("Z", B, H), matrix("S", B, H)


def reading_twice(
    name: str, weights: tuple[MatrixSymbol, ...], gate: MatrixExpr, state: MatrixExpr
) -> gc.Cell:
    equations = (Equation(Z, sigmoid(gate), "gate"), Equation(S, tanh(state), "state"))
    return gc.Cell(
        name=name,
        title="cell that reads a weight twice",
        source="a test",
        inputs=(x,),
        weights=weights,
        states={S: S_prev},
        equations=equations,
    )


#: Cells whose gradients are sums of products: of the state and of the input, and with numbers.
READING_TWICE = {
    "recurrent-twice": reading_twice(
        "recurrent-twice", (W, U), x * W + S_prev * U, hadamard(Z, S_prev) * U
    ),
    "input-twice": reading_twice("input-twice", (W, U), x * W, x * W + hadamard(Z, S_prev) * U),
    "scaled-twice": reading_twice("scaled-twice", (W, U), x * W - 2 * S_prev * U, Z * U / 3),
}
KERNELS += [(cell, "l2", "none", layout) for cell in READING_TWICE for layout in LAYOUTS]


@cache
def load(cell: str, loss: str, readout: str, layout: Layout) -> ModuleType:
    declared = READING_TWICE[cell] if cell in READING_TWICE else gc.cells[cell]
    return gc.load(declared, loss=gc.losses[loss], readout=readout, layout=layout)


@pytest.fixture(params=KERNELS, ids="-".join)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load(*request.param)


def numbers_of(kernel: ModuleType) -> dict[str, int]:
    """The sizes by letter; D is H where a cell's inputs have the size of its state."""
    return {letter: NUMBERS[letter] for letter in ("T", *kernel.SIZES)}


def draw(kernel: ModuleType) -> tuple[Any, Any, Any]:
    """Weights, inputs and targets."""
    numbers = numbers_of(kernel)
    T, B, H = numbers["T"], numbers["B"], numbers["H"]
    D = numbers[kernel.SHAPES["x"][2]]
    rng = np.random.default_rng(0)
    more = {"output_size": numbers["O"]} if "O" in numbers else {}
    params = kernel.init_params(D, H, rng=rng, **more)
    outputs = tuple(numbers[letter] for letter in kernel.SHAPES["outputs"])
    if kernel.LOSS == "cross-entropy":
        y: Any = rng.integers(0, outputs[-1], outputs[:-1])
    else:
        y = rng.uniform(size=outputs)
    return params, rng.normal(size=(T, B, D)), y


def workspace(kernel: ModuleType) -> Any:
    numbers = numbers_of(kernel)
    more = {"output_size": numbers["O"]} if "O" in numbers else {}
    D = numbers[kernel.SHAPES["x"][2]]
    return kernel.Workspace(numbers["B"], D, numbers["H"], **more)


def stated(kernel: ModuleType) -> int:
    """How many numbers the header says that a Workspace holds."""
    assert kernel.__doc__ is not None
    found = re.search(r"^Numbers in a Workspace: +(.*(?:\n {29}[^a].*)*)", kernel.__doc__, re.M)
    assert found is not None
    formula = re.sub(r"(?<=\w) (?=\w)", " * ", " ".join(found[1].split())).replace("^", "**")
    total = eval(formula, {"__builtins__": {}}, numbers_of(kernel))
    assert isinstance(total, int)
    return total


@pytest.fixture(scope="module", autouse=True)
def thawed() -> Iterator[None]:
    """The collector as it was, for other tests."""
    yield
    garbage.unfreeze()


def measured(function: Callable[[], Any]) -> tuple[int, int]:
    """Bytes that are held after `function` with its result, and at the most on the way."""
    garbage.collect()
    garbage.freeze()  # so that the next collection does not search all that is there already
    tracemalloc.start()
    result = function()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return held, peak


def test_a_workspace_holds_what_the_header_says(kernel: ModuleType) -> None:
    params, x, y = draw(kernel)

    tracemalloc.start()
    some = workspace(kernel)
    kernel.loss_and_gradients(params, x, y, workspace=some)
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    held = sum(trace.size for trace in snapshot.filter_traces([arrays]).traces)
    # Besides, the mask of what is past a sample's length, and single numbers.
    masks = numbers_of(kernel)["T"] * numbers_of(kernel)["B"] * ("_mask" in vars(some))
    assert 0 <= held - masks - ITEM * stated(kernel) <= 8 * ITEM


def test_the_reference_cell_in_rows_holds_little() -> None:
    """At most 6.5 T B H, besides what does not grow with T."""
    kernel = load("gru", "l2", "none", "rows")
    assert kernel.__doc__ is not None
    [line] = re.findall(r"^Numbers in a Workspace: +(.*)$", kernel.__doc__, re.M)
    with_time = [term for term in line.split(" + ") if "T" in term]
    assert with_time == ["6 T B H"]


def calls(kernel: ModuleType, some: Any) -> dict[str, Callable[[], Any]]:
    """Every function, and with every optional argument."""
    params, x, y = draw(kernel)
    numbers = numbers_of(kernel)
    T, B = numbers["T"], numbers["B"]
    rng = np.random.default_rng(1)
    weights = rng.uniform(size=(T, B)) * (rng.uniform(size=(T, B)) > 0.2)
    lengths = rng.integers(0, T + 1, B)
    seed = rng.normal(size=tuple(numbers[letter] for letter in kernel.SHAPES["outputs"]))

    def pulled(**optional: Any) -> Any:
        outputs, state, pullback = kernel.vjp(params, x, workspace=some, **optional)
        return outputs, state, pullback(seed)

    lengths_alone: dict[str, Any] = {"lengths": lengths}
    found: dict[str, Callable[[], Any]] = {}
    for said, optional in (("", {}), (" with lengths", lengths_alone)):
        found[f"forward{said}"] = partial(kernel.forward, params, x, workspace=some, **optional)
        found[f"vjp{said}"] = partial(pulled, **optional)
    for said, optional in (
        ("", {}),
        (" with lengths", lengths_alone),
        (" with loss weights", {"loss_weights": weights}),
    ):
        for function in (kernel.loss, kernel.loss_and_gradients):
            name = f"{function.__name__}{said}"
            found[name] = partial(function, params, x, y, workspace=some, **optional)
    return found


def test_calls_allocate_nothing_but_their_results(kernel: ModuleType) -> None:
    numbers = numbers_of(kernel)
    over_steps = ITEM * numbers["T"] * numbers["B"] * numbers["H"]
    inputs = ITEM * numbers["T"] * numbers["B"] * numbers[kernel.SHAPES["x"][2]]
    too_much = {}
    for name, function in calls(kernel, workspace(kernel)).items():
        function()  # the first call makes room
        held, peak = measured(function)
        allowed = SLACK + (inputs if name.startswith("vjp") else 0)  # a term of d_x
        if peak - held > allowed:
            too_much[name] = (peak - held - allowed) / over_steps
    assert 0.5 * over_steps > SLACK
    assert not too_much, f"beyond what is allowed, in numbers T B H: {too_much}"
