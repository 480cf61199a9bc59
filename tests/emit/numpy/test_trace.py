"""`trace` returns what every equation computes, at every step, in every layout and unroll."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix
from gru_codegen.equations import size
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.prove import prove
from tests.shares import in_turn

FORMS: list[dict[str, Any]] = [
    *({"layout": layout, "unroll": unroll} for layout in LAYOUTS for unroll in (None, 3)),
    {"style": "textbook"},
    {"style": "textbook", "unroll": 1},
]
CELLS = Path(__file__).parents[2] / "verify" / "cells"


def sigmoid_of(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_matrix_of_the_gru_at_every_step(form: dict[str, Any]) -> None:
    kernel: Any = gc.load(gc.GRU, extras=["trace"], **form)
    rng, T = np.random.default_rng(0), kernel.UNROLL or 4
    p, x, S = kernel.init_params(2, 5, rng=0), rng.normal(size=(T, 3, 2)), rng.normal(size=(3, 5))
    found = kernel.trace(p, x, S)
    assert found._fields == ("Z", "R", "RS", "CA", "S") == kernel.ENTRY_POINTS["trace"]
    for t in range(T):
        Z, R = sigmoid_of(x[t] @ p.Wz + S @ p.Wrecz), sigmoid_of(x[t] @ p.Wr + S @ p.Wrecr)
        RS = R * S
        CA = np.tanh(x[t] @ p.Wca + RS @ p.Wrecca)
        S = (1 - Z) * S + Z * CA
        for name, right in (("Z", Z), ("R", R), ("RS", RS), ("CA", CA), ("S", S)):
            np.testing.assert_allclose(getattr(found, name)[t], right, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("form", "cell"), in_turn(FORMS, ["gru", "lstm-peephole", "delays"]), ids=str
)
def test_all_checks_hold(form: dict[str, Any], cell: str) -> None:
    declared = gc.cells[cell] if cell in gc.cells else load_cell(str(CELLS / f"{cell}.toml"))
    kernel = gc.load(declared, extras=["trace"], readout="linear", **form)
    report = pipeline.check(kernel, declared)
    assert report, report
    assert {each.method for each in report.checks if each.weight == "trace"} == ROWS
    proof: Any = report.proof
    assert "trace with lengths, s0" in proof.kinds


DECLARED, OTHERS = "the declared equations", "outputs and states"
PADDED, FACTS = "past the lengths", "shapes, dtypes, owners"
ROWS = {DECLARED, OTHERS, PADDED, FACTS}
FAULTS: dict[str, tuple[str, str, set[str]]] = {
    "a gate negated": ("return Trace(Z, R,", "return Trace(-Z, R,", {DECLARED}),
    "two gates exchanged": ("return Trace(Z, R,", "return Trace(R, Z,", {DECLARED}),
    "another step": (
        "return Trace(Z,",
        "return Trace(Z[::-1],",
        {DECLARED, PADDED},
    ),
    "the state before": ("CA, S)", "CA, S_prev)", {DECLARED, OTHERS}),
    "what is past the lengths": ("np.copyto(each, 0, where=ended)", "pass", {PADDED}),
    "the state not held": (
        "S[t] = np.where(ended[t], S_prev[t], S[t])",
        "pass",
        {PADDED},
    ),
    "zeros for s0": ("S_all[0] = w.S_first", "S_all[0] = 0", ROWS - {FACTS}),
    "float64": (
        "Z = np.empty((T, B, H), w.dtype)",
        "Z = np.empty((T, B, H))",
        {FACTS},
    ),
}


@pytest.mark.parametrize(("fault", "style"), in_turn(FAULTS, ["fast", "textbook"]))
def test_a_fault_is_seen(fault: str, style: Any) -> None:
    source = gc.generate(gc.GRU, style=style, extras=["trace"])
    head, found, lines = source.partition("\ndef _trace(")
    old, new, rows = FAULTS[fault]
    assert lines.count(old) == 1, old
    kernel = load_source(head + found + lines.replace(old, new), "kernel")
    report = pipeline.check(kernel, gc.GRU)
    failed = {each.method for each in report.failures if each.weight == "trace"}
    assert failed == rows
    assert not prove(kernel, gc.GRU, gc.L2)


def test_other_kernels_do_not_grow_by_it() -> None:
    plain, traced = gc.generate(gc.GRU), gc.generate(gc.GRU, extras=["trace"])
    lines = plain.splitlines()
    assert "trace" not in plain
    missing = [line for line in lines if line not in set(traced.splitlines())]
    assert missing == ["    gru-codegen generate --cell gru --unroll any --loss l2 --style fast"]


def test_several_inputs_are_turned_each() -> None:
    x, u, S_prev = matrix("x", B, D), matrix("u", B, size("P")), matrix("S_prev", B, H)
    W, U = matrix("W", D, H), matrix("Wu", size("P"), H)
    G, S = matrix("G", B, H), matrix("S", B, H)
    cell = Cell(
        name="two",
        title="cell with two inputs",
        source="a test",
        inputs=(x, u),
        weights=(W, U),
        states={S: S_prev},
        equations=(
            Equation(G, sigmoid(x * W + u * U), "gate"),
            Equation(S, hadamard(G, tanh(S_prev + u * U)), "state"),
        ),
    )
    for layout in LAYOUTS:
        kernel = gc.load(cell, extras=["trace"], layout=layout)
        report = pipeline.check(kernel, cell)
        assert report, report
