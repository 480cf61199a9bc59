from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sympy.matrices.expressions.matexpr import MatrixExpr

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.explain import FORMATS, document
from gru_codegen.explain.model import Equations
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections import explained, steps
from gru_codegen.functions import log, tanh
from gru_codegen.inspection import inspect
from gru_codegen.notation import leaves
from gru_codegen.steps import MOST_SHOWN
from tests.cells.sample import SAMPLE
from tests.derive import declarations

HERE = Path(__file__).parent
TRIED = ("two-states", "one-product-two-gates", "biases", "peephole", "output-is-no-state")
CELLS = [*SAMPLE.values(), *(cell for cell in declarations.CELLS if cell.name in TRIED)]


OPTIONS = "Sequences with padding, loss weights, pullbacks"


def section(text: str, heading: str) -> list[str]:
    """The lines of one section of a text, without its heading."""
    parts = re.split(r"^\d+\. (.+)\n-+\n\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading].splitlines()


def defined(lines: list[str]) -> list[str]:
    """What the equations among `lines` define, in order."""
    return [match[1] for line in lines if (match := re.match(r" {4}(\S+) += \S", line))]


def test_the_document_of_one_gradient() -> None:
    """If a change is meant: GOLDEN=renew pytest tests/explain/test_document.py."""
    text = inspect(gc.GRU, wrt="Wz", unroll=2)
    golden = HERE / "gru_wz_t2.txt"
    if os.environ.get("GOLDEN") == "renew":
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_size_of_the_cells_own_is_among_the_sizes() -> None:
    said = gc.inspect("lstm-projection")
    assert "B batch size, D input size, P a size of this cell, H hidden size" in said


def test_the_sections() -> None:
    headings = re.findall(r"^\d+\. .*", inspect(gc.GRU, unroll=2), re.MULTILINE)
    assert headings == [
        "1. The cell",
        "2. What reads what",
        "3. One gradient, step by step: Wz",
        "4. All adjoints and gradients",
        "5. Forward at time steps 1 to 2",
        "6. Time step 2: six equations",
        "7. Time step 1: two errors",
        "8. The ways back through a step",
        "9. What is shared is computed once",
        "10. The code",
        "11. Sequences with padding, loss weights, pullbacks",
        "12. How far an error travels",
        "13. What is proved, what is checked",
        "14. Now you",
        "15. Appendix: the Lagrangian and the normal form",
    ]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_nothing_is_left_out_and_every_line_fits(cell: Cell) -> None:
    derivation = gc.derive(cell)
    write = derivation.notation.text
    text = document(derivation, unroll=2)
    assert max(map(len, text.splitlines())) <= 100

    declared, adjoints, normal = (
        defined(section(text, heading))
        for heading in ("The cell", "All adjoints and gradients", APPENDIX)
    )
    named = [write(e.target) for e in derivation.equations if e.named_here]
    assert declared == [*(n for n in normal[1:] if n not in named), "L", *named]
    assert normal == ["Lag", *(write(e.target) for e in derivation.equations)]
    starts = [write(a.carry, "T") for a in derivation.adjoints if a.carry is not None]
    targets = [a.target for a in derivation.adjoints] + [g.target for g in derivation.gradients]
    assert adjoints == [*starts, *map(write, targets)]

    chain = section(text, f"One gradient, step by step: {cell.weights[0]}")
    taken = sum(line.startswith("    diff(") for line in chain)
    steps = sum(line.startswith("    SymPy says") for line in chain)
    assert taken + steps == len(derivation.local_derivatives)

    forward = derivation.unroll(2).forward
    names = [derivation.unroll(2).notation.text(symbol, 0) for symbol, _ in forward]
    written_out = defined(section(text, "Forward at time steps 1 to 2"))
    assert written_out == [*names, "L_1", "L_2", "L"]


APPENDIX = "Appendix: the Lagrangian and the normal form"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_one_gradient_shows_what_it_needs_and_no_more(cell: Cell) -> None:
    """Each adjoint that is read is shown, and each that is shown is read."""
    derivation = gc.derive(cell)
    for weight in (str(cell.weights[0]), str(cell.weights[-1])):
        part = Part.of(derivation, (weight,), 2)
        (shown,) = [s for s in explained(part).sections if s.id == "adjoints"]
        equations = [block for block in shown.blocks if isinstance(block, Equations)]
        rows = [row for block in equations for group in block.groups for row in group]
        names = derivation.notation.steps
        adjoints = {a.target for a in derivation.adjoints}
        targets = {names[row.left][0] for row in rows if row.left in adjoints}
        right = [getattr(row.right, "summand", row.right) for row in rows]
        values = [value for value in right if isinstance(value, MatrixExpr)]
        read = {symbol for value in values for symbol in leaves(value)}
        carries = {a.carry for a in derivation.adjoints}
        assert targets == {names[symbol][0] for symbol in read & (adjoints | carries)}


def test_several_weights_may_be_asked_for() -> None:
    derivation = gc.derive(gc.GRU)
    text = document(derivation, wrt=("Wr", "Wz"))
    gradients = section(text, "All adjoints and gradients")
    assert [name for name in defined(gradients) if name in ("dWz", "dWr")] == ["dWz", "dWr"]
    assert "dWca " not in text.split("12. ")[0].split("4. All")[1].split("\n5. ")[0]
    assert text.startswith(
        "Where do the gradients of Wz, Wr of the gated recurrent unit come from?"
    )


def test_a_gradient_is_written_in_full_where_that_is_asked_for() -> None:
    derivation = gc.derive(gc.GRU)
    full = document(derivation, unroll=1, at=1, wrt="Wz", expand="full")
    hand = document(derivation, unroll=1, at=1, wrt="Wz")
    written = "".join(full.split())
    assert "o(tanh(x_1Wca+(sigmoid(x_1Wr+S_0Wrecr)oS_0)Wrecca)-S_0)" in written
    assert "sigmoid" not in hand


def test_a_formula_that_would_fill_pages_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = gc.derive(gc.GRU)
    count = derivation.unroll(1).symbols_substituted("Wz")

    def lines() -> int:
        text = document(derivation, unroll=1, at=1, wrt="Wz", expand="full")
        return len(re.findall(r"^ +=", text, re.MULTILINE))

    monkeypatch.setattr(steps, "MOST_SYMBOLS", count)
    assert lines() == 2
    monkeypatch.setattr(steps, "MOST_SYMBOLS", count - 1)
    assert lines() == 1


def test_the_only_weight_is_one_weight_too() -> None:
    x, S, S_prev, Wg = (getattr(declarations, name) for name in ("x", "S", "S_prev", "Wg"))
    derivation = gc.derive(declarations.cell("sum", (Wg,), {S: x * Wg + S_prev}))
    text = document(derivation, wrt="Wg")
    assert text == document(derivation)
    assert "One weight, so in total one gradient to find: Wg." in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrt": "Wq"}, "wrt: 'Wq' is no weight of gru; its weights are Wz, Wrecz, Wca, Wrecca, "),
        ({"wrt": ("Wz", "x")}, "wrt: 'x' is no weight of gru"),
        ({"format": "pdf"}, "format: there is no 'pdf'; there are text, latex"),
        ({"expand": "all"}, "expand: there is no 'all'; there are hand, full"),
        ({"at": 1}, "at: step 1 of how many\\? give unroll as well"),
        ({"at": 3, "unroll": 2}, "at: expected a step from 1 to 2, got 3"),
        ({"unroll": 0}, "unroll: expected 1 to 64 time steps, got 0; the recurrences, shown "),
        ({"unroll": MOST_SHOWN + 1}, "unroll: expected 1 to 64 time steps, got 65; "),
        ({"unroll": "two"}, "unroll: expected a number of time steps, 'any' or None, got 'two'"),
        ({"unroll": True}, "unroll: expected a number of time steps, 'any' or None, got True"),
        ({"unroll": 2.0}, r"unroll: expected a number of time steps, 'any' or None, got 2\.0"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        document(gc.derive(gc.GRU), **options)


PRINTED = """
import gru_codegen as gc
from gru_codegen.explain import FORMATS, document
derivation = gc.derive(gc.GRU)
for shown in (derivation, derivation.unroll(2)):
    print(shown, shown._repr_latex_())
for format in FORMATS:
    for wrt in ((), "Wr"):
        print(document(derivation, unroll=2, wrt=wrt, format=format))
"""


def test_the_words_are_the_same_in_every_process() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINTED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=HERE.parents[1],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "4242")
    ]
    assert len(printed[0]) > 30_000
    assert printed[0] == printed[1]


