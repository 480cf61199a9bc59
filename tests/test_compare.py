"""Kernels are compared with what was declared: what their own gradients cannot show."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, D, Equation, H, hadamard, matrix
from gru_codegen.compare import compare
from gru_codegen.errors import VerificationError
from gru_codegen.functions import exp, log
from gru_codegen.parse import load_cell
from gru_codegen.request import complete
from gru_codegen.verify import verify
from tests.planted import planted
from tests.verify.faults import edited

TOLERANCES = {"outputs": 1e-12, "state": 1e-12, "loss": 1e-12, "functions": 0}
CELLS = Path(__file__).with_name("verify") / "cells"
COMMITTED = Path(__file__).parents[1] / "generated" / "gru_textbook.py"


def failures(kernel: Any) -> dict[str, str]:
    """Which rows fail, and why."""
    checks = compare(kernel, gc.GRU, gc.L2)
    assert {check.weight: check.tolerance for check in checks} == TOLERANCES
    return {check.weight: check.detail for check in checks if not check.passed}


def changed(old: str, new: str) -> Any:
    return planted(COMMITTED.read_text(), old, new)


@pytest.mark.parametrize(
    ("name", "readout", "loss"),
    [
        ("gru", "none", "l2"),
        ("lstm", "linear", "cross-entropy"),
        ("lstm-peephole", "none", "huber"),
    ],
)
@pytest.mark.parametrize("unroll", [None, 1, 4])
def test_a_sound_kernel_agrees(name: str, readout: str, loss: str, unroll: int | None) -> None:
    cell, cost = gc.cells[name], gc.losses[loss]
    kernel = gc.load(cell, loss=cost, readout=readout, unroll=unroll)
    assert all(check.passed for check in compare(kernel, complete(cell, readout), cost))


@pytest.mark.parametrize("function", [log, exp])
@pytest.mark.filterwarnings("error")
def test_a_declaration_without_finite_numbers_is_no_fault_of_the_kernel(function: Any) -> None:
    x, W, U = matrix("x", B, D), matrix("W", D, H), matrix("U", H, H)
    S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
    value = x * W + S_prev * U
    value = function(-hadamard(value, value) if function is log else value)
    for _ in range(3 if function is exp else 0):
        value = function(value)
    step = Equation(S, value, "state")
    cell = gc.Cell("steep", "steep cell", "a test", (x,), (W, U), {S: S_prev}, (step,))
    with pytest.raises(
        VerificationError, match=r"^S at step \d.*: the declared equations give infinity"
    ):
        compare(gc.load(cell), cell, gc.L2)


def test_a_kernel_that_raises_is_no_fault_of_the_declaration() -> None:
    """Even where the usual arguments would be one: the logarithm of a negative number."""
    cell = load_cell(str(CELLS / "padded_log.toml"))
    source = gc.generate(cell, style="textbook")
    old, new = "def _forward(", "def _forward(none):\n    raise ValueError\n\ndef _past("
    checks = compare(planted(source, old, new), cell, gc.L2)
    assert {check.weight for check in checks if not check.passed} == {"outputs", "state", "loss"}


def test_a_kernel_of_other_equations_satisfies_every_gradient_check_and_fails() -> None:
    kernel = edited(('x = _array("x", "(T, B, D)", x,', 'x = 2 * _array("x", "(T, B, D)", x,'))
    assert verify(kernel)
    assert {"outputs", "state", "loss"} <= set(failures(kernel))


@pytest.mark.parametrize(
    ("row", "old", "new"),
    [
        ("outputs", "return _outputs(w.S, w), w.S_last.copy()",
         "return 2 * _outputs(w.S, w), w.S_last.copy()"),
        ("state", "gradients, w.S_last.copy())", "gradients, w.S_last * (1 + 1e-11))"),
        ("loss", "    return _scalar(total, w)", "    return _scalar(total, w) + 1e-9"),
        ("functions", "def vjp(", "def vector_jacobian_product("),
    ],
)  # fmt: skip
def test_each_row_fails_alone(row: str, old: str, new: str) -> None:
    assert set(failures(changed(old, new))) == {row}


def test_what_is_missing_is_named() -> None:
    assert failures(edited()) == {
        "functions": "there is no loss_weights, no lengths, no vjp, no mask"
    }


@pytest.mark.parametrize("T", [1, 2, 3, 7])
def test_a_kernel_for_any_number_of_steps_is_compared_at(T: int) -> None:
    old = "        return _outputs(w.S, w), w.S_last.copy()"
    kernel = changed(old, f"        w.S *= 2 if w.steps == {T} else 1\n{old}")
    assert f"at T={T}, " in failures(kernel)["outputs"]


def test_a_kernel_that_raises_fails_the_rows_that_meet_it() -> None:
    old = "        return _scalar(total, w)"
    kernel = changed(old, f"        raise KeyError('no')\n{old}")
    [(row, said)] = failures(kernel).items()
    assert row == "loss"
    assert re.fullmatch(r"KeyError: 'no', in line \d+: raise KeyError\('no'\)", said)
    [check] = [check for check in compare(kernel, gc.GRU, gc.L2) if not check.passed]
    assert math.isnan(check.worst_error)


def test_there_are_samples_enough_for_every_case_of_two_comparisons() -> None:
    """Of a few, none had one number above 1 and the other not."""
    cell = load_cell(str(CELLS / "spiking.toml"))
    source = gc.generate(cell, unroll=2, style="textbook")
    case = "* positive(-1 + G[0])\n        / 3"
    wrong = planted(source, case, case.replace("G[0]", "aZ[0]"))
    assert not all(check.passed for check in compare(wrong, cell, gc.L2))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # shares of the first arguments underflow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- dS * (S_part_7[t] * S_part_7[t])", "+ dS * (S_part_7[t] * S_part_7[t])"),
        ("dS_part_2 = daS_part * S_part_6[t] + daS_part_6", "dS_part_2 = daS_part * S_part_6[t]"),
    ],
)
def test_gradients_are_compared_where_values_are_tiny(old: str, new: str) -> None:
    cell = load_cell(str(CELLS / "log_of_softmax.toml"))
    source = gc.generate(cell, style="textbook")
    failed = {
        each.weight for each in compare(planted(source, old, new), cell, gc.L2) if each.failed
    }
    assert failed == {"gradients"}
