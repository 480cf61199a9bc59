"""Every style and layout preserves every value, on every cell, as kernels run it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.cost import cost
from gru_codegen.ir import Option, Program, kept_for_every_step
from gru_codegen.lower import lower
from gru_codegen.passes import (
    LAYOUTS,
    Layout,
    Style,
    coalesce_copies,
    eliminate_common_subexpressions,
    eliminate_dead_code,
    factor_sums,
    fission_loops,
    optimise,
    to_three_address_code,
)
from gru_codegen.polynomials import Polynomial
from tests.cells.sample import IN_PYTHON
from tests.passes.random_programs import handed_out
from tests.shares import in_turn

SIZES = {"B": 2, "D": 3, "H": 4, "O": 5}
PIPELINES: list[tuple[Style, Layout]] = [
    ("textbook", "rows"),
    *(("fast", layout) for layout in LAYOUTS),
]


def arrays(program: Program, steps: int, square: bool) -> dict[str, Any]:
    """Random values for all that the program is given; samples end at different steps."""
    rng = np.random.default_rng(7)
    sizes = {**SIZES, "D": SIZES["H"]} if square else SIZES
    values: dict[str, Any] = {}
    for var in program.variables().values():
        shape = tuple(sizes[letter] for letter in var.shape)
        if var.role == "lengths":
            values[var.name] = np.arange(steps)[:, None, None] >= np.array([steps, 1])[:, None]
        elif var.role == "loss weights":
            values[var.name] = rng.uniform(0.5, 1.5, (steps, sizes["B"], 1))
        elif var.role in ("input", "target") or var in program.seeds:
            values[var.name] = rng.standard_normal((steps, *shape))
        elif var.role in ("initial", "last", "weight"):
            values[var.name] = rng.standard_normal(shape) / 2
        elif var.role == "count":
            values[var.name] = steps * sizes["B"] * sizes["H"]
    return values


@cache
def lowered_cell(cell: str, loss: str) -> Program:
    return lower(gc.derive(gc.cells[cell], gc.losses[loss]))


def assert_same_results(
    before: Program, after: Program, given: dict[str, Any], steps: int, options: tuple[Option, ...]
) -> None:
    """Entry by entry: what one hands out, a later phase may write over."""
    kept = kept_for_every_step(after)
    for entry in ("pullback",) if "pullback" in options else ("forward", "loss", "gradients"):
        expected = handed_out(before, entry, given, steps, options)
        actual = handed_out(after, entry, given, steps, options, kept)
        for name, value in expected.items():
            np.testing.assert_allclose(
                actual[name], value, rtol=1e-12, atol=1e-12, err_msg=f"{entry}: {name}"
            )


@pytest.mark.parametrize(
    ("cell", "pipeline", "steps"), in_turn(IN_PYTHON, PIPELINES, [None, 1, 3]), ids=str
)
def test_every_style_preserves_every_value(
    cell: str, pipeline: tuple[Style, Layout], steps: int | None
) -> None:
    for loss in ("l2", "l2-mean", "bce") if cell in ("gru", "lstm", "sru") else ("l2",):
        program = lowered_cell(cell, loss)
        optimised = optimise(program, pipeline[0], steps, pipeline[1])
        given = arrays(program, steps or 3, square=cell == "sru")
        assert_same_results(program, optimised, given, steps or 3, ("lengths", "pullback"))
        for name, var in program.variables().items():
            if var.role == "last":  # nothing comes back from beyond the last step
                given[name] = 0 * given[name]
        assert_same_results(program, optimised, given, steps or 3, ("lengths", "loss weights"))


@pytest.fixture(scope="module")
def lowered() -> Program:
    return lower(gc.derive(gc.GRU))


def text(program: Program, phase: str) -> str:
    (found,) = (p for p in program.phases if p.name == phase)
    return "\n".join(str(block) for block in found.blocks)


def test_share_reads_what_is_there(lowered: Program) -> None:
    assert "CA[t] = tanh(x[t] @ Wca + (R[t] * S[t-1]) @ Wrecca)" in text(lowered, "forward")
    assert "CA[t] = tanh(x[t] @ Wca + RS[t] @ Wrecca)" in text(
        eliminate_common_subexpressions(lowered), "forward"
    )


def test_dead_code_goes_that_what_nobody_reads(lowered: Program) -> None:
    shared = eliminate_common_subexpressions(lowered)
    assert "dE[t] = E[t]" in text(shared, "loss")
    assert "dE[t]" not in text(eliminate_dead_code(shared), "loss")


def test_coalesce_computes_in_the_first_place(lowered: Program) -> None:
    program = eliminate_dead_code(eliminate_common_subexpressions(lowered))
    assert text(program, "loss").count("E[t]") == 4
    assert "dO[t] = S[t] - Y[t]" in text(coalesce_copies(program), "loss")


def test_factor_takes_fewer_operations(lowered: Program) -> None:
    assert "dZ[t] = dS[t] * (CA[t] - S[t-1])" in text(factor_sums(lowered), "backward")
    sizes = {"T": 5, **SIZES}
    assert cost(factor_sums(lowered)).flops.at(sizes) < cost(lowered).flops.at(sizes)


def test_loop_fission_leaves_three_products_a_step(lowered: Program) -> None:
    program = eliminate_dead_code(eliminate_common_subexpressions(lowered))
    assert cost(program, ("forward",)).gemms == Polynomial({("T",): 6})
    assert cost(fission_loops(program), ("forward",)).gemms == Polynomial({("T",): 3, (): 3})
    assert cost(fission_loops(program), ("backward",)).gemms == Polynomial({("T",): 3, (): 6})


def test_three_address_code_has_one_operation_a_line(lowered: Program) -> None:
    lines = text(
        to_three_address_code(
            fission_loops(
                factor_sums(eliminate_dead_code(eliminate_common_subexpressions(lowered)))
            )
        ),
        "forward",
    ).splitlines()
    assert [line.strip() for line in lines if "Z[t] =" in line or "Wrecz" in line] == [
        "term = S[t-1] @ Wrecz",
        "Z[t] = xWz[t] + term",
        "Z[t] = sigmoid(Z[t])",
    ]