@pytest.mark.parametrize("format", FORMATS)
def test_the_document_is_plain_and_ends_with_its_last_line(format: Any) -> None:
    """ASCII but for the page, which has the characters of mathematics."""
    text = document(gc.derive(gc.GRU), unroll=2, wrt="Wca", format=format)
    assert text.isascii() == (format != "html")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("loss", gc.losses.values(), ids=lambda loss: loss.name)
def test_what_a_loss_holds_constant_or_divides_by_is_said(loss: gc.Loss) -> None:
    derivation = gc.derive(gc.GRU, loss)
    shown = " ".join(section(document(derivation), "The cell"))
    assert ("divides this sum" in shown) == loss.mean
    assert shown.count("repeats the largest entry") == len(loss.shifts)
    for shift in derivation.loss.shifts:
        assert f"Each row of {derivation.notation.text(shift)} repeats" in shown
    assert (", still to be divided by T B" in str(derivation)) == loss.mean


def test_functions_that_only_derivatives_apply_are_explained() -> None:
    """The derivative of log is reciprocal, which no equation of the cross-entropy has."""
    shown = document(gc.derive(gc.GRU, gc.losses["cross-entropy"]))
    assert "    reciprocal   1 / a\n" in shown
    assert "dLOG_t o reciprocal(Q_t)" in shown


