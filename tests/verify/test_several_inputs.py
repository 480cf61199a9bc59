"""Cells with several inputs, outputs and constants against independent lines, to 1e-12."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.verify.configuration import Problem, Sizes, inner, like, states
from tests.shares import in_turn
from tests.verify.independent import STEPS, run

FOLDER = Path(__file__).with_name("cells")
MANNERS: list[dict[str, Any]] = [
    {**manner, "unroll": unroll}
    for manner in [{"style": "textbook"}, *({"layout": str(name)} for name in LAYOUTS)]
    for unroll in (None, 3)
]
H = 1e-30j


class Truth:
    """Outputs, states and derivatives of one call, by the independent lines."""

    def __init__(self, name: str, kernel: ModuleType, lengths: Any) -> None:
        D = 2 if {"D", "H"} <= set(kernel.SIZES) else 5
        self.problem = problem = Problem(kernel, Sizes(3, 4, D, 5), 0)
        self.step, self.lengths = STEPS[name], lengths
        given = problem.arguments
        self.constants = given.constants._asdict() if given.constants else {}
        self.groups = (
            given.params._asdict(),
            dict(zip(problem.input_names, given.inputs, strict=True)),
            dict(zip(kernel.STATES, states(given.s0), strict=True)),
        )

    def run(self, groups: Any) -> Any:
        weights, inputs, before = groups
        fields = {name.removeprefix("x."): array for name, array in inputs.items()}
        return run(self.step, {**weights, **self.constants}, fields, before, self.lengths)

    def derivative(self, group: int, name: str, v: Any, d_outputs: Any, d_state: Any) -> float:
        """The derivative of <d_outputs, outputs> + <d_state, state> along `v` of one array."""
        moved = [dict(each) for each in self.groups]
        moved[group][name] = moved[group][name] + H * v
        outputs, last = self.run(moved)
        value = inner(outputs, d_outputs)
        value += sum((last[n] * d).sum() for n, d in d_state.items())
        return float(value.imag / H.imag)


@pytest.mark.parametrize(("manner", "name"), in_turn(MANNERS, STEPS), ids=str)
def test_a_kernel_is_the_cell_as_it_is_written_independently(
    manner: dict[str, Any], name: str
) -> None:
    cell = load_cell(str(FOLDER / f"{name}.toml"))
    kernel = gc.load(cell, **manner)
    for lengths in (np.array([3, 0, 2, 1]), np.full(4, 3)):
        truth = Truth(name, kernel, lengths)
        given, rng = truth.problem.arguments, np.random.default_rng(1)
        outputs, last, pullback = kernel.vjp(*given.run, lengths=lengths)
        expected, expected_last = truth.run(truth.groups)
        for put_out, right in zip(states(outputs), expected, strict=True):
            np.testing.assert_allclose(put_out, right, 0, 1e-12)
        for found, state in zip(states(last), kernel.STATES, strict=True):
            np.testing.assert_allclose(found, expected_last[state], 0, 1e-12)
        d_outputs = truth.problem.drawn_like_outputs(rng)
        d_last = {n: rng.standard_normal(a.shape) for n, a in expected_last.items()}
        d_params, d_x, d_s0 = pullback(d_outputs, like(last, d_last.values()))
        plain = [s.name for s in cell.without_gradient]
        for group, found in enumerate((d_params, states(d_x), states(d_s0))):
            for field, gradient in zip(truth.groups[group], found, strict=True):
                if field.removeprefix("x.") in plain:
                    assert gradient is None
                    continue
                v = rng.standard_normal(gradient.shape)
                slope = truth.derivative(group, field, v, d_outputs, d_last)
                assert (gradient * v).sum() == pytest.approx(slope, 1e-12, 1e-12), field
