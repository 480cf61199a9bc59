from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from gru_codegen.verify.report import LEGEND, Check, Report

GOOD = Check("Wz", "central difference", 1e-5, 3.14e-10, 1e-7)
EXACT = Check("inputs", "left unmodified", None, 0.0, 0.0)
BAD = Check("Wrecz", "complex step", 1e-30, 0.52, 1e-12, "dWrecz[0, 3] is 1, expected 2")
BROKEN = Check("loss", "forward gives the loss", None, math.nan, 1e-12, "ValueError: no")


def test_a_check_passes_up_to_its_tolerance() -> None:
    assert GOOD.passed
    assert EXACT.passed
    assert Check("W", "m", None, 1e-7, 1e-7).passed
    assert not BAD.passed


@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_what_is_not_a_number_does_not_pass(error: float) -> None:
    assert not Check("W", "m", None, error, 1e-7).passed
    assert not Check("W", "m", None, error, 0.0).passed


def test_a_report_is_true_when_every_check_passed() -> None:
    assert Report((GOOD, EXACT))
    assert not Report((GOOD, BAD, EXACT))
    assert not Report(())


def test_neither_can_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        BAD.worst_error = 0.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Report((BAD,)).checks = (GOOD,)  # type: ignore[misc]


def test_the_table_of_a_kernel_that_passes() -> None:
    assert str(Report((GOOD, EXACT), "gru, loss l2")) == (
        f"gru, loss l2\n{LEGEND}\n"
        "weight  method               step  worst error  tolerance  verdict\n"
        "Wz      central difference  1e-05      3.1e-10      1e-07  pass\n"
        "inputs  left unmodified                      0          0  pass\n"
        "pass: all 2 checks\n"
        "A file alone can only be checked against its own loss; "
        "`generate` also checks the declaration."
    )


def test_the_table_of_a_kernel_that_fails() -> None:
    assert str(Report((GOOD, BAD, BROKEN))) == (
        f"{LEGEND}\n"
        "weight  method                   step  worst error  tolerance  verdict\n"
        "Wz      central difference      1e-05      3.1e-10      1e-07  pass\n"
        "Wrecz   complex step            1e-30      5.2e-01      1e-12  FAIL\n"
        "loss    forward gives the loss                 nan      1e-12  FAIL\n"
        "FAIL: 2 of 3 checks\n"
        "  Wrecz, complex step: dWrecz[0, 3] is 1, expected 2\n"
        "  loss, forward gives the loss: ValueError: no\n"
        "A file alone can only be checked against its own loss; "
        "`generate` also checks the declaration."
    )


def test_nothing_checked_says_so() -> None:
    assert "FAIL: nothing was checked" in str(Report(()))


def test_what_a_difference_cannot_settle_is_no_failure_and_is_said() -> None:
    vague = replace(BAD, inaccurate=True)
    report = Report((GOOD, EXACT, vague))
    assert report
    assert report.failures == ()
    assert not vague.passed
    assert report.verdict == "pass: 2 of 3 checks; 1 inaccurate here"
    assert "inaccurate\n" in str(report)
    assert "  Wrecz, complex step: dWrecz[0, 3] is 1, expected 2" in str(report)
    assert not Report((vague,)), "nothing was shown"
    assert not Report((vague, BROKEN))


def test_checks_that_fail_for_one_reason_are_one_statement() -> None:
    others = [replace(BROKEN, weight=name) for name in ("state", "outputs")]
    report = Report((GOOD, BAD, BROKEN, *others))
    text = str(report)
    assert text.count("ValueError: no") == 1
    assert "  3 checks cannot be made: ValueError: no\n" in text
    assert [check.weight for check in report.rows] == ["Wz", "Wrecz"]
    assert "FAIL: 4 of 5 checks" in text
    html = report._repr_html_()
    assert html.count("ValueError: no") == 1
    assert html.count("<tr>") == 3


@pytest.mark.parametrize("width", [60, 76, 100])
def test_a_report_is_as_wide_as_the_terminal(width: int) -> None:
    """Every word of every row is there; in few columns there is no step."""
    rows = (
        GOOD,
        replace(BAD, weight="loss_weights", inaccurate=True),
        replace(EXACT, method="loss = loss_and_gradients in more words than there is room for"),
    )
    text = Report(rows, "gru, loss l2, of a subject that is longer than sixty columns are").text(
        width
    )
    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for row in rows:
        for place, cell in enumerate(row.cells):
            if place != 2 or width == 100:
                assert set(cell.split()) <= set(words)
