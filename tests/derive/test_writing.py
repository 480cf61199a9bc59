from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.derive.writing import Row, aligned, text_lines
from gru_codegen.functions import tanh
from gru_codegen.notation import LATEX, Notation, Schema
from tests.cells.sample import IN_PYTHON
from tests.derive import declarations

DECLARED = [(cell, gc.L2) for cell in (*IN_PYTHON.values(), *declarations.CELLS)] + [
    (gc.GRU, loss) for loss in declarations.LOSSES
]


@pytest.fixture(params=DECLARED, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def derivation(request: pytest.FixtureRequest) -> gc.Derivation:
    return gc.derive(*request.param)


def test_the_text_of_a_derivation() -> None:
    """If a change is meant: python -c 'import gru_codegen as gc; print(gc.derive(gc.GRU))'."""
    expected = (Path(__file__).parent / "gru.txt").read_text()
    assert f"{gc.derive(gc.GRU)}\n" == expected


def test_a_weight_that_is_read_twice_has_a_sum_under_the_sum() -> None:
    x, G, S, S_prev, Wg, Ug = (
        getattr(declarations, name) for name in ("x", "G", "S", "S_prev", "Wg", "Ug")
    )
    twice = {G: tanh(x * Wg + S_prev * Ug), S: tanh(G * Ug)}
    text = str(gc.derive(declarations.cell("twice", (Wg, Ug), twice)))
    assert " dWg = sum_t x_t^T daG_t " in text
    assert re.search(
        r" dUg = sum_t \((G_t\^T daS_t|S_\{t-1\}\^T daG_t| \+ ){3}\)   read by a", text
    )


def test_text_stays_within_the_page(derivation: gc.Derivation) -> None:
    assert max(map(len, str(derivation).splitlines())) <= 104  # 100 and the indentation
    assert max(map(len, str(derivation.unroll(3)).splitlines())) <= 100


def rows(latex: str) -> list[str]:
    """The rows of a notebook's display, each with one & at which it is aligned."""
    opening, closing = "$$\\begin{aligned}\n", "\n\\end{aligned}$$"
    assert latex.startswith(opening)
    assert latex.endswith(closing)
    found = re.split(r" \\\\(?:\[\w+\])?\n", latex.removeprefix(opening).removesuffix(closing))
    assert all(row.count("&") == 1 for row in found)
    return found


def test_a_notebook_shows_every_equation(derivation: gc.Derivation) -> None:
    latex = derivation.notation.latex
    shown = [row.split(" &= ")[0] for row in rows(derivation._repr_latex_()) if " &= " in row]
    targets = [equation.target for equation in derivation.equations]
    targets += [adjoint.target for adjoint in derivation.adjoints]
    targets += [gradient.target for gradient in derivation.gradients]
    carries = [latex(a.carry, "T") for a in derivation.adjoints if a.carry is not None]
    assert sorted(shown) == sorted([*map(latex, targets), *carries, "L"])


def test_a_notebook_shows_an_unrolled_derivation(derivation: gc.Derivation) -> None:
    unrolled = derivation.unroll(2)
    shown = [row for row in rows(unrolled._repr_latex_()) if " &= " in row]
    count = len(unrolled.forward) + len(unrolled.backward) + len(unrolled.gradients) + 1
    assert len(shown) == count
    assert len([line for line in str(unrolled).splitlines() if " = " in line]) == count


# --- columns --------------------------------------------------------------------------------------

PLAIN = Notation((), ())


def formula(text: str) -> Any:
    return Schema(text, text)


def drawn(*given: Row, width: int) -> list[str]:
    return list(text_lines([given], PLAIN, width=width))


def test_remarks_stand_in_one_column_and_move_where_a_formula_is_too_long() -> None:
    short = Row(formula("A"), formula("B C"), ("first",))
    long = Row(formula("long"), formula("D" * 12), ("second",))
    assert drawn(short, long, width=30) == [
        "A    = B C            first",
        "long = DDDDDDDDDDDD   second",
    ]
    assert drawn(short, long, width=27) == [
        "A    = B C   first",
        "long = DDDDDDDDDDDD",
        "             second",
    ]


def test_groups_are_aligned_with_each_other() -> None:
    groups = [[Row(formula("A"), formula("B"))], [Row(formula("CC"), formula("D"))]]
    assert list(text_lines(groups, PLAIN)) == ["A  = B", "", "CC = D"]
    assert aligned(groups, PLAIN) == (
        "$$\\begin{aligned}\nA &= B \\\\[1ex]\nCC &= D\n\\end{aligned}$$"
    )


def test_long_formulas_continue_under_their_first_line() -> None:
    gradient = gc.derive(gc.GRU).unroll(5)
    (row,) = [row for row in gradient.gradient_rows() if row.left.name == "dWz"]
    assert list(text_lines([[row]], gradient.notation, 0, 50)) == [
        "dWz = x_1^T daZ_1 + x_2^T daZ_2 + x_3^T daZ_3",
        "        + x_4^T daZ_4 + x_5^T daZ_5",
    ]
    assert rows(aligned([[row]], gradient.notation, 0, 36)) == [
        r"\mathrm{d}W_{z} &= x_{1}^{\top} \, \mathrm{d}a^{Z}_{1} "
        r"+ x_{2}^{\top} \, \mathrm{d}a^{Z}_{2} + x_{3}^{\top} \, \mathrm{d}a^{Z}_{3}",
        r"&\quad {}+ x_{4}^{\top} \, \mathrm{d}a^{Z}_{4} + x_{5}^{\top} \, \mathrm{d}a^{Z}_{5}",
    ]


def test_the_widest_left_side_leaves_the_room_for_every_right_side() -> None:
    notation = gc.derive(gc.GRU).notation
    (adjoint,) = [a for a in gc.derive(gc.GRU).adjoints if str(a.target) == "dS_prev"]
    wide, long = Row(formula("A" * 40), formula("B")), Row(adjoint.target, adjoint.expression)
    found = rows(aligned([[wide], [long]], notation, width=80))
    assert len(found) == 3
    assert all(40 + 3 + LATEX.width(row.split("&")[1]) <= 80 for row in found)
    assert max(map(len, text_lines([[wide], [long]], notation, width=80))) <= 80
