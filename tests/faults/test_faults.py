"""What guards `generate` catches every fault that changes what a kernel computes.

Thousands of faults are planted in generated kernels, one at a time: every line of the forward pass,
the loss and the backward pass dropped in turn, every sign flipped, every array taken for others of
its shape, every transpose dropped or added, the carry forgotten, and so on (see `mutation`). Each
fault that changes any output, state, loss or gradient (see `oracle`) has to fail `pipeline.check`,
and to be refuted by the proof, in the campaign all of them and else a sample.
Two of the committed kernels get a sample whenever the tests run. The campaign plants them all, in
these two and in every form and cell: make test-faults. Run with `-rP` to see the counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from tests.cells.sample import IN_PYTHON
from tests.faults.campaign import PARTS, REST, planted, run
from tests.faults.guard import first_failure, prover
from tests.faults.oracle import Oracle

GENERATED = Path(__file__).parents[2] / "generated"
COMMITTED = ("gru_t2.py", "gru_textbook.py")

#: Cell, readout, unroll and layout, or textbook; what is not the reference cell gets a sample.
FORMS = [
    *(("gru", "none", unroll, layout) for unroll in (None, 3) for layout in LAYOUTS),
    ("gru", "none", 3, "textbook"),
    ("gru", "none", 2, "columns"),  # these two are the committed ones
    ("gru", "none", None, "textbook"),
    ("lstm", "linear", 2, "columns"),
    *(
        (name, readout, unroll, layout)
        for name in IN_PYTHON
        if name != "gru"
        for readout, unroll, layout in (
            ("linear", None, "rows"),
            ("linear", None, "columns"),
            ("none", 2, "folded"),
            ("none", 2, "textbook"),
        )
    ),
]
#: Cells that are hard to check: no right kernel of them is refused, nor a wrong one let through.
HARD = Path(__file__).parents[1] / "verify" / "cells"
FORMS += [
    (path.stem, "none", unroll, layout)
    for path in sorted(HARD.glob("*.toml"))
    for unroll, layout in ((None, "rows"), (None, "columns"), (2, "folded"), (2, "textbook"))
]
#: Those that get every fault: the reference cell, and one with two states, biases and a readout.
IN_FULL = {*(form for form in FORMS if form[0] == "gru"), ("lstm", "linear", 2, "columns")}
#: How many faults are planted in a part of the others.
SAMPLE = 25
#: How many are planted in a part of a committed kernel where there is no campaign: of about 560.
USUALLY = 40
#: One of so many is put to the proof where there is no campaign.
PROVED = int(os.environ.get("PROVED", "10"))

pytestmark = pytest.mark.filterwarnings("ignore")  # a kernel with a fault may well overflow


@pytest.mark.parametrize("part", [*PARTS, REST])
@pytest.mark.parametrize("name", COMMITTED)
def test_faults_in_a_committed_kernel_are_caught(
    name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (GENERATED / name).read_text()
    guard, proving = first_failure(gc.GRU, monkeypatch), prover(gc.GRU, monkeypatch)
    outcome = run(source, part, guard, proving, USUALLY, every=PROVED)
    print(outcome)
    outcome.require(part)


@pytest.mark.campaign  # minutes of faults: make test-faults
@pytest.mark.parametrize("part", [*PARTS, REST])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form)))
def test_every_fault_is_caught(form: Any, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, readout, unroll, layout = form
    cell = gc.cells[name] if name in gc.cells else load_cell(str(HARD / f"{name}.toml"))
    manner: Any = {"style": "textbook"} if layout == "textbook" else {"layout": layout}
    source = gc.generate(cell, readout=readout, unroll=unroll, **manner)
    sample = None if form in IN_FULL else SAMPLE
    guard, proving = first_failure(cell, monkeypatch), prover(cell, monkeypatch)
    outcome = run(source, part, guard, proving, sample)
    print(outcome)
    outcome.require(part, idle_lines=name not in gc.cells)


def test_cutting_the_guard_short_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    source = gc.generate(gc.GRU, unroll=2, style="textbook")
    right = load_source(source, "kernel")
    faults = list(planted(source, right, "_backward", Oracle(right)))[::60]
    kernels = [right, *(load_source(source, "kernel") for _ in faults)]
    for kernel, fault in zip(kernels[1:], faults, strict=True):
        fault.plant(kernel)
    in_full = [bool(pipeline.check(kernel, gc.GRU)) for kernel in kernels]
    guard = first_failure(gc.GRU, monkeypatch)
    assert [guard(kernel) is None for kernel in kernels] == in_full
    assert in_full[0]
    assert in_full.count(False) > len(faults) // 2
