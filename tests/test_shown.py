"""All that the package gives shows itself in a short line, and formulas in a notebook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import gru_codegen as gc
from gru_codegen.audit import Audit, Finding
from gru_codegen.cell import B, D, H, lag, matrix
from gru_codegen.grade import Grade, Line, template
from gru_codegen.plan import plan

CELLS = Path(__file__).parent / "verify" / "cells"
DERIVATION = gc.derive("rnn")
PROGRAM = gc.program("rnn")
CHECK = gc.verify(gc.load("rnn", unroll=1)).checks[0]

SHOWN = {
    "<Cell rnn: simple recurrent network>": gc.RNN,
    "<Equation S = tanh(x W + S_prev Wrec + ones b)>": gc.RNN.equations[0],
    "<Loss l2: L2 cost, at every time step>": gc.L2,
    "<Derivation of rnn, l2: dW, dWrec, db>": DERIVATION,
    "<NormalEquation aS = x W + S_prev Wrec + ones b>": DERIVATION.equations[0],
    "<Unrolled: 2 time steps, dW, dWrec, db>": DERIVATION.unroll(2),
    "<Options: lengths, loss weights and pullback of S>": DERIVATION.options,
    "<Hold S = M o S_prev + (1 - M) o S'>": DERIVATION.options.holds[0],
    "<Guard a' = M o c + (1 - M) o a>": DERIVATION.options.guard,
    "<Weighting VE = V o E>": DERIVATION.options.weighting,
    f"<Program rnn: forward, loss, backward, inputs; any T, {len([*PROGRAM.statements()])} "
    "statements>": PROGRAM,
    f"<Plan of {PROGRAM!r}: {len(plan(PROGRAM).arrays)} arrays>": plan(PROGRAM),
    f"<Check W, central difference: pass, {CHECK.worst_error:.1e} of 1e-07>": CHECK,
}


@pytest.mark.parametrize("line", SHOWN)
def test_a_line_says_what_it_is(line: str) -> None:
    assert repr(SHOWN[line]) == line
    assert len(line) < 120


def test_a_program_of_some_steps_says_so() -> None:
    assert "; T = 3, " in repr(gc.program("rnn", unroll=3))


def test_a_source_map_counts() -> None:
    found = gc.source_map("rnn")
    lines = len(found.source.splitlines())
    assert repr(found) == f"<SourceMap: {len(found.texts)} equations in {lines} lines>"


def test_a_grade_has_its_verdict(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    blank = template(DERIVATION, "rnn")
    file.write_text(blank.replace('dE = ""', 'dE = "E"'))
    grade = gc.grade(file)
    said = f"{file}: simple recurrent network, L2 cost, at every time step: {grade.verdict}"
    assert repr(grade) == f"<Grade of {said}>"
    assert "1 of " in repr(grade)
    assert repr(grade.lines[0]) == "<Line dE: right>"


def test_audits_and_grades_are_their_text_in_a_notebook() -> None:
    line = Line("dS", "a < b", 3, "wrong", ("it is <b>",))
    for result in (
        Grade("mine.toml & more", (line,)),
        Audit("f", "gru & l2", (Finding("dWz", 0.5, "is <that> of Wr"),)),
    ):
        shown = result._repr_html_()
        assert ElementTree.fromstring(shown).text == str(result)
        assert shown.startswith("<pre>")


def test_every_form_of_a_declaration_is_shown() -> None:
    S, W, x = matrix("S", B, H), matrix("W", D, H), matrix("x", B, D)
    assert repr(gc.Equation(S, lag(S, 3) + x * W)) == "<Equation S = Lag(S, 3) + x*W>"
    for file in CELLS.glob("*.toml"):
        cell = gc.load_cell(file)
        assert [repr(each)[:10] for each in cell.equations] == ["<Equation "] * len(cell.equations)
        assert cell._repr_latex_().count("&=") == len(cell.equations)


def test_an_equation_in_a_notebook() -> None:
    W, x = matrix("W", D, H), matrix("x", B, D)
    shown = gc.Equation(matrix("S", B, H), x * W)
    assert shown._repr_latex_() == r"$$S = x \, W$$"


def test_a_cell_in_a_notebook() -> None:
    assert gc.GRU1._repr_latex_().splitlines()[1] == (
        r"Z_{t} &= \sigma(S_{t-1} \, W_{\mathrm{rec},z} + \mathbf{1} \, b_{z}) \\"
    )
    assert gc.RNN._repr_latex_() == (
        "$$\\begin{aligned}\n"
        r"S_{t} &= \tanh(x_{t} \, W + S_{t-1} \, W_{\mathrm{rec}} + \mathbf{1} \, b)"
        "\n\\end{aligned}$$"
    )


def test_a_loss_in_a_notebook() -> None:
    assert gc.losses["l2-mean"]._repr_latex_() == (
        "$$\\begin{aligned}\nE_{t} &= P_{t} - Y_{t} \\\\\n"
        r"T\,B\,O\,L &= \sum_{t=1}^{T} \operatorname{tr}(E_{t}^{\top} \, E_{t})"
        "\n\\end{aligned}$$"
    )
    assert "\nL &= " in gc.L2._repr_latex_()


def tables(derivation: Any) -> dict[str, list[str]]:
    """The rows under each heading of a derivation in a notebook, as the text that is in them."""
    root = ElementTree.fromstring(f"<div>{derivation._repr_html_()}</div>")
    shown = zip(root.findall("h4"), root.findall("table"), strict=True)
    return {
        str(heading.text): ["".join(row.itertext()) for row in table] for heading, table in shown
    }


def test_a_derivation_in_a_notebook() -> None:
    shown = tables(DERIVATION)
    assert shown["Gradients"][1].endswith("read by aS_t")
    assert {heading: len(rows) for heading, rows in shown.items()} == {
        "Forward equations": 1,
        "Normal form, which SymPy differentiates": 4,
        "Loss": 1,
        "Adjoint equations, for t = T .. 1": 7,
        "Gradients": 3,
    }
    assert all(heading in str(DERIVATION) for heading in shown)


@pytest.mark.parametrize("name", ["layernorm-lstm", "gru-d", str(CELLS / "of_weights.toml")])
def test_derivations_with_other_forms_in_a_notebook(name: str) -> None:
    shown = tables(gc.derive(name))
    assert len(shown["Forward equations"]) == len(gc.load_cell(name).equations)
    assert ("Adjoints outside the time loop" in shown) == ("of_weights" in name)


def test_words_are_no_markup() -> None:
    cell = replace(gc.RNN, title="a <b> & c")
    assert "<p>a &lt;b&gt; &amp; c, " in gc.derive(cell)._repr_html_()
