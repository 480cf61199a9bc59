"""How a module's lines are laid out when they are long."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
W = matrix("W", D, H)
TERMS = [matrix(name, H, H) for name in ("Wrecbig", "Wrecmid", "Wrecsum", "Wrectop")]
Z, S = matrix("Z", B, H), matrix("S", B, H)

FORMS = [(unroll, style) for style in ("fast", "textbook") for unroll in (None, 2)]


@pytest.fixture(scope="module")
def cell() -> Cell:
    """A cell with four recurrent products in one equation."""
    gate = x * W
    for term in TERMS:
        gate += S_prev * term
    candidate = hadamard(Z, tanh(x * W))
    return Cell(
        name="long",
        title="cell with a long sum",
        source="a test",
        inputs=(x,),
        weights=(W, *TERMS),
        states={S: S_prev},
        equations=(
            Equation(Z, sigmoid(gate), "gate"),
            Equation(S, hadamard(ones(B, H) - Z, S_prev) + candidate, "state"),
        ),
    )


@pytest.mark.parametrize(("unroll", "style"), FORMS)
def test_no_line_is_too_long(cell: Cell, unroll: int | None, style: Any) -> None:
    source = gc.generate(cell, unroll=unroll, style=style)
    assert not [line for line in source.splitlines() if len(line) > 100]


def test_a_long_sum_has_a_line_for_each_term(cell: Cell) -> None:
    source = gc.generate(cell, style="textbook")
    expected = """
        dS_prev = (
            dS * (1 - Z[t])
            + daZ[t] @ Wrecbig.T
            + daZ[t] @ Wrecmid.T
            + daZ[t] @ Wrecsum.T
            + daZ[t] @ Wrectop.T
        )
"""
    assert expected in source


def test_a_long_argument_of_a_function_has_a_line_for_each_term(cell: Cell) -> None:
    source = gc.generate(cell, style="textbook")
    lines = [line.strip() for line in source.splitlines()]
    for term in TERMS:
        assert f"+ S_prev[t] @ {term.name}" in lines


@pytest.mark.parametrize(("unroll", "style"), FORMS)
def test_wrapping_changes_no_value(cell: Cell, unroll: int | None, style: Any) -> None:
    assert pipeline.check(gc.load(cell, unroll=unroll, style=style), cell)


@pytest.mark.parametrize(("unroll", "style"), FORMS)
def test_an_equation_is_quoted_once_for_the_lines_that_compute_it(
    cell: Cell, unroll: int | None, style: Any
) -> None:
    source = gc.generate(cell, unroll=unroll, style=style)
    comments = [line for line in source.splitlines() if line.lstrip().startswith("# ")]
    assert not [one for one, other in pairwise(comments) if one == other]


@pytest.mark.parametrize("form", [("fast", "columns"), ("fast", "blocked"), ("textbook", None)])
def test_a_module_has_those_functions_of_the_runtime_that_it_calls(form: tuple[Any, Any]) -> None:
    style, layout = form
    source = gc.generate(gc.GRU, style=style, layout=layout)
    nodes = list(ast.walk(ast.parse(source)))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    read = {node.id for node in nodes if isinstance(node, ast.Name)}
    shared = {"_rows", "_blocks", "_inner", "_turned"}
    assert defined & shared == read & shared != set()
    assert ("_blocks" in defined) == (layout == "blocked")
