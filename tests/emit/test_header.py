"""What the head of a module says, and that every word of it means one thing."""

from __future__ import annotations

import re
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.emit.header import aligned
from gru_codegen.functions import tanh
from gru_codegen.passes import LAYOUTS


def head(source: str) -> str:
    return source.split('"""')[1]


def named(state: str) -> Cell:
    """A cell whose state has the name `state`."""
    x, W, U = matrix("x", B, D), matrix("W", D, H), matrix("U", H, H)
    S, S_prev = matrix(state, B, H), matrix(f"{state}_prev", B, H)
    step = Equation(S, tanh(x * W + S_prev * U), "state")
    return Cell("named", "named cell", "a test", (x,), (W, U), {S: S_prev}, (step,))


def masks(source: str) -> set[str]:
    """What comments and the head call the mask of steps that are padding."""
    said = re.findall(r"(\w+)_t is 1 in the rows of the samples for\s+which", head(source))
    return {
        *said,
        *re.findall(r"# where a step is padding: \S+ = (?:\(1 - )?(\w+)_t\b(?: o|\) o)", source),
    }


@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_the_mask_has_a_name_of_its_own(style: Any) -> None:
    assert masks(gc.generate(gc.GRU, style=style)) == {"M"}
    assert masks(gc.generate(named("M"), style=style)) == {"K"}
    lstm, loss = gc.cells["lstm"], gc.losses["cross-entropy"]
    source = gc.generate(lstm, loss=loss, readout="linear", style=style)
    assert masks(source) == {"K"}  # its M is the largest logit


def test_the_shift_of_a_loss_is_one_of_its_equations() -> None:
    kernel = gc.load(gc.GRU, loss=gc.losses["cross-entropy"])
    lines = [" ".join(line.split()) for line in kernel.EQUATIONS.splitlines()]
    shift = lines.index("M_t = largest of each row of O_t (B, H) shift")
    assert lines[shift - 1].startswith("O_t = ")
    assert lines[shift + 1].startswith("N_t = O_t - M_t ")


@pytest.mark.parametrize("name", ["gru", "lstm", "lstm-peephole"])
@pytest.mark.parametrize("layout", ["rows", "blocked", "columns", "folded"])
def test_costs_break_between_terms(name: str, layout: Any) -> None:
    text = head(gc.generate(gc.cells[name], layout=layout, readout="linear"))
    costs = text[text.index("Cost of forward:") :].splitlines()
    first = r"Cost of|Numbers in|and "
    goes_on = [line.strip() for line in costs if line.strip() and not re.match(first, line.strip())]
    broken = [line for line in goes_on if re.fullmatch(r"[-+*^A-Z0-9 ]+(flops)?", line)]
    whole = r"(\+ )?(\d+|(\d+ )?[A-Z](\^\d)?( [A-Z](\^\d)?)*)"
    assert len(broken) >= 2
    assert all(re.fullmatch(rf"{whole}( \+ {whole})*( flops)?", line) for line in broken)
    assert not re.search(r"\+\n|\d\n *[A-Z]|[A-Z]\n *[A-Z]\b(?! more)", "\n".join(costs))


@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize("layout", ["rows", "columns", "folded", None])
def test_costs_are_those_of_the_functions_that_are_run(name: str, layout: Any) -> None:
    """The products that the code of three steps has; a pullback has more, for the inputs."""
    style: Any = "fast" if layout else "textbook"
    source = gc.generate(gc.cells[name], layout=layout, style=style, unroll=3)
    products = {
        phase: len(re.findall(r"\.dot\(| @ |np\.matmul\(", code))
        for phase, code in re.findall(r"^def _(\w+)\((.*?)(?=^def |\Z)", source, re.M | re.S)
    }
    told = {
        function: int(number)
        for function, number in re.findall(r"Cost of (\w+): +(\d+) matrix products", head(source))
    }
    assert told["forward"] == products["forward"]
    assert told["loss_and_gradients"] == products["forward"] + products["backward"]
    assert products["inputs"] > 0


def test_identity_is_explained_where_it_is_written() -> None:
    explained = "identity(A) is the identity matrix with as many rows as A."
    folded, rows = (gc.generate(gc.GRU, layout=layout) for layout in ("folded", "rows"))
    assert "identity(" in folded.split('"""', 2)[2]
    assert explained in " ".join(head(folded).split())
    assert "identity(" not in rows


def test_rows_and_blocks_are_explained_where_there_are_any() -> None:
    said = {
        layout: " ".join(head(gc.generate(gc.GRU, layout=layout)).split()) for layout in LAYOUTS
    }
    gathered = {layout for layout, text in said.items() if "A_rows has those of all" in text}
    assert gathered == {"columns", "folded"}
    assert {layout for layout, text in said.items() if "A_blocks has" in text} == {"blocked"}


def test_a_mean_says_what_it_divides_by() -> None:
    said = "The mean is over the targets that count"
    assert said in str(gc.load(gc.GRU, loss=gc.losses["l2-mean"]).loss.__doc__)
    assert said not in str(gc.load(gc.GRU).loss.__doc__)


def test_a_long_equation_is_broken_before_an_operator() -> None:
    term = "sigmoid(x_t Wz + ones bz) o (1 - Z_t)"
    rows = (("S_t", " + ".join([term] * 4), "(B, H)", "state"),)
    first, second, shape = aligned(rows)
    assert first == f"S_t = {term} + {term}"
    assert second == f"      + {term} + {term}"
    assert shape == "    (B, H)   state"
