"""Every fault in what the optional arguments and the pullback do fails the rows that it has to."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.verify import verify
from gru_codegen.verify.configuration import Problem, Sizes, small
from gru_codegen.verify.lengths import BATCH, batches
from gru_codegen.verify.options import Options, ended, lengths, options, spoilt, weights
from tests.planted import planted
from tests.shares import in_turn
from tests.verify.faults import edited

Rows = set[tuple[str, str]]

WEIGHTED = ("loss_weights", "weighted sum of outputs")
WEIGHTED_GRADIENTS = ("loss_weights", "random direction")
CARRIED_ON = ("lengths", "outputs, then carried on")
ENDED_LOSS = ("lengths", "weighted sum of outputs")
ENDED_GRADIENTS = ("lengths", "random direction")
PADDING = ("lengths", "padding is not read")
FROM_ZEROS = ("lengths", "no steps from zeros")
ENDED_PULLBACK = ("lengths", "complex step through forward")
ONE_BY_ONE = ("lengths", "padded = one by one")
PULLBACK = ("vjp", "complex step through forward")
PULLED = ("vjp", "forward's results")
ONCE = ("vjp", "pullback works once")
REUSED = ("workspace", "results as without")
TYPES = ("results", "fields, shapes, dtypes")
REFUSED = ("arguments", "wrong ones refused")
ROWS = {
    *(WEIGHTED, WEIGHTED_GRADIENTS),
    *(CARRIED_ON, ENDED_LOSS, ENDED_GRADIENTS, PADDING, FROM_ZEROS, ENDED_PULLBACK, ONE_BY_ONE),
    *(PULLBACK, PULLED, ONCE),
}


class Fault(NamedTuple):
    """Replace ``old`` with ``new``, and ``rows`` fail, those of one by one for `any` alone."""

    name: str
    old: str
    new: str
    rows: Rows


FAULTS = [
    Fault(
        "weights of the loss forgotten",
        "E if V is None else V[t] * E",
        "E",
        {WEIGHTED, WEIGHTED_GRADIENTS, ENDED_LOSS, ENDED_GRADIENTS, ONE_BY_ONE},
    ),
    Fault(
        "weights of the gradient forgotten",
        "dO[t] = dO[t] * V[t]",
        "pass",
        {WEIGHTED_GRADIENTS, ENDED_GRADIENTS, ONE_BY_ONE},
    ),
    Fault(
        "targets of weight 0 read",
        "targets = _zeroed(targets, V == 0)",
        "pass",
        {WEIGHTED, WEIGHTED_GRADIENTS, ENDED_LOSS, ENDED_GRADIENTS, PADDING, ONE_BY_ONE},
    ),
    Fault(
        "one weight for all samples of a step, in turn",
        "np.repeat(weights[:, None], w.batch_size, axis=1)",
        "np.repeat(weights[::-1, None], w.batch_size, axis=1)",
        {WEIGHTED},
    ),
    Fault(
        "state past the length not held",
        "S[t] = np.where(ended[t], S_prev[t], S[t])",
        "pass",
        {CARRIED_ON, ENDED_PULLBACK, ONE_BY_ONE},
    ),
    Fault(
        "outputs past the length not 0",
        "outputs.copy() if w.ended is None else _zeroed(outputs, w.ended)",
        "outputs.copy()",
        {CARRIED_ON},
    ),
    Fault(
        "adjoint past the length not held",
        "dS_held = np.where(ended[t], dS, 0)",
        "dS_held = 0",
        {ENDED_PULLBACK, ONE_BY_ONE},
    ),
    Fault(
        "adjoints of outputs past the length read",
        "d_outputs = _zeroed(d_outputs, w.ended)",
        "pass",
        {PADDING, ENDED_PULLBACK, ONE_BY_ONE},
    ),
    Fault(
        "inputs past the length read",
        "x = _zeroed(x, w.ended)",
        "pass",
        {PADDING, ENDED_GRADIENTS, ENDED_PULLBACK, ONE_BY_ONE},
    ),
    Fault(
        "one step of a sample that has none",
        "(np.arange(steps)[:, None] >= lengths",
        "(np.arange(steps)[:, None] >= np.maximum(lengths, 1)",
        {CARRIED_ON, ENDED_LOSS, ENDED_GRADIENTS, PADDING, FROM_ZEROS, ENDED_PULLBACK, ONE_BY_ONE},
    ),
    Fault("lengths stay for the next call", "w.ended = None if", "w.ended = w.ended if", {REUSED}),
    Fault(
        "adjoint of the state forgotten",
        'SHAPES["s0"], d_state)',
        'SHAPES["s0"], None)',
        {PULLBACK, ENDED_PULLBACK},
    ),
    Fault(
        "adjoint of the state ones without d_state",
        '_start(last[0], "d_state", SHAPES["s0"], d_state)',
        "last[0][...] = 1 if d_state is None else d_state",
        {PULLED},
    ),
    Fault("pullback works twice", "if w.latest is not call:", "if False:", {ONCE}),
    Fault(
        "gradient of the inputs halved",
        "d_x = _inputs(params, w) if inputs",
        "d_x = _inputs(params, w) / 2 if inputs",
        {PULLBACK, ENDED_PULLBACK},
    ),
    Fault(
        "gradient of the inputs in float64",
        "np.empty((w.steps, w.batch_size, w.input_size), w.dtype)",
        "np.empty((w.steps, w.batch_size, w.input_size), np.result_type(w.dtype, float))",
        {TYPES},
    ),
    Fault(
        "lengths of any size",
        '_check_shape("lengths", lengths, ("B",), (batch_size,))',
        "pass",
        {REFUSED},
    ),
    Fault(
        "adjoints of any shape",
        '_like_outputs("d_outputs", d_outputs, w.S)',
        '_cast("d_outputs", d_outputs, w.dtype)',
        {REFUSED},
    ),
]


@cache
def textbook(unroll: int | None) -> str:
    return gc.generate(gc.GRU, unroll=unroll, style="textbook")


def with_fault(fault: Fault, unroll: int | None) -> ModuleType:
    """The textbook GRU with one fault, in the second step if its steps are written out."""
    source = textbook(unroll)
    old, new = fault.old, fault.new
    if unroll is not None and old not in source:
        old, new = old.replace("[t]", "[1]"), new.replace("[t]", "[1]")
    return planted(source, old, new)


@pytest.mark.parametrize(
    ("fault", "unroll"), in_turn(FAULTS, [None, 3]), ids=lambda part: getattr(part, "name", None)
)
def test_fault(fault: Fault, unroll: int | None) -> None:
    failures = {
        (check.weight, check.method) for check in verify(with_fault(fault, unroll)).failures
    }
    expected = fault.rows - {ONE_BY_ONE} if unroll else fault.rows
    assert failures & (ROWS | expected) == expected


def test_every_row_has_a_fault() -> None:
    checks = verify(gc.load(gc.GRU, style="textbook")).checks
    rows = {(c.weight, c.method) for c in checks if c.weight in ("loss_weights", "lengths", "vjp")}
    assert rows == ROWS
    assert set().union(*(fault.rows for fault in FAULTS)) >= ROWS


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_every_length_of_a_kernel_that_cannot_run_it_is_checked(n: int) -> None:
    old = "ended: Array = (np.arange(steps)[:, None] >= lengths"
    more = 1 if n < 3 else -1
    fault = Fault("another length", old, f"{old} + {more} * (lengths == {n})", set())
    failures = {(check.weight, check.method) for check in verify(with_fault(fault, 3)).failures}
    assert {CARRIED_ON, ENDED_LOSS} <= failures


def test_a_second_state_past_its_length_is_seen_through_what_follows() -> None:
    source = gc.generate(gc.cells["lstm"], unroll=3, style="textbook")
    old = "C[1] = np.where(ended[1], C_prev[1], C[1])"
    assert source.count(old) == 1
    assert verify(load_source(source, "kernel"))
    # A sample of length 1 takes one step more in C, which no output before its end shows.
    new = "C[1] = np.where(ended[0], C_prev[1], C[1])"
    checks = verify(load_source(source.replace(old, new), "kernel")).checks
    failed = {(check.weight, check.method): check.detail for check in checks if not check.passed}
    assert "outputs of what is carried on" in failed[CARRIED_ON]


@pytest.mark.parametrize(("loss", "unroll"), in_turn(gc.losses, [None, 2]))
def test_sound_kernels_pass_with_any_loss(loss: str, unroll: int | None) -> None:
    kernel = gc.load(gc.GRU, loss=gc.losses[loss], readout="linear", unroll=unroll)
    report = verify(kernel)
    assert report, str(report)
    assert {check.weight for check in report.checks} >= {"loss_weights", "lengths", "vjp"}


def test_what_a_kernel_does_not_have_is_not_checked() -> None:
    kernel = edited()
    assert options(kernel) == Options(False, False, False, False)
    assert not ROWS & {(check.weight, check.method) for check in verify(kernel).checks}
    assert options(gc.load(gc.GRU)) == Options(True, True, True, True)


@pytest.mark.parametrize("T", [1, 2, 3, 7, 8, BATCH - 1, BATCH, 1024])
def test_every_length_is_in_a_batch(T: int) -> None:
    kernel = edited(unroll=T)
    [problem] = [Problem(kernel, sizes, seed=0) for sizes in small(kernel)]
    found = list(batches(problem))
    assert {*np.concatenate([batch.lengths for batch in found])} == {*range(T + 1)}
    for batch in found:
        sizes = batch.problem.sizes
        assert batch.lengths.shape == (sizes.B,)
        assert sizes.B <= BATCH + 3
        assert len({*sizes}) == 4
        assert sizes._replace(B=0) == problem.sizes._replace(B=0)


def test_weights_and_lengths() -> None:
    V, n = weights(7, 4), lengths(7, 8)
    assert (V == 0).any()
    assert (V != 0).any()
    assert len({*V.flat}) == np.count_nonzero(V) + 1
    assert sorted(n) == list(range(8))
    assert n.tolist() != sorted(n)
    assert ended(3, np.array([0, 2, 3])).astype(int).tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_spoilt_numbers_are_nan_and_labels_none_there_is() -> None:
    unread = np.array([[True, False]])
    numbers = spoilt(np.ones((1, 2, 3)), unread)
    assert np.isnan(numbers[0, 0]).all()
    assert (numbers[0, 1] == 1).all()
    assert spoilt(np.ones((1, 2), int), unread).tolist() == [[-1, 1]]


def stale(place: str) -> Any:
    """A kernel that leaves a number in its workspace, and adds what another call left."""
    return edited(
        ("        self.grow(0)\n", f"        self.grow(0)\n        self.left = {place}\n"),
        (
            "    gradients = Params(*map(np.zeros_like, params))\n",
            "    gradients = Params(*map(np.zeros_like, params))\n"
            "    held = w.left['a'][0] if isinstance(w.left, dict) else w.left\n"
            "    gradients.Wz[0, 0] += 0 * held[0].real\n"
            "    held[0] = 1\n",
        ),
    )


@pytest.mark.parametrize(
    "place",
    ["np.zeros(1, dtype)", "np.zeros((2, 1), dtype)[1]", "{'a': (np.zeros(1, dtype),)}"],
    ids=["an array", "a view", "an array in a tuple in a dictionary"],
)
def test_a_number_that_another_call_left_is_not_read(place: str) -> None:
    # What is read is without a share in the result, unless it is NaN.
    failures = {(check.weight, check.method) for check in verify(stale(place)).failures}
    assert failures == {REUSED}


def test_constants_of_a_workspace_are_left_alone() -> None:
    kernel = edited(
        ("        self.grow(0)\n", "        self.grow(0)\n        self.one = np.ones((), dtype)\n"),
        ("    w.S[0] = s0\n", "    w.S[0] = s0 * w.one\n"),
    )
    assert verify(kernel)


def test_sizes_of_batches_keep_those_of_the_problem() -> None:
    kernel = edited(unroll=2)
    problem = Problem(kernel, Sizes(2, 10, 3, 5), seed=0)
    [batch] = batches(problem)
    assert batch.problem.sizes == Sizes(2, 10, 3, 5)


def test_a_sample_without_a_step_that_begins_with_zeros_is_divided_by_nothing() -> None:
    """The quotient by the zero that such a sample keeps is infinite, its slope no number."""
    cell = load_cell(str(Path(__file__).parent / "cells" / "exp_gates.toml"))
    kept = "np.copyto(S_part_t, one, where=ended_t)"
    report = gc.verify(planted(gc.generate(cell), kept, "pass"))
    assert [check.method for check in report.failures] == ["no steps from zeros"]
