"""The check of kernels whose products take few samples at a time, and faults for it to find."""

from __future__ import annotations

from types import ModuleType

import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.verify import verify

ROW = ("samples", "blocks = each by itself")


def blocked(cell: str, *edits: tuple[str, str]) -> ModuleType:
    """The kernel of `cell` with each (old, new) applied, an old text being there exactly once."""
    source = gc.generate(gc.cells[cell], layout="blocked")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return load_source(source, "blocked")


@pytest.mark.parametrize("cell", ["gru", "lstm", "mingru"])
def test_blocks_are_checked(cell: str) -> None:
    report = verify(blocked(cell))
    assert report, report
    assert ROW in {(check.weight, check.method) for check in report.checks}


def test_other_layouts_have_no_such_row() -> None:
    report = verify(gc.load(gc.GRU, layout="rows"))
    assert ROW not in {(check.weight, check.method) for check in report.checks}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range(0, len(a), rows)", "range(0, max(len(a) - rows, 1), rows)"),
        ("a[i : i + rows]", "a[i : i + rows] if i == 0 else a[i - 1 : i - 1 + rows]"),
        ("if rows >= 8", "if rows >= 10**9"),
    ],
    ids=["the last block is lost", "a block begins too early", "nothing is cut"],
)
def test_a_fault_in_the_blocks_is_found(old: str, new: str) -> None:
    """At the sizes of the other checks there is one block, and nothing to see."""
    report = verify(blocked("gru", (old, new)))
    failed = {(check.weight, check.method) for check in report.checks if not check.passed}
    assert failed == {ROW}