def test_options_are_shown_as_equations() -> None:
    shown = section(document(gc.derive(gc.GRU)), OPTIONS)
    for line in (
        "S_t = M_t o S_{t-1} + (1 - M_t) o S'_t",
        "diff(<dS_t, S_t>, S_{t-1}) = dS_t o M_t",
        "diff(<dS_t, S_t>, S'_t)    = dS_t - dS_t o M_t",
        "dS'_t = (1 - M_t) o dS_t",
        "VE_t = V_t o E_t",
        "L    = sum_t 1/2 tr(E_t^T VE_t)",
        "diff(<dVE_t, VE_t>, E_t)       = dVE_t o V_t",
        "dS_prev_{T+1} = d_S",
    ):
        assert f"    {line}" in shown
    mean = " ".join(section(document(gc.derive(gc.GRU, gc.losses["l2-mean"])), OPTIONS))
    assert "A mean is the weight 1/(T B H) of every target." in mean
    assert r"S^{\prime}_{t}" in document(gc.derive(gc.GRU), format="latex")


@pytest.mark.parametrize(
    ("loss", "text", "latex"),
    [
        (
            "cross-entropy",
            "dO_t = softmax(O_t) - Y_t",
            r"\mathrm{d}O_{t} &= \operatorname{softmax}(O_{t}) - Y_{t}",
        ),
        ("bce", "dO_t = sigmoid(O_t) - Y_t", r"\mathrm{d}O_{t} &= \sigma(O_{t}) - Y_{t}"),
    ],
)
def test_an_adjoint_is_shown_as_everyone_knows_it(loss: str, text: str, latex: str) -> None:
    derivation = gc.derive(gc.GRU, gc.losses[loss])
    assert f"    {text}" in section(document(derivation), "All adjoints and gradients")
    assert latex in document(derivation, format="latex")


def test_arguments_that_could_be_out_of_range_are_said_to_be_blends() -> None:
    x, W = matrix("x", B, D), matrix("W", D, H)
    S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
    cell = Cell(
        name="logarithm",
        title="a cell with a pole",
        source="a test",
        inputs=(x,),
        weights=(W,),
        states={S: S_prev},
        equations=(Equation(S, tanh(log(x) * W) + S_prev, "state"),),
    )
    shown = section(document(gc.derive(cell)), OPTIONS)
    assert any("An argument of log, reciprocal might have any value" in line for line in shown)
    assert "    a'_t = M_t o c + (1 - M_t) o a_t" in shown
    assert "    da_t = (1 - M_t) o da'_t" in shown
