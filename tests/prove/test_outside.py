"""Lines outside the time loop, of weights alone: the proof passes them, and none that is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sympy.matrices.expressions.special import ZeroMatrix

import gru_codegen as gc
from gru_codegen.losses import L2
from gru_codegen.passes import LAYOUTS
from gru_codegen.pipeline import check
from gru_codegen.prove import prove
from gru_codegen.prove.expected import Reference
from gru_codegen.prove.field import Field
from gru_codegen.prove.points import Point
from tests.derive.test_outside import MADE
from tests.planted import planted

STYLES: list[dict[str, Any]] = [{"style": "textbook"}, *({"layout": each} for each in LAYOUTS)]


@pytest.mark.parametrize("unroll", [None, 3])
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_they_are_proved_in_every_form(style: dict[str, Any], unroll: int | None) -> None:
    assert prove(gc.load(MADE, unroll=unroll, **style), MADE, L2)


#: What is changed in a line of the textbook kernel, behind the loop or before it.
FAULTS = {
    "no adjoint added": ("    dU += dS_weights * sigmoid(U) + dUe * lam\n", ""),
    "one term short": (" + dUe * lam\n", "\n"),
    "a sign": ("    da = -dalam\n", "    da = dalam\n"),
    "in place of added": ("    dU += dS_weights", "    dU = dS_weights"),
    "rows for columns": ("dUe_weights.sum(axis=0)", "dUe_weights.sum(axis=1)"),
    "transposed": ("Ue[...] = lam * U", "Ue[...] = lam * U.T"),
    "no slope": ("dlam * lam", "dlam"),
    "computed once too few": ("    S_weights[...] = softplus(U)\n", ""),
    "at the last step alone": ("        dUe += ", "        dUe = "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_line_is_refuted_and_fails_the_checks(name: str) -> None:
    source = gc.generate(MADE, style="textbook")
    before, after = FAULTS[name]
    wrong = planted(source, before, after)
    assert not prove(wrong, MADE, L2)
    assert not check(wrong, MADE)


def test_the_derivation_is_held_to_the_declaration() -> None:
    """One that drops what is added once is refuted, whatever a module computes."""
    derivation, point = gc.derive(MADE), Point(Field(1), MADE, L2, 3, 3)
    dropped = tuple(
        replace(each, once=ZeroMatrix(*each.weight.shape)) for each in derivation.gradients
    )
    given = frozenset({"s0"})
    assert Reference(derivation, point).differentiates_as_declared(given)
    wrong = replace(derivation, gradients=dropped)
    assert not Reference(wrong, point).differentiates_as_declared(given)
