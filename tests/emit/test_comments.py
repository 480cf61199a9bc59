"""Comments: every equation of a derivation has a place in every kernel, in a form that holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.derive import derive
from gru_codegen.emit.comments import Comments, groups
from gru_codegen.ir import EquationId, Expr, Formula, Origin, Ref, Statement, Var
from gru_codegen.lower import lower
from gru_codegen.passes import LAYOUTS
from gru_codegen.request import complete
from tests.cells.sample import SAMPLE
from tests.emit.programs import into, of_one_step, op, timed, weight, whole
from tests.shares import in_turn

A, B, C = timed("A"), timed("B"), timed("C")
add, multiply, tanh = op("add"), op("multiply"), op("tanh")
U, W = weight("U", "H", "H"), weight("W", "H", "H")

#: For each form of a kernel the arguments that ask for it.
_FORMS: dict[str, dict[str, Any]] = {layout: {"layout": layout} for layout in LAYOUTS}
_FORMS["textbook"] = {"style": "textbook"}


def said(source: str) -> str:
    """What the comments of a kernel's phases say, each behind a semicolon."""
    lines = [line.strip() for line in source[source.index("\ndef _forward(") :].splitlines()]
    comments = [line for line in lines if line.startswith("#")]
    text = " ".join(re.sub(r"^# (?! )", "; ", line).lstrip("# ") for line in comments)
    return " ".join(text.split())


def says(text: str, equation: str) -> bool:
    """Whether `equation` is there in full, not as a part of another one."""
    return bool(re.search(rf"(?<!\w){re.escape(equation)}(?=$| ?[;,]| +=| +\S+ =)", text))


@pytest.mark.parametrize(("cell", "form", "unroll"), in_turn(SAMPLE, _FORMS, [None, 4]))
def test_every_equation_of_the_derivation_is_said(cell: str, form: str, unroll: int | None) -> None:
    text = said(gc.generate(gc.cells[cell], unroll=unroll, **_FORMS[form]))
    program = lower(derive(complete(gc.cells[cell], "none"), gc.L2))
    assert [f.text for f in program.equations.values() if not says(text, f.text)] == []


@pytest.mark.parametrize(("loss", "form"), in_turn(gc.losses, _FORMS))
def test_so_is_every_one_of_a_loss_and_a_readout(loss: str, form: str) -> None:
    asked: Any = {"loss": gc.losses[loss], "readout": "linear", **_FORMS[form]}
    text = said(gc.generate(gc.cells["lstm"], **asked))
    program = lower(derive(complete(gc.cells["lstm"], "linear"), gc.losses[loss]))
    assert [f.text for f in program.equations.values() if not says(text, f.text)] == []


def test_the_table_has_every_equation_of_the_derivation() -> None:
    derivation = derive(complete(gc.GRU, "none"), gc.L2)
    table = lower(derivation).equations
    text = derivation.notation.text
    texts = {formula.text for formula in table.values()}
    for adjoint in derivation.adjoints:
        factored = adjoint.factored
        assert f"{text(adjoint.target)} = {text(factored)}" in texts
        assert EquationId("adjoint", adjoint.of.name) in table
    for equation in derivation.forward_equations:
        assert f"{text(equation.target)} = {text(equation.declared)}" in texts
    kinds = [each.kind for each in table if each.kind in ("forward", "loss", "gradient")]
    assert kinds == ["forward"] * 7 + ["loss"] + ["gradient"] * 6  # in the order of computation
    assert {each.subject for each in table if each.kind == "gradient"} == set(
        map(str, gc.GRU.weights)
    )


# --- single comments -----------------------------------------------------------------------------


def equation(kind: str, target: Ref, value: Expr, text: str) -> tuple[EquationId, Formula]:
    formula = Formula(text, f"meaning of {target.var.name}", target, value)
    return EquationId(kind, target.var.name), formula  # type: ignore[arg-type]


def lines(equations: dict[EquationId, Formula], *statements: Statement) -> list[str]:
    comments = Comments(equations)
    some = [[s for s in group if isinstance(s, Statement)] for group in groups(statements)]
    return [line for group in some for line in comments.lines(group, "")]


