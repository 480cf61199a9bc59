from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.explain import document
from gru_codegen.functions import sigmoid, tanh
from tests.cells.sample import SAMPLE
from tests.derive import declarations


def awkward() -> Cell:
    """Names that TeX takes amiss, words that it reads as commands, and formulas of any length."""
    x, hidden_prev = matrix("x_in", B, D), matrix("hidden_state_prev", B, H)
    gates = [matrix(f"{name}_{n}", B, H) for n in (1, 2) for name in ("gate", "Zg")]
    weights = [matrix(f"V_{gate.name}", D, H) for gate in gates]
    recurrent, hidden = matrix("U_rec_1", H, H), matrix("hidden_state", B, H)
    equations = [
        Equation(gate, sigmoid(x * weight + hidden_prev * recurrent), "100 % of A & B_1 ~ #2")
        for gate, weight in zip(gates, weights, strict=True)
    ]
    mixed = hidden_prev
    for gate in gates:
        mixed = mixed + hadamard(ones(B, H) - gate, tanh(gate), hidden_prev)
    return Cell(
        name="awkward",
        title="a cell_with {every} $character & 100 % of them #1 ~ ^ < > |",
        source="nowhere_in particular, section 1 & 2",
        inputs=(x,),
        weights=(*weights, recurrent),
        states={hidden: hidden_prev},
        equations=(*equations, Equation(hidden, mixed, "state")),
    )


TRIED = ("two-states", "peephole")
CELLS = [*SAMPLE.values(), awkward(), *(c for c in declarations.CELLS if c.name in TRIED)]
pdflatex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="pdflatex is not installed (apt install texlive-latex-recommended)",
)


@pytest.fixture(scope="module", params=CELLS, ids=lambda cell: cell.name)
def cell(request: pytest.FixtureRequest) -> Cell:
    declared: Cell = request.param
    return declared


@pytest.fixture(scope="module", params=["all", "one"])
def latex(request: pytest.FixtureRequest, cell: Cell) -> str:
    weights = (str(cell.weights[-1]),) if request.param == "one" else ()
    return document(gc.derive(cell), unroll=2, wrt=weights, format="latex")


def test_plain_packages_are_enough(latex: str) -> None:
    assert re.findall(r"\\usepackage(?:\[[^]]*\])?\{(\w+)\}", latex) == [
        "amsmath",
        "xcolor",
        "geometry",
    ]
    assert re.findall(r"\\documentclass\[a4paper,fleqn\]\{(\w+)\}", latex) == ["article"]


def test_braces_and_environments_are_balanced(latex: str) -> None:
    assert latex.isascii()
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert latex.replace(r"\$", "").count("$") % 2 == 0
    opened: list[str] = []
    for begins, name in re.findall(r"\\(begin|end)\{([a-z]+\*?)\}", latex):
        if begins == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []


def displays(latex: str) -> list[str]:
    return re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", latex, re.DOTALL)


def test_every_line_of_a_display_is_aligned_at_one_place(latex: str) -> None:
    found = displays(latex)
    assert len(found) >= 6
    for display in found:
        lines = display.split("\n")
        assert all(line.replace(r"\&", "").count("&") == 1 for line in lines)
        ends = [re.search(r"\\\\\*?(\[1\.2ex\])?$", line) is not None for line in lines]
        assert ends == [True] * (len(lines) - 1) + [False]


def test_a_display_belongs_to_the_paragraph_before_it(latex: str) -> None:
    """An empty line there would be an empty line on paper, and a place for a page break."""
    assert "\n\n\\begin{align*}" not in latex


def test_symbols_have_one_superscript_and_one_subscript_at_most(latex: str) -> None:
    script = r"[_^]\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
    for formula in displays(latex) + re.findall(r"\$([^$]*)\$", latex):
        for scripts in re.findall(f"(?:{script}){{2,}}", formula):
            kinds = [mark[0] for mark in re.findall(script, scripts)]
            assert sorted(kinds) == sorted(set(kinds)), scripts


def test_a_bold_one_is_explained_where_it_is_used(latex: str) -> None:
    bold = r"\mathbf{1}"
    assert (rf"1 \text{{ or }} {bold}" in latex) == any(bold in text for text in displays(latex))


@pdflatex
def test_it_compiles_and_nothing_runs_off_the_page(latex: str, tmp_path: Path) -> None:
    typeset(latex, tmp_path)


@pdflatex
def test_nor_does_what_is_not_of_the_derivation(tmp_path: Path) -> None:
    """The table of checks, and how far errors travel."""
    typeset(gc.inspect(gc.GRU, unroll=2, format="latex"), tmp_path)


def typeset(latex: str, folder: Path) -> None:
    """Make the pages, of which nothing runs off."""
    (folder / "derivation.tex").write_text(latex)
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert run.returncode == 0, run.stdout
    assert not re.findall(r"^Overfull.*|^.*[Ww]arning.*", run.stdout, re.MULTILINE)
    assert (folder / "derivation.pdf").stat().st_size > 10_000


@pdflatex
def test_what_a_notebook_shows_compiles_too(cell: Cell, tmp_path: Path) -> None:
    derivation = gc.derive(cell)
    displays = [derivation._repr_latex_(), derivation.unroll(1)._repr_latex_()]
    page = r"\documentclass{article}\usepackage{amsmath}\usepackage[margin=25mm]{geometry}"
    body = "\n\n".join(displays)
    (tmp_path / "cell.tex").write_text(f"{page}\\begin{{document}}{body}\\end{{document}}")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "cell.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert run.returncode == 0, run.stdout
