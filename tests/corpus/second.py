"""The second writing of each cell, run over time and differentiated, without gru_codegen.

A step is a function of the weights, with the constants that are given, of x, which has several
inputs as its attributes, and of the states before it; it returns the output and the states after
it. Its name is that of the cell. In it every vector is one row, (1, H), so that any weight, input
or state may have an axis more in front: that of the numbers in it, each of which is changed in its
own copy. One run is then a complex step, Im L(a + ih) / h, by all of an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Step = Callable[..., tuple[Any, tuple[Any, ...]]]

#: Its square is below any round-off.
SMALL = 1e-60


def _steps() -> dict[str, Step]:
    folder = Path(__file__).parent / "steps"
    found: dict[str, Step] = {}
    for module in iter_modules([str(folder)]):
        names = vars(import_module(f"tests.corpus.steps.{module.name}"))
        for name in names["__all__"]:
            assert name not in found, f"{name} is written twice"
            found[name.replace("_", "-")] = names[name]
    return found


#: The step of each cell, by the name of the cell.
STEPS = _steps()


class Given(NamedTuple):
    """What a cell is given; vectors are rows."""

    weights: Mapping[str, Array]
    inputs: Mapping[str, Array]
    y: Array
    s0: Mapping[str, Array]
    constants: Mapping[str, Array]


class Run(NamedTuple):
    """What comes of it: the output of each step, the last states, the loss."""

    outputs: tuple[Array, ...]
    states: tuple[Array, ...]
    loss: Any


def run(step: Step, given: Given) -> Run:
    """The outputs, the last states and the loss, 1/2 sum (outputs - y)^2."""
    weights, states = SimpleNamespace(**given.weights, **given.constants), tuple(given.s0.values())
    outputs, loss = [], 0
    for t, y in enumerate(given.y):
        now = {name: array[..., t, :, :] for name, array in given.inputs.items()}
        x = SimpleNamespace(**now) if len(now) > 1 else next(iter(now.values()))
        output, states = step(weights, x, *states)
        outputs.append(output)
        loss = loss + ((output - y) ** 2).sum(axis=(-2, -1)) / 2
    return Run(tuple(outputs), states, loss)


def gradients(step: Step, given: Given) -> dict[str, Array]:
    """The gradient of the loss by every array that is given but y, by its name."""

    def changed(role: str, name: str, array: Array) -> Given:
        arrays: Any = {role: {**getattr(given, role), name: array}}
        return given._replace(**arrays)

    return {
        name: _gradient(step, array, partial(changed, role, name))
        for role in ("weights", "inputs", "s0")
        for name, array in getattr(given, role).items()
    }


def _gradient(step: Step, array: Array, changed: Callable[[Array], Given]) -> Array:
    copies = np.broadcast_to(array, (array.size, *array.shape)).astype(complex)
    copies.reshape(array.size, array.size)[np.diag_indices(array.size)] += SMALL * 1j
    return np.asarray(run(step, changed(copies)).loss.imag / SMALL).reshape(array.shape)
