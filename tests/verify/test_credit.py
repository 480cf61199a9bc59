"""Every fault in what `credit` does fails the rows that it has to."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.verify import credit, verify
from gru_codegen.verify.configuration import Problem, Sizes
from tests.shares import in_turn

ERRORS, RUNS, MEASURES = "errors one by one", "runs from each step on", "norms, shares, truncation"
OWN, LATER = "dS[t] = dO[t]", "dS[t + 1 :] = dS_prev[t + 1 :]"
#: Old text, new text, the rows that fail. The first four leave the sums of all terms as they are.
FAULTS = {
    "errors in another order": (LATER, f"{LATER}[::-1]", {ERRORS, RUNS}),
    "later errors taken for a step's own": (
        LATER,
        "dS[t] += dS_prev[t + 1 :].sum(axis=0)\n        dS[t + 1 :] = 0",
        {ERRORS, RUNS},
    ),
    "terms one step early": (
        "entries[i][reached, t] = E",
        "entries[i][reached, max(t - 1, 0)] += E",
        {RUNS, MEASURES},
    ),
    "norms one error late": ("norms[i][reached, t]", "norms[i][reached, t - 1]", {MEASURES}),
    "an error forgotten": (OWN, "dS[t] = 0", {ERRORS, RUNS}),
    "an adjoint forgotten": (
        "np.multiply(dS[t:], S_by_aZ[t], daZ[t:])",
        "daZ[t:] = 0",
        {ERRORS, RUNS},
    ),
    "loss weights forgotten": (
        "y, V = _targets(y, loss_weights, w)\n        return _measured",
        "y, V = _targets(y, None, w)\n        return _measured",
        {RUNS, MEASURES},
    ),
    "lengths forgotten": (
        "s0, lengths, mask)\n        y, V = _targets(y, loss_weights, w)\n        return _measured",
        "s0, None, mask)\n        y, V = _targets(y, loss_weights, w)\n        return _measured",
        {RUNS, MEASURES},
    ),
    "norms squared": ("Array = np.sqrt(squares)", "Array = squares", {MEASURES}),
    "shares of the norm": ("row / norm / norm if", "row / norm if", {MEASURES}),
    "no error shown as 0": ("table[unread] = np.nan", "pass", {MEASURES}),
    "one step more left out": (
        "bands[i][: len(E)] += E",
        "bands[i][1 : len(E)] += E[: len(E) - 1]",
        {MEASURES},
    ),
}


@cache
def source(unroll: int | None) -> str:
    return gc.generate(gc.GRU, style="textbook", unroll=unroll, extras=["credit"])


def failures(text: str) -> set[str]:
    report = verify(load_source(text, "kernel"))
    assert {check.weight for check in report.failures} <= {"credit"}
    return {check.method for check in report.failures}


@pytest.mark.parametrize("unroll", [None, 3])
def test_a_right_kernel_passes(unroll: int | None) -> None:
    assert failures(source(unroll)) == set()


@pytest.mark.parametrize(("fault", "unroll"), in_turn(FAULTS, [None, 3]))
def test_every_fault_fails_its_rows(fault: str, unroll: int | None) -> None:
    (old, new, rows), text = FAULTS[fault], source(unroll)
    assert text.count(old) == 1
    assert failures(text.replace(old, new)) == rows


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_few_samples_show_errors_that_come_from_far(samples: int) -> None:
    text = source(None).replace(LATER, f"{LATER}\n        dS[t + 3 :] = 0")
    kernels = (load_source(each, "kernel") for each in (source(None), text))
    right, wrong = (Problem(kernel, Sizes(6, samples, 2, 3), seed=0) for kernel in kernels)
    for problem, passes in ((right, True), (wrong, False)):
        rows = {claim.method: claim.check() for claim in credit.claims([problem])}
        assert rows[ERRORS].passed == rows[RUNS].passed == passes


def test_a_row_says_which_error_and_which_steps_differ() -> None:
    far = source(None).replace(LATER, f"{LATER}\n        dS[t + 3 :] = 0")
    problem = Problem(load_source(far, "kernel"), Sizes(6, 2, 2, 3), seed=0)
    rows = {claim.method: claim.check() for claim in credit.claims([problem])}
    for method in (ERRORS, RUNS):
        [(error, start)] = re.findall(r"error of step (\d) from step (\d) on", rows[method].detail)
        assert int(error) >= int(start) + 3, rows[method].detail


def test_a_kernel_without_it_has_no_such_rows() -> None:
    report = verify(gc.load(gc.GRU))
    assert "credit" not in {check.weight for check in report.checks}


def test_a_gradient_that_is_zero(tmp_path: Path) -> None:
    """A weight that only a comparison reads: its shares are 0, and not 0 over 0."""
    (tmp_path / "m.toml").write_text(
        """
name = "mine"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", b = "(H,)" }
equations = '''
S = tanh(x @ W + S_prev @ U) + (S_prev > b)
'''
"""
    )
    cell = load_cell(str(tmp_path / "m.toml"))
    report = verify(gc.load(cell, unroll=3, extras=["credit"]))
    assert report, str(report)
