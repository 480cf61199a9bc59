"""The sections of single time steps: the names of shares, and what is said of the boxes."""

from __future__ import annotations

import re

import pytest

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.explain import document
from gru_codegen.explain.sections import steps
from gru_codegen.functions import tanh
from gru_codegen.readouts import linear
from tests.derive import declarations as d

G, S, S_prev, Wf, Wg = d.G, d.S, d.S_prev, d.Wf, d.Wg
#: The output is read off the state before, so that the error of a step reaches no Wg of the same.
LATE = d.cell("late", (Wg, Wf), {G: S_prev + d.x * Wf, S: tanh(d.x * Wg) + S_prev}, output=G)


def shares(text: str) -> list[str]:
    """The left sides that are derivatives, in order, each once."""
    return list(dict.fromkeys(re.findall(r"^[ |:]*(dL(?!ag)\S*/d.*?) +=", text, re.MULTILINE)))


def test_a_weight_of_an_output_that_the_loss_does_not_read_has_a_way_as_well() -> None:
    several = next(each for each in d.CELLS if each.name == "several-outputs")
    text = document(gc.derive(several), wrt="Wo")
    assert "(1) OG_t reads aOG_t." in text
    assert re.search(r"^    dOG_t +[=] 0", text, re.M)
    of_state = document(gc.derive(several), wrt="Uf")
    assert "Three derivatives lead from dS_t" in of_state


def test_a_share_says_of_which_losses_and_of_which_use_it_is() -> None:
    """dL_2/dWz itself is a sum over the uses of Wz at steps 1 and 2."""
    text = document(gc.derive(gc.GRU), unroll=3, wrt="Wz")
    assert shares(text) == [
        "dL_3/dWz at 3",
        "dL_2/dWz at 2",
        "dL_3/dWz at 2",
        "dL/dWz at 2",
        "dL_1/dWz at 1",
        "dL_{2..3}/dWz at 1",
        "dL/dWz at 1",
    ]
    latex = document(gc.derive(gc.GRU), unroll=3, at=1, wrt="Wz", format="latex")
    assert r"\partial L_{2 \dots 3} / \partial W_{z} \text{ at } 1 &= " in latex
    assert r"differ in the line of $\mathrm{d}S_{1}$ alone" in latex


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        (gc.GRU, "line of dS_1"),
        (gc.cells["lstm"], "lines of dS_1, dC_1"),
        (gc.cells["sru"], "lines of dR_1, daR_1, dR_part_1, dC_1"),
    ],
    ids=lambda case: case.name if isinstance(case, Cell) else "",
)
def test_only_lines_that_differ_are_said_to(cell: Cell, lines: str) -> None:
    text = " ".join(document(gc.derive(cell), unroll=2, at=1).split())
    assert f"Of the adjoints, the boxes differ in the {lines} alone" in text


def test_an_error_that_only_arrives_is_a_box_of_its_own() -> None:
    text = document(gc.derive(LATE), unroll=2, at=1, wrt="Wg")
    assert "1. Time step 1: an arriving error" in text
    assert "own error, of" not in text
    assert "What is shown gets its error at time step 1 from later steps alone." in text
    assert shares(text) == ["dL_2/dWg at 1", "dL/dWg at 1"]


def test_an_adjoint_of_a_step_has_no_ones_that_multiply_nothing() -> None:
    derivation = gc.derive(gc.cells["rnn"], gc.losses["huber"])
    assert "    | dS_1[own]    = clip(E_1)\n" in document(derivation, unroll=2, at=1, wrt="W")


def test_what_a_mean_divides_by_is_said_at_each_step() -> None:
    derivation = gc.derive(gc.GRU, gc.losses["l2-mean"])
    said = "The loss is a mean: all of these are still to be divided by T B H."
    for step in (1, 2):
        assert said in document(derivation, unroll=2, at=step)
    assert "mean" not in document(gc.derive(gc.GRU), unroll=2, at=1)


def test_every_shared_factor_has_a_mark_of_its_own() -> None:
    """At this step seven factors are shared."""
    derivation = gc.derive(linear(gc.cells["lstm"]), gc.losses["l2-mean"])
    for ascii in (True, False):
        text = document(derivation, unroll=2, at=1, ascii=ascii)
        marks = re.findall(r"^ {4}(\S)(\d+)\1 d\S+ +=", text, re.MULTILINE)
        assert [label for _, label in marks] == list("1234567")
        for line, label in marks:
            assert f" {line}{label}{line}{line}" in text  # under a formula
    latex = document(derivation, unroll=2, at=1, format="latex")
    for label in "1234567":
        assert latex.count(rf"\,{{\scriptscriptstyle [{label}]}}}}") > 1


def test_a_formula_too_long_to_be_written_in_full_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    derivation = gc.derive(gc.GRU)
    said = "In full, a formula of more than"
    assert said not in document(derivation, unroll=1, at=1, wrt="Wz", expand="full")
    monkeypatch.setattr(steps, "MOST_SYMBOLS", 10)
    assert f"{said} 10 symbols is not written." in document(
        derivation, unroll=1, at=1, wrt="Wz", expand="full"
    )
