from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.derive.writing import Prose
from gru_codegen.explain import FORMATS, document, sections
from gru_codegen.explain.model import Equations
from gru_codegen.explain.sections import explained
from gru_codegen.functions import log, tanh
from gru_codegen.notation import TEXT, Notation, Schema, leaves
from gru_codegen.steps import MOST_SHOWN
from tests.derive import declarations

HERE = Path(__file__).parent
TRIED = ("two-states", "one-product-two-gates", "biases", "peephole", "output-is-no-state")
CELLS = [*gc.cells.values(), *(cell for cell in declarations.CELLS if cell.name in TRIED)]


def section(text: str, heading: str) -> list[str]:
    """The lines of one section of a text, without its heading."""
    parts = re.split(r"^\d+\. (.+)\n-+\n\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading].splitlines()


def defined(lines: list[str]) -> list[str]:
    """What the equations among `lines` define, in order."""
    return [match[1] for line in lines if (match := re.match(r" {4}(\S+) += \S", line))]


def test_the_document_of_one_gradient() -> None:
    """If a change is meant: gru-codegen inspect --wrt Wz --unroll 2 --output <this file>."""
    expected = (HERE / "gru_wz_t2.txt").read_text()
    assert document(gc.derive(gc.GRU), wrt="Wz", unroll=2) == expected


def test_the_sections() -> None:
    headings = re.findall(r"^\d+\. .*", document(gc.derive(gc.GRU)), re.MULTILINE)
    assert headings == [
        "1. The cell",
        "2. Forward equations",
        "3. Normal form",
        "4. The Lagrangian",
        "5. Local derivatives, taken by SymPy",
        "6. Adjoint equations",
        "7. Gradients",
        "8. Shared factors, each computed once",
        "9. Lengths, loss weights, pullbacks",
    ]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_nothing_is_left_out_and_every_line_fits(cell: Cell) -> None:
    derivation = gc.derive(cell)
    write = derivation.notation.text
    text = document(derivation, unroll=2)
    assert max(map(len, text.splitlines())) <= 100

    forward, normal, adjoints, gradients = (
        defined(section(text, heading))
        for heading in ("Forward equations", "Normal form", "Adjoint equations", "Gradients")
    )
    assert forward == [*(write(e.target) for e in derivation.equations if not e.named_here), "L"]
    assert normal == [write(e.target) for e in derivation.equations]
    starts = [write(a.carry, "T") for a in derivation.adjoints if a.carry is not None]
    assert adjoints == [*starts, *(write(a.target) for a in derivation.adjoints)]
    assert gradients == [write(g.target) for g in derivation.gradients]

    local = section(text, "Local derivatives, taken by SymPy")
    assert sum(line.startswith("    diff(") for line in local) == len(derivation.local_derivatives)
    assert f"differentiated: {len(derivation.local_derivatives)} derivatives" in local[0]

    unrolled = derivation.unroll(2)
    equations = [*unrolled.forward, *unrolled.backward]
    assert defined(section(text, "Written out for T = 2")) == [
        *(unrolled.notation.text(symbol, 0) for symbol, _ in equations[: len(unrolled.forward)]),
        "L",
        *(unrolled.notation.text(symbol, 0) for symbol, _ in equations[len(unrolled.forward) :]),
        *gradients,
    ]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_one_gradient_shows_what_it_needs_and_no_more(cell: Cell) -> None:
    """Each adjoint that is read is shown, and each that is shown is read."""
    derivation = gc.derive(cell)
    for weight in (str(cell.weights[0]), str(cell.weights[-1])):
        assert max(map(len, document(derivation, wrt=weight, unroll=2).splitlines())) <= 100
        shown = explained(derivation, 2, weight).sections
        rows = {
            words_of(part.heading): [
                row
                for block in part.blocks
                if isinstance(block, Equations)
                for row in (row for group in block.groups for row in group)
            ]
            for part in shown
        }

        names = derivation.notation.steps
        recurrences = rows["Adjoint equations"] + rows["Gradients"]
        adjoints = {a.target for a in derivation.adjoints}
        targets = {names[row.left][0] for row in recurrences if row.left in adjoints}
        right = [getattr(row.right, "summand", row.right) for row in recurrences]
        read = {symbol for value in right for symbol in leaves(value)}
        carries = {a.carry for a in derivation.adjoints}
        assert targets == {names[symbol][0] for symbol in read & (adjoints | carries)}

        unrolled = derivation.unroll(2)
        steps = {symbol for symbol, _ in unrolled.backward}
        written_out = rows["Written out for T = 2"]
        read = {s for row in written_out if row.left != LOSS for s in leaves(row.right)}
        assert {row.left for row in written_out} & steps == read & steps


LOSS = Schema("L", "L")


def words_of(prose: Prose) -> str:
    return Notation((), ()).prose(prose, TEXT)


def test_unrolled_the_gradient_needs_less_of_the_first_step() -> None:
    lines = section(document(gc.derive(gc.GRU), wrt="Wz", unroll=2), "Written out for T = 2")
    shown = [name for name in defined(lines) if name[0] == "d"]
    assert shown[-1] == "dWz"
    last, first = (
        {name.removesuffix(f"_{step}") for name in shown if name.endswith(f"_{step}")}
        for step in (2, 1)
    )
    assert last - first == {"dCA", "daCA", "dRS", "dR", "daR", "dS_prev"}
    assert {"dE", "dS", "dZ", "daZ"} <= first < last


def test_a_gradient_that_would_fill_pages_is_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = gc.derive(gc.GRU)
    count = derivation.unroll(1).symbols_substituted("Wz")
    monkeypatch.setattr(sections, "_MOST_SYMBOLS", count)
    shown = section(document(derivation, wrt="Wz"), "Everything substituted")
    assert any(line.startswith("    dWz = x_1^T (") for line in shown)
    monkeypatch.setattr(sections, "_MOST_SYMBOLS", count - 1)
    counted = section(document(derivation, wrt="Wz"), "Everything substituted")
    assert not any("dWz" in line for line in counted)
    assert f"takes {count} symbols for T = 1, " in " ".join(counted)


def test_the_only_weight_is_one_weight_too() -> None:
    x, S, S_prev, Wg = (getattr(declarations, name) for name in ("x", "S", "S_prev", "Wg"))
    derivation = gc.derive(declarations.cell("sum", (Wg,), {S: x * Wg + S_prev}))
    assert "dx_t " in document(derivation)
    assert "dx_t " not in document(derivation, wrt="Wg")
    assert document(derivation, wrt="Wg").startswith("Sum: the gradient of Wg\n")


def test_it_says_which_part_is_whose() -> None:
    derivation = gc.derive(gc.GRU)
    words = " ".join(document(derivation).split())
    count = len(derivation.local_derivatives)
    assert f"differentiated: {count} derivatives, all by SymPy's matrix calculus" in words
    assert "All the rest is gru_codegen's: the normal form, the proofs, and adding up" in words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrt": "Wq"}, "wrt: 'Wq' is no weight of gru; its weights are Wz, Wrecz, Wca, Wrecca, "),
        ({"wrt": "x"}, "wrt: 'x' is no weight of gru"),
        ({"format": "html"}, "format: there is no 'html'; there are text, latex"),
        ({"unroll": 0}, "unroll: expected 1 to 64 time steps, got 0; the recurrences, shown "),
        ({"unroll": MOST_SHOWN + 1}, "unroll: expected 1 to 64 time steps, got 65; "),
        ({"unroll": "two"}, "unroll: expected a number of time steps or None, got 'two'"),
        ({"unroll": True}, "unroll: expected a number of time steps or None, got True"),
        ({"unroll": 2.0}, r"unroll: expected a number of time steps or None, got 2\.0"),
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
    for wrt in (None, "Wr"):
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
def test_the_document_is_plain_ascii_and_ends_with_its_last_line(format: Any) -> None:
    text = document(gc.derive(gc.GRU), unroll=2, wrt="Wca", format=format)
    assert text.isascii()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("loss", gc.losses.values(), ids=lambda loss: loss.name)
def test_what_a_loss_holds_constant_or_divides_by_is_said(loss: gc.Loss) -> None:
    derivation = gc.derive(gc.GRU, loss)
    shown = " ".join(section(document(derivation), "Forward equations"))
    assert ("divides this sum" in shown) == loss.mean
    assert shown.count("repeats the largest entry") == len(loss.shifts)
    for shift in derivation.loss.shifts:
        assert f"Each row of {derivation.notation.text(shift)} repeats" in shown
    assert (", still to be divided by T B O" in str(derivation)) == loss.mean


def test_functions_that_only_derivatives_apply_are_explained() -> None:
    """The derivative of log is reciprocal, which no equation of the cross-entropy has."""
    shown = document(gc.derive(gc.GRU, gc.losses["cross-entropy"]))
    assert "    reciprocal   1 / a\n" in shown
    assert "dLOG_t o reciprocal(Q_t)" in shown


def test_options_are_shown_as_equations() -> None:
    shown = section(document(gc.derive(gc.GRU)), "Lengths, loss weights, pullbacks")
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
    mean = " ".join(
        section(
            document(gc.derive(gc.GRU, gc.losses["l2-mean"])), "Lengths, loss weights, pullbacks"
        )
    )
    assert "A mean is the weight 1/(T B H) of every number." in mean
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
    assert f"    {text}" in section(document(derivation), "Adjoint equations")
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
    shown = section(document(gc.derive(cell)), "Lengths, loss weights, pullbacks")
    assert any("An argument of log, reciprocal might have any value" in line for line in shown)
    assert "    a'_t = M_t o c + (1 - M_t) o a_t" in shown
    assert "    da_t = (1 - M_t) o da'_t" in shown
