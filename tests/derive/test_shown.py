"""The parts of a derivation and a report show themselves: in a line, and in a notebook."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import gru_codegen as gc
from gru_codegen.verify.report import COLUMNS, Check
from tests.cells.sample import IN_PYTHON


@pytest.mark.parametrize("cell", IN_PYTHON.values(), ids=lambda cell: cell.name)
def test_every_part_has_a_line_and_latex(cell: gc.Cell) -> None:
    derivation = gc.derive(cell)
    write = derivation.notation.text
    parts = [*derivation.adjoints, *derivation.gradients, *derivation.local_derivatives]
    for part in (*parts, *derivation.shared):
        assert "\n" not in repr(part)
        assert repr(part).startswith(f"<{type(part).__name__} ")
        assert re.fullmatch(r"\$\$.+\$\$", part._repr_latex_())
    for adjoint in derivation.adjoints:
        assert str(adjoint) == f"{write(adjoint.target)} = {write(adjoint.factored)}"
    for term in derivation.local_derivatives:
        assert str(term).startswith("diff(")
        assert str(term).endswith(f" = {write(derivation.notation.arrange(term.expression))}")
        assert term.rules
        assert not re.search(r"_d\b|Dummy", str(term.literal)), "the same in every process"


def test_the_parts_of_the_reference_cell() -> None:
    derivation = gc.derive(gc.GRU)
    by_variable = {adjoint.of.name: adjoint for adjoint in derivation.adjoints}
    (slope,) = by_variable["aZ"].terms
    assert repr(by_variable["aZ"]) == "<AdjointEquation daZ_t = dZ_t o Z_t o (1 - Z_t)>"
    assert repr(derivation.gradients[0]) == "<Gradient dWz = sum_t x_t^T daZ_t>"
    assert str(derivation.shared[0]) == "dS_t, read by dCA_t, dZ_t, dS_prev_t"
    assert repr(slope) == "<LocalDerivative diff(<dZ_t, Z_t>, aZ_t) = dZ_t o Z_t o (1 - Z_t)>"
    assert slope.rules == ("elementwise function",)
    assert str(slope.literal) == (
        "HadamardProduct(Lambda(d, (1 - sigmoid(d))*sigmoid(d)).(aZ), dZ)"
    )
    rules = {(str(term.of), str(term.argument)): term.rules for term in by_variable["S_prev"].terms}
    assert rules == {
        ("aZ", "S_prev"): ("product",),
        ("aR", "S_prev"): ("product",),
        ("RS", "S_prev"): ("elementwise product",),
        ("S", "S_prev"): ("elementwise product", "sum"),
    }
    latex = r"$$\mathrm{d}a^{Z}_{t} = \mathrm{d}Z_{t} \circ Z_{t} \circ (1 - Z_{t})$$"
    assert by_variable["aZ"]._repr_latex_() == latex


def test_a_report_is_a_line_and_a_table() -> None:
    checks = (Check("Wz", "complex step", None, 1e-16, 1e-12), Check("a<b", "x", 1e-6, 1.0, 1e-6))
    report = gc.Report(checks, "gru at T=2")
    assert repr(report) == "<Report of gru at T=2: FAIL: 1 of 2 checks>"
    table = ElementTree.fromstring(f"<div>{report._repr_html_()}</div>")
    assert [cell.text for cell in table.iter("th")] == list(COLUMNS)
    assert [[cell.text or "" for cell in row.iter("td")] for row in table.iter("tr")][1:] == [
        list(check.cells) for check in checks
    ]
