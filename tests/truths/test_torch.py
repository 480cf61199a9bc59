"""The kernels in float64 against torch autograd, from a file: data/make_torch_cells.py makes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import gru_codegen as gc
from tests.cells.sample import IN_PYTHON
from tests.shares import in_turn
from tests.truths import equations
from tests.truths.kernels import KINDS, Kind, state_of, states_of

Case = dict[str, npt.NDArray[Any]]


def read() -> dict[str, Case]:
    """The fields of each case, by its name."""
    with np.load(Path(__file__).parents[1] / "data" / "torch_cells.npz") as file:
        records = dict(file)
    return {label: {n: record[n] for n in record.dtype.names} for label, record in records.items()}


CASES = read()


def relative_error(actual: Any, expected: npt.NDArray[Any]) -> float:
    """The worst error relative to the largest entry expected."""
    assert np.shape(actual) == expected.shape
    assert np.all(np.isfinite(actual))
    scale = np.max(np.abs(expected))
    assert scale > 0
    return float(np.max(np.abs(actual - expected)) / scale)


def sizes_of(case: Case) -> list[int]:
    """T, B, D, H and, with a readout, O."""
    state = next(name for name in case if name.startswith("last_"))
    readout = [case["outputs"].shape[2]] if "Wout" in case else []
    return [*case["x"].shape, case[state].shape[1], *readout]


def test_the_file_covers_what_it_should() -> None:
    assert all(len(set(case["outputs"].ravel())) > 1 for case in CASES.values())
    steps: dict[str, list[int]] = {}
    for label, case in CASES.items():
        cell, readout, loss, *_ = label.split("_")
        sizes = sizes_of(case)
        distinct = len(sizes) - (cell in equations.SQUARE)
        assert len(set(sizes)) == distinct, "two equal sizes hide a transposition"
        assert all(np.all(case[name] != 0) for name in equations.states_of(cell))
        if readout == "none":
            assert loss == "l2"
            steps.setdefault(cell, []).append(sizes[0])
    assert set(steps) == set(IN_PYTHON)
    assert all(found[:3] == [1, 2, 5] for found in steps.values())
    assert steps["gru"] == [1, 2, 5, 50]

    options: dict[str, list[list[str]]] = {loss: [] for loss in gc.losses}
    for label in CASES:
        _, readout, loss, *rest = label.split("_")
        if readout == "linear":
            options[loss].append(rest[4:])
    assert all(found == [[], ["steps"], ["targets", "lengths"]] for found in options.values()), (
        options
    )


def test_what_must_not_be_read_is_not_a_number() -> None:
    for label, case in CASES.items():
        y, unread = case["y"], np.zeros(case["y"].shape[:2], bool)
        if "loss_weights" in case:
            weights = case["loss_weights"]
            unread |= (weights if weights.ndim == 2 else weights[:, None]) == 0
        if "lengths" in case:
            ended = np.arange(len(unread))[:, None] >= case["lengths"]
            assert np.array_equal(np.isnan(case["x"]).all(axis=2), ended)
            unread |= ended
        marked = y < 0 if "cross-entropy" in label else np.isnan(y).all(axis=2)
        assert np.array_equal(marked, unread)


def errors(kernel: ModuleType, case: Case) -> Iterator[tuple[str, float]]:
    """What the kernel computes, and how far that is from what torch does."""
    params = kernel.Params(**{name: case[name] for name in kernel.Params._fields})
    x, y, s0 = case["x"], case["y"], state_of(kernel, [case[name] for name in kernel.STATES])
    ends = {"lengths": case["lengths"]} if "lengths" in case else {}
    options = ends | ({"loss_weights": case["loss_weights"]} if "loss_weights" in case else {})

    outputs, state = kernel.forward(params, x, s0, **ends)
    result = kernel.loss_and_gradients(params, x, y, s0, **options)
    yield "outputs", relative_error(outputs, case["outputs"])
    yield "loss alone", relative_error(kernel.loss(params, x, y, s0, **options), case["loss"])
    yield "loss", relative_error(result.loss, case["loss"])
    for found in (state, result.state):
        for name, after in zip(kernel.STATES, states_of(kernel, found), strict=True):
            yield name, relative_error(after, case[f"last_{name}"])
    for name, gradient in result.gradients._asdict().items():
        yield f"d{name}", relative_error(gradient, case[f"d{name}"])


@pytest.mark.parametrize(("label", "kind"), in_turn(CASES, KINDS), ids=str)
def test_torch(label: str, kind: Kind) -> None:
    cell, readout, loss, *_ = label.split("_")
    case = CASES[label]
    kernel = kind.load(cell, len(case["x"]), loss, readout)
    worst = max(errors(kernel, case), key=lambda found: found[1])
    assert worst[1] <= 1e-12, worst


@pytest.mark.parametrize(
    ("label", "kind"), in_turn([each for each in CASES if "_none_l2_" in each], KINDS), ids=str
)
def test_the_pullback(label: str, kind: Kind) -> None:
    """The adjoint of the outputs that the L2 cost has, pulled back to all that was given."""
    case = CASES[label]
    kernel = kind.load(label.split("_")[0], len(case["x"]))
    params = kernel.Params(**{name: case[name] for name in kernel.Params._fields})
    s0 = state_of(kernel, [case[name] for name in kernel.STATES])
    ends = {"lengths": case["lengths"]} if "lengths" in case else {}
    outputs, _, pullback = kernel.vjp(params, case["x"], s0, **ends)
    d_params, d_x, d_s0 = pullback(outputs - case["y"])

    found = {**d_params._asdict(), "x": d_x}
    found |= zip(kernel.STATES, states_of(kernel, d_s0), strict=True)
    for name, gradient in found.items():
        assert relative_error(gradient, case[f"d{name}"]) <= 1e-12, name
