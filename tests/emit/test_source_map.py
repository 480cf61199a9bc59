"""Source maps: which lines compute which equation, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.emit.source_map import SourceMap
from gru_codegen.ir import EquationId
from gru_codegen.passes import LAYOUTS

Z, R = EquationId("forward", "Z"), EquationId("adjoint", "R")

#: For each form of a kernel the arguments that ask for it.
FORMS: dict[str, dict[str, Any]] = {layout: {"layout": layout} for layout in LAYOUTS}
FORMS["textbook"] = {"style": "textbook"}


@pytest.fixture
def small() -> SourceMap:
    lines = [(3, (Z,)), (4, (Z, R)), (5, ()), (7, (Z,)), (8, (R,))]
    return SourceMap.of("", {Z: "Z_t = x_t", R: "dR_t = dS_t"}, lines)


def test_lines_of_an_equation_are_runs(small: SourceMap) -> None:
    assert small.equations == (Z, R)
    assert small.lines_of(Z) == small.lines_of("forward Z") == (range(3, 5), range(7, 8))
    assert small.lines_of("adjoint R") == (range(4, 5), range(8, 9))


def test_equations_of_a_line(small: SourceMap) -> None:
    found = {line: small.equations_of(line) for line in range(2, 9)}
    assert found == {2: (), 3: (Z,), 4: (Z, R), 5: (), 6: (), 7: (Z,), 8: (R,)}


@pytest.mark.parametrize("equation", ["forward R", "Z", EquationId("forward", "R")])
def test_what_is_no_equation_of_it_is_an_error(small: SourceMap, equation: Any) -> None:
    with pytest.raises(KeyError, match=r"R|Z"):
        small.lines_of(equation)


def test_a_map_is_json(small: SourceMap) -> None:
    assert json.loads(json.dumps(small.as_json())) == {
        "forward Z": {"equation": "Z_t = x_t", "lines": [[3, 4], [7, 7]]},
        "adjoint R": {"equation": "dR_t = dS_t", "lines": [[4, 4], [8, 8]]},
    }


def test_a_map_prints_as_a_table(small: SourceMap) -> None:
    assert str(small).splitlines() == [
        "forward Z  3-4, 7",
        "               Z_t = x_t",
        "adjoint R  4, 8",
        "               dR_t = dS_t",
    ]


def test_columns_of_the_table_are_as_wide_as_the_longest_name() -> None:
    short, long = EquationId("loss", "L"), EquationId("gradient", "Wz")
    table = SourceMap.of("", {short: "L = 1", long: "dWz = 2"}, [(3, (long,))])
    assert str(table).splitlines() == [
        "loss L       no line",
        "                 L = 1",
        "gradient Wz  3",
        "                 dWz = 2",
    ]


@pytest.mark.parametrize("unroll", [None, 4])
@pytest.mark.parametrize("form", FORMS)
def test_every_equation_has_code_of_its_own(form: str, unroll: int | None) -> None:
    """In each step, and every line of a phase that computes anything is of some equation."""
    found = gc.source_map(gc.cells["lstm"], unroll=unroll, **FORMS[form])
    assert found.source == gc.generate(gc.cells["lstm"], unroll=unroll, **FORMS[form])
    lines = found.source.splitlines()
    for each in found.equations:
        some = [lines[n - 1].strip() for run in found.lines_of(each) for n in run]
        code = [line for line in some if not line.startswith("#")]
        assert code, each
        assert any(line.startswith("#") for line in some), each
    mapped = {n for runs in found.ranges.values() for run in runs for n in run}
    calls = {n for n, line in enumerate(lines, 1) if line.strip().startswith("np.tanh(")}
    assert calls <= mapped


def code_of(found: SourceMap, equation: str) -> list[str]:
    lines = [found.source.splitlines()[n - 1] for run in found.lines_of(equation) for n in run]
    return [line.strip() for line in lines if not line.strip().startswith("#")]


def test_the_lines_of_a_textbook_equation_are_what_it_says() -> None:
    found = gc.source_map(gc.GRU, style="textbook")
    assert code_of(found, "adjoint R") == ["dR = dRS * S_prev[t]"]
    assert code_of(found, "forward S") == ["S[t] = (1 - Z[t]) * S_prev[t] + Z[t] * CA[t]"]
    assert code_of(found, "gradient Wz")[-1] == "dWz += x[t].T @ daZ[t]"


def test_an_equation_has_the_lines_of_its_intermediates() -> None:
    """In the fast style dZ is a part of what multiplies dS to give daZ."""
    found = gc.source_map(gc.GRU)
    code = code_of(found, "adjoint Z")
    assert "np.subtract(CA, S_prev, S_by_aZ)" in code
    assert "np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)" in code
    (run,) = found.lines_of("forward S")
    assert code_of(found, "forward S") == [
        "np.subtract(CA_t, S_prev_t, S_t)",
        "np.multiply(S_t, Z_t, S_t)",
        "np.add(S_t, S_prev_t, S_t)",
    ]
    assert all(EquationId("forward", "S") in found.equations_of(line) for line in run)


def test_lines_that_no_equation_needs_have_none() -> None:
    found = gc.source_map(gc.GRU)
    lines = found.source.splitlines()
    assert found.equations_of(1) == found.equations_of(len(lines)) == ()
    assert found.equations_of(lines.index("class Params(NamedTuple):") + 1) == ()


def test_every_step_of_a_written_out_kernel_is_mapped() -> None:
    found = gc.source_map(gc.GRU, unroll=3, style="textbook")
    assert len(code_of(found, "adjoint R")) == 3


def test_what_a_map_is_asked_for_is_what_a_kernel_is() -> None:
    with pytest.raises(ValueError, match="layout: there is no 'diagonal'"):
        gc.source_map(gc.GRU, layout="diagonal")  # type: ignore[arg-type]
