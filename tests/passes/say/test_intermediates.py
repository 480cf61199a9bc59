"""Every statement names its equations, after every pass, whatever has become of the equations."""

from __future__ import annotations

from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.derive import derive
from gru_codegen.ir import EquationId, Program
from gru_codegen.lower import lower
from gru_codegen.passes import LAYOUTS, attribute_intermediates, optimise, passes
from gru_codegen.request import complete
from tests.cells.sample import SAMPLE
from tests.passes.written import written
from tests.shares import in_turn

WAYS: list[tuple[Any, Any]] = [("fast", layout) for layout in LAYOUTS] + [("textbook", "rows")]


def lowered(cell: str) -> Program:
    return lower(derive(complete(gc.cells[cell], "none"), gc.L2))


@pytest.mark.parametrize(("cell", "way"), in_turn(SAMPLE, WAYS), ids=str)
def test_no_pass_loses_an_equation(cell: str, way: tuple[Any, Any]) -> None:
    (style, layout), program = way, lowered(cell)
    for change in passes(style, 4, layout):
        program = change(program)
        said = {each for s in program.statements() for each in s.origin.equations}
        assert said == set(program.equations), change
    for statement in program.statements():  # in the end none is without
        assert statement.origin.equations or statement.origin.serves, str(statement)


def test_an_intermediate_serves_what_reads_it_by_way_of_others_too() -> None:
    program = optimise(lowered("gru"), "fast", None, "columns")
    serves = {s.target.var.name: s.origin.serves for s in program.statements()}
    assert [str(each) for each in serves["W_aZ_aR"]] == ["forward Z", "forward R"]
    assert [str(each) for each in serves["aCA"]] == ["forward CA"]
    assert [str(each) for each in serves["S_by_aCA"]] == ["adjoint CA", "adjoint aCA"]
    # dS_prev has a term -dS o Z, which is -dCA
    assert [str(each) for each in serves["dS_prev_products"]] == ["adjoint CA", "adjoint S_prev"]


def test_an_intermediate_that_nothing_reads_serves_nothing() -> None:
    program = attribute_intermediates(written("Z[:] = x[:] @ Wz\nR[:] = Z[:]"))
    assert [s.origin.serves for s in program.statements()] == [(), ()]


@pytest.mark.parametrize("text", ["loss weights dO", "forward Z", "gradient Wz"])
def test_an_equation_is_read_as_it_prints(text: str) -> None:
    assert str(EquationId.read(text)) == text


@pytest.mark.parametrize("text", ["forward", "sideways Z", ""])
def test_what_is_no_equation_is_refused(text: str) -> None:
    with pytest.raises(gc.ProgramError, match="this is no equation; there are forward, adjoint"):
        EquationId.read(text)
