"""What guards `generate` catches every fault that changes what a kernel computes.

Thousands of faults are planted in generated kernels, one at a time: every line of the forward pass,
the loss and the backward pass dropped in turn, every sign flipped, every array taken for every
other array of its shape, every transpose dropped or added, the carry forgotten, and so on (see
`mutation`). Each fault that changes any output, state, loss or gradient (see `oracle`) has to fail
`pipeline.check`. Run with `-rP` to see the counts.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.modules import load_source
from tests.faults.guard import first_failure
from tests.faults.mutation import Mutant, count, mutants, shapes_in
from tests.faults.oracle import Oracle

FORMS = [
    *(("gru", unroll, style) for style in ("fast", "textbook") for unroll in (None, 2)),
    *(
        (name, unroll, style)
        for name in gc.cells
        if name != "gru"
        for unroll, style in ((None, "fast"), (2, "textbook"))
    ),
]
#: What computes; the longest first, for tests that run side by side.
PARTS = ("_backward", "_forward", "_loss")
#: Entry points, arguments, buffers and helpers: whatever else has a share in a result.
REST = "the rest"
#: How many faults are planted in a part of a cell other than the reference cell, which gets all.
SAMPLE = 25

pytestmark = pytest.mark.campaign  # minutes of faults: make test-faults


@pytest.mark.filterwarnings("ignore")  # a kernel with a fault may well overflow
@pytest.mark.parametrize("part", [*PARTS, REST])
@pytest.mark.parametrize(("name", "unroll", "style"), FORMS)
def test_every_fault_that_matters_is_caught(
    name: str, unroll: int | None, style: Any, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = gc.cells[name]
    source = gc.generate(cell, unroll=unroll, style=style)
    right = load_source(source, "kernel")
    definitions = compile(source, "kernel", "exec", dont_inherit=True)
    oracle, guard = Oracle(right), first_failure(cell, monkeypatch)
    assert oracle.agrees(right)
    assert guard(right) is None

    faults = list(planted(source, right, part, oracle, None if cell is gc.GRU else SAMPLE))
    harmless, missed, caught, raised = [], [], Counter[str](), 0
    for fault in faults:
        kernel = ModuleType("kernel")
        exec(definitions, kernel.__dict__)
        fault.plant(kernel)
        try:
            agrees = oracle.agrees(kernel)
        except Exception:
            agrees = False
            raised += 1
        if agrees:
            harmless.append(fault)
        elif failure := guard(kernel):
            caught[failure.method] += 1
        else:
            missed.append(fault)

    print(f"{caught.total()} faults caught, of which {raised} raise; {len(missed)} missed;")
    print(f"{len(harmless)} more change nothing. Caught by:", dict(caught))
    fail_if_any("missed", missed)
    if part in PARTS:
        assert caught.total() >= min(30, len(faults) // 2)
        fail_if_any("superfluous", [fault for fault in harmless if fault.fault == "dropped"])


def fail_if_any(what: str, faults: list[Mutant]) -> None:
    if faults:
        pytest.fail("\n".join([f"{len(faults)} {what}:", *map(str, faults)]), pytrace=False)


def planted(
    source: str, kernel: ModuleType, part: str, oracle: Oracle, sample: int | None = None
) -> Iterator[Mutant]:
    """Every fault in a part of `kernel`, whose text is `source`, or about so many."""
    shapes = {}
    for name in [part] if part in PARTS else rest_of(source):
        function = kernel.Workspace.__init__ if name == "Workspace" else getattr(kernel, name)
        shapes[name] = shapes_in(function, lambda: oracle.results(kernel))
    total = sum(count(source, name, found) for name, found in shapes.items())
    every = 1 if sample is None else max(1, total // sample)
    for name, found in shapes.items():
        yield from mutants(source, name, found, every)


def rest_of(source: str) -> list[str]:
    """Every function but `PARTS` and the draw of the weights, and the Workspace."""
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return ["Workspace", *(name for name in functions if name not in (*PARTS, "init_params"))]


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
