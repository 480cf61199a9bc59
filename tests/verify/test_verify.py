"""Sound kernels pass, and what cannot be checked is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gru_codegen.errors import VerificationError
from gru_codegen.modules import load_file
from gru_codegen.verify import precision, verify
from gru_codegen.verify.configuration import Problem, small
from tests.verify.faults import edited


@pytest.mark.parametrize("unroll", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_a_sound_kernel_passes(unroll: int | None) -> None:
    report = verify(edited(unroll=unroll))
    assert report, str(report)


@pytest.mark.parametrize("seed", range(8))
def test_no_seed_fails_a_sound_kernel_even_narrowly(seed: int) -> None:
    report = verify(edited(unroll=16), seed=seed)
    assert report, str(report)
    assert all(check.worst_error <= check.tolerance / 5 for check in report.checks)


def test_several_states_and_vectors_among_the_weights() -> None:
    report = verify(load_file(Path(__file__).with_name("two_states.py")))
    assert report, str(report)
    assert {"W", "Wrec", "b", "p"} <= {check.weight for check in report.checks}


def test_a_second_state_that_is_not_carried_fails() -> None:
    kernel = load_file(Path(__file__).with_name("two_states.py"))
    sound = kernel.loss_and_gradients

    def swapped(*arguments: object, **keywords: object) -> object:
        result = sound(*arguments, **keywords)
        return result._replace(state=kernel.State(*result.state[::-1]))

    vars(kernel)["loss_and_gradients"] = swapped
    failures = {(check.weight, check.method): check.detail for check in verify(kernel).failures}
    assert set(failures) == {
        ("state", "forward = loss_and_gradients"),
        ("state", "two windows = one run"),
    }
    assert "state.S[" in failures["state", "forward = loss_and_gradients"]


@pytest.mark.parametrize("error", ["TypeError", "ValueError"])
def test_another_order_of_weights_may_be_refused(error: str) -> None:
    taken = "    params = Params(**params._asdict())\n"
    refused = f"    if params._fields != Params._fields:\n        raise {error}('params')\n"
    report = verify(edited((taken, refused + taken)))
    assert report, str(report)


def test_the_rows() -> None:
    kernel = edited()
    checks = verify(kernel).checks
    rows = [(check.weight, check.method, check.step, check.tolerance) for check in checks]
    names, method = kernel.Params._fields, "float32 against float64"
    single = [rows.pop(2 * n) for n in range(1, len(names) + 1)]
    assert [row[:3] for row in single] == [(name, method, None) for name in names]
    assert all(2e-6 <= tolerance < 2e-5 for *_, tolerance in single)
    of_each_weight = [
        ("central difference", 2e-2, 1e-7),
        ("complex step", 1e-165, 1e-12),
    ]
    gradients = [(name, *row) for name in kernel.Params._fields for row in of_each_weight]
    assert rows[: len(gradients)] == gradients
    assert rows[len(gradients)] == ("all", "random direction", 1e-165, 1e-12)
    loss = precision.loss_claim(Problem(kernel, small(kernel)[0], 0))
    assert rows[len(gradients) + 1] == ("loss", loss.method, None, loss.tolerance)
    assert {check.weight for check in checks[len(gradients) + len(names) + 2 :]} == {
        *("loss", "state", "init_params", "s0", "outputs"),
        *("workspace", "inputs", "results", "params", "arguments", "module"),
    }
    assert all(check.tolerance <= 1e-12 for check in checks[len(gradients) + len(names) + 2 :])


def test_only_any_can_be_run_in_windows() -> None:
    method = "two windows = one run"
    assert method in {check.method for check in verify(edited()).checks}
    assert method not in {check.method for check in verify(edited(unroll=3)).checks}


def test_outputs_that_are_no_state_are_not_compared_with_states() -> None:
    method = "last row is the state"
    assert method in {check.method for check in verify(edited()).checks}
    kernel = edited(('OUTPUT = "S"', 'OUTPUT = "O"'))
    assert method not in {check.method for check in verify(kernel).checks}


def test_one_seed_gives_one_report() -> None:
    kernel = edited(unroll=2)
    assert verify(kernel, seed=3) == verify(kernel, seed=3)
    assert verify(kernel, seed=3) != verify(kernel, seed=4)


def test_progress_counts_every_check() -> None:
    calls: list[tuple[int, int]] = []
    report = verify(edited(unroll=2), progress=lambda done, total: calls.append((done, total)))
    total = len(report.checks)
    assert calls == [(done, total) for done in range(1, total + 1)]


def test_a_long_unroll_costs_three_losses_an_entry_and_a_few_more() -> None:
    kernel, calls = edited(unroll=32), 0
    sound = kernel.loss

    def counted(*arguments: object, **keywords: object) -> object:
        nonlocal calls
        calls += 1
        return sound(*arguments, **keywords)

    vars(kernel)["loss"] = counted
    assert verify(kernel)
    entries = 3 * (2 * 3 + 3 * 3)
    assert 3 * entries < calls < 3 * entries + 60


def test_the_subject_says_what_was_checked() -> None:
    assert verify(edited(unroll=2)).subject == "gru, loss l2, textbook style, T = 2"
    assert verify(edited()).subject == (
        "gru, loss l2, textbook style, any T, checked at T = 3 and 7"
    )


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(VerificationError) as refused:
        verify(edited(('LOSS = "l2"', 'LOSS = "l3"')))
    assert str(refused.value) == (
        "by_hand has the loss 'l3', which is none of l2, l2-mean, huber, bce, cross-entropy, "
        "cross-entropy-mean; to check it takes its declaration: gru-codegen verify FILE --loss "
        "LOSS, or gru_codegen.check(kernel, cell, loss=...)"
    )


def test_what_is_not_a_kernel_is_refused() -> None:
    with pytest.raises(VerificationError, match=r"^pathlib is not a generated kernel: it defines"):
        verify(__import__("pathlib"))
    with pytest.raises(
        VerificationError, match=r"^kernel: expected a module, .*, got namespace\(\)$"
    ):
        verify(SimpleNamespace())
