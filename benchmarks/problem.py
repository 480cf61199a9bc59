"""The problem of every contender at one size: arguments at random, and the results in float64."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gru_codegen as gc
from benchmarks import hand_written
from benchmarks.sizes import Size

__all__ = ["Array", "Problem", "cast", "disagreement", "load", "make_problem", "save"]

Array = NDArray[Any]


class Problem(NamedTuple):
    """Arguments and results, all by the names that the declaration of the cell uses.

    params: the weights. x: (T, B, D). y: (T, B, H). states: before the first step, (B, H) each.
    truth: in float64, the "loss", every last state and the gradient of every weight.
    """

    params: dict[str, Array]
    x: Array
    y: Array
    states: dict[str, Array]
    truth: dict[str, Array]


def make_problem(cell: str, size: Size, *, biases: bool = True) -> Problem:
    """A problem in float64, whose weights saturate no gate.

    biases: without them they are zero, and their gradients are no part of the truth.

    The truth of the reference GRU is hand-written; that of other cells is the generated kernel that
    does one equation a line, which the layers of torch.nn then have to agree with.
    """
    T, B, D, H = size
    kernel = gc.load(gc.cells[cell], style="textbook")
    rng = np.random.default_rng(0)
    params = {}
    for name, weight in kernel.init_params(D, H, rng=0)._asdict().items():
        rows = len(weight)
        if name.startswith("b"):
            params[name] = rng.uniform(-0.5, 0.5, size=weight.shape) * biases
        else:
            params[name] = rng.normal(scale=rows**-0.5, size=weight.shape)
    x = rng.normal(size=(T, B, D))
    y = rng.uniform(-0.8, 0.8, size=(T, B, H))
    states = {name: rng.uniform(-0.8, 0.8, size=(B, H)) for name in kernel.STATES}
    if cell == "gru":
        result: Any = hand_written.loss_and_gradients(
            hand_written.Params(**params), x, y, states["S"]
        )
    else:
        before = kernel.State(**states) if len(states) > 1 else states["S"]
        result = kernel.loss_and_gradients(kernel.Params(**params), x, y, before)
    loss, gradients, after = result
    truth = {"loss": np.asarray(loss), **gradients._asdict()}
    truth |= after._asdict() if len(states) > 1 else {"S": after}
    if not biases:
        truth = {name: array for name, array in truth.items() if not name.startswith("b")}
    return Problem(params, x, y, states, truth)


def save(problem: Problem, path: Path) -> None:
    """Write a problem to a file that any process may `load`, in whatever dtype."""
    path.write_bytes(pickle.dumps(problem))


def load(path: Path, dtype: str) -> Problem:
    """A problem with arguments in `dtype`; the truth stays in float64."""
    problem: Problem = pickle.loads(path.read_bytes())
    return cast(problem, dtype)


def cast(problem: Problem, dtype: str) -> Problem:
    """The problem with arguments in `dtype`; the truth stays in float64."""
    return Problem(
        params={name: weight.astype(dtype) for name, weight in problem.params.items()},
        x=problem.x.astype(dtype),
        y=problem.y.astype(dtype),
        states={name: state.astype(dtype) for name, state in problem.states.items()},
        truth=problem.truth,
    )


def disagreement(
    found: Mapping[str, Any], truth: Mapping[str, Array], omitted: Collection[str] = ()
) -> float:
    """The largest error of any array, relative to its largest entry; nan where one is not finite.

    Raises ValueError if arrays are missing that are not `omitted`, or of another shape.
    """
    if missing := set(truth) - set(found) - set(omitted):
        raise ValueError(f"does not return {', '.join(sorted(missing))}")
    errors = []
    for name, value in found.items():
        array, true = np.asarray(value, np.float64), truth[name]
        if array.shape != true.shape:
            raise ValueError(f"{name} has shape {array.shape}, not {true.shape}")
        errors.append(float(np.max(np.abs(array - true)) / np.max(np.abs(true))))
    return float(np.max(errors))  # np.max, unlike max, keeps a nan
