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
