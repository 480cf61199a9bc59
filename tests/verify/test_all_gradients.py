"""Faults in all gradients at once, and in pullbacks without d_x, each fail the rows about them."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.prove import prove
from gru_codegen.verify import verify
from tests.shares import in_turn

OTHERS, STEP = "results of the others", "complex step"
DIFFERENCE, PULLED = "central difference", "with a pullback"
ROWS = {OTHERS, STEP, DIFFERENCE, PULLED}
FORMS: list[dict[str, Any]] = [
    {"style": "textbook", "unroll": 3},
    {"layout": "rows"},
    {"layout": "columns"},
]


class Fault(NamedTuple):
    """Replace ``old`` with ``new``, and ``rows`` about all gradients fail."""

    old: str
    new: str
    rows: set[str]


#: In the lines that every form has; `_scalar(...)` and what follows is the result.
FAULTS = {
    "d_state forgotten": Fault(
        "last = _last(d_state, w)\n        _f",
        "last = _last(None, w)\n        _f",
        {STEP, DIFFERENCE, PULLED},
    ),
    "d_state ones if None": Fault(
        "last = _last(d_state, w)\n        _f",
        "last = _last(w.S_last * 0 + 1 if d_state is None else d_state, w)\n        _f",
        {OTHERS, STEP, PULLED},
    ),
    "inputs halved": Fault(
        "d_x = _inputs(params, w)\n", "d_x = _inputs(params, w) / 2\n", {STEP, DIFFERENCE, PULLED}
    ),
    "s0 negated": Fault(
        "d_x, first[0].copy(), out", "d_x, -first[0], out", {STEP, DIFFERENCE, PULLED}
    ),
    "a gradient for another": Fault(
        "_scalar(total, w), gradients, d_x",
        "_scalar(total, w), gradients._replace(Wz=gradients.Wr), d_x",
        {OTHERS, STEP, DIFFERENCE, PULLED},
    ),
    "loss doubled": Fault(
        "AllGradients(_scalar(total, w)", "AllGradients(2 * _scalar(total, w)", {OTHERS}
    ),
    "outputs once more": Fault(
        "first[0].copy(), outputs, state", "first[0].copy(), outputs * 2, state", {OTHERS}
    ),
    "the first state": Fault(
        "outputs, state)\n    finally", "outputs, outputs[0])\n    finally", {OTHERS}
    ),
    "d_x for every pullback": Fault(" if inputs else None", "", {PULLED}),
    "no d_x for any pullback": Fault(" if inputs else None", " if not inputs else None", {PULLED}),
}


@cache
def source(form: int) -> str:
    return gc.generate(gc.GRU, **FORMS[form])


@pytest.mark.parametrize(("fault", "form"), in_turn(FAULTS, range(len(FORMS))))
def test_a_fault_fails_the_rows_about_it_and_is_refuted(fault: str, form: int) -> None:
    old, new, rows = FAULTS[fault]
    assert source(form).count(old) == 1, old
    kernel = load_source(source(form).replace(old, new), "kernel")
    failed = {each.method for each in verify(kernel).failures if each.weight == "all_gradients"}
    assert failed == rows
    assert not prove(kernel, gc.GRU, gc.L2)


def test_a_right_kernel_has_all_rows_and_each_has_a_fault() -> None:
    report = verify(gc.load(gc.GRU))
    assert report
    assert {each.method for each in report.checks if each.weight == "all_gradients"} == ROWS
    assert set().union(*(fault.rows for fault in FAULTS.values())) == ROWS


def test_what_the_pullback_leaves_out_is_not_computed() -> None:
    kernel: Any = gc.load(gc.GRU)
    params = kernel.init_params(2, 5, rng=0)
    outputs, _, pullback = kernel.vjp(params, [[[1.0, 2.0]]] * 3)
    kernel._inputs = None  # cannot be called
    assert pullback(outputs, inputs=False)[1] is None
    outputs, _, pullback = kernel.vjp(params, [[[1.0, 2.0]]] * 3)
    with pytest.raises(TypeError):
        pullback(outputs)


#: Its tanh is saturated, and a mask leaves 4e-10 of the gradient of W0, of which 1e-5 is round-off.
SATURATED = '''
name = "saturated"
title = "saturated cell, drawn at random"
source = "nowhere"
states = { S0 = "(B, H)", S1 = "(B, H)", S2 = "(B, 1)" }
constants = { C0 = "legendre_delay_input(H)", C1 = "ones(H)", C2 = "(H, 1)" }
output = ["S0", "S2", "G2"]
equations = """
G0 = (relu(S0_prev * S0_prev) @ W0) - (-3/2 * (lag(S1, 1) * S1_prev))
G1 = positive(((G0 * G0) + (S2_prev * (G0 @ W1)) + W2) + 1/7)
G2 = abs(((x * x) @ W3) + (S0_prev @ W4) + ((G1 * S0_prev) @ (W0 * W4)))
S0 = tanh(abs((minimum(G2, 1/7) * S1_prev) - G0 ** 2 - C0))
U0 = W6 * W7
U1 = erf(C1)
S1 = normal_cdf((U0 * (S0 @ W5)) - S1_prev - U1)
S2 = gelu((S1 @ W8) + (S1 @ C2) + (S0 @ W9) + (W10 * W7))
"""

[weights]
W0 = "(H, H)"
W1 = "(H, H)"
W2 = "(H,)"
W3 = "(D, H)"
W4 = "(H, H)"
W5 = "(H, H)"
W6 = "()"
W7 = "()"
W8 = "(H, 1)"
W9 = "(H, 1)"
W10 = "()"
'''


def test_round_off_in_what_a_mask_leaves_of_a_gradient_refuses_no_right_kernel() -> None:
    chosen: dict[str, Any] = {"loss": "huber", "readout": "linear", "layout": "rows", "unroll": 2}
    cell = gc.load_cell(SATURATED)
    report = gc.check(gc.load(cell, **chosen), cell, loss="huber")
    assert report, str(report)
    assert not any(check.inaccurate for check in report.checks), str(report)