def test_another_form_stands_behind_the_derived_one() -> None:
    each, formula = equation("adjoint", A, add(multiply(B, C), B), "A_t = B_t o C_t + B_t")
    factored = multiply(B, add(C, whole(1)))
    assert lines({each: formula}, Statement(A, factored, Origin((each,)))) == [
        "# A_t = B_t o C_t + B_t = B_t o (C_t + 1)"
    ]


def test_a_remark_stands_behind_all_forms() -> None:
    each, formula = equation("adjoint", A, add(multiply(B, C), B), "A_t = B_t o C_t + B_t")
    statement = Statement(A, multiply(B, add(C, whole(1))), Origin((each,)))
    assert list(Comments({each: formula}).lines([statement], "", ", which is there already")) == [
        "# A_t = B_t o C_t + B_t = B_t o (C_t + 1), which is there already"
    ]


def test_another_order_is_no_other_form() -> None:
    each, formula = equation("forward", A, add(multiply(B, C), B), "A_t = B_t o C_t + B_t")
    turned = add(B, multiply(C, B))
    assert lines({each: formula}, Statement(A, turned, Origin((each,)))) == [
        "# meaning of A: A_t = B_t o C_t + B_t"
    ]


def test_an_eliminated_variable_is_said_where_its_value_enters_and_once() -> None:
    inner, of_b = equation("adjoint", B, tanh(C), "B_t = tanh(C_t)")
    outer, of_a = equation("adjoint", A, tanh(B), "A_t = tanh(B_t)")
    origin = Origin((inner, outer))
    statement, again = Statement(A, tanh(tanh(C)), origin), into(C, tanh(A))
    assert lines({inner: of_b, outer: of_a}, statement, again, statement) == [
        "# B_t = tanh(C_t); A_t = tanh(B_t)",
        "# meaning of C: C_t = tanh(A_t)",
        "# A_t = tanh(B_t)",
    ]


def test_what_is_computed_at_once_is_said_to_be() -> None:
    some = dict(
        equation("forward", ref, tanh(C), f"{ref.var.name}_t = tanh(C_t)") for ref in (A, B)
    )
    origin = Origin(tuple(some), ((A, tanh(C)), (B, tanh(C))))
    both = Statement(of_one_step("A_B"), tanh(C), origin)
    assert lines(some, both) == [
        "# meaning of A and meaning of B at once: A_t = tanh(C_t); B_t = tanh(C_t)"
    ]
    long = {each: replace(f, text=f"{f.text} + {'D' * 50}") for each, f in some.items()}
    assert lines(long, both) == [
        "# meaning of A and meaning of B at once:",
        f"#     A_t = tanh(C_t) + {'D' * 50};",
        f"#     B_t = tanh(C_t) + {'D' * 50}",
    ]


def test_adjoints_that_are_computed_at_once_are_named_by_their_variables() -> None:
    some = dict(
        equation("adjoint", ref, tanh(C), f"{ref.var.name}_t = tanh(C_t)") for ref in (A, B)
    )
    both = Statement(of_one_step("A_B"), tanh(C), Origin(tuple(some), ((A, tanh(C)), (B, tanh(C)))))
    assert lines(some, both)[0].startswith("# adjoints of A and B at once: A_t = ")


def test_the_masks_of_lengths_stand_under_one_comment() -> None:
    some = dict(
        equation("lengths", ref, tanh(C), f"{ref.var.name}_t = tanh(C_t)") for ref in (A, B)
    )
    made = [
        Statement(formula.target, formula.value, Origin((each,)), given=("lengths",))
        for each, formula in some.items()
    ]
    [line] = lines(some, *made)
    assert "at once" not in line  # each has a statement of its own


def test_what_is_made_of_weights_stands_under_one_comment() -> None:
    made = [Ref(Var(name, ("H", "H"), "work", meaning="weights")) for name in ("W_p", "W_q")]
    values = [multiply(whole(2), each) for each in (U, W)]
    assert lines({}, *map(into, made, values)) == ["# weights: W_p = 2 U; W_q = 2 W"]
