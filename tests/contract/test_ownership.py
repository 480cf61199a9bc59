"""Inputs stay as they were, results are the caller's, and threads have workspaces of their own."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.contract.kernels import SIZES, Call, arrays, assert_equal, mapped

ARGUMENTS = ("params", "x", "y", "s0")


def inputs(call: Call) -> tuple[Any, ...]:
    return tuple(getattr(call, name) for name in ARGUMENTS)


def held_by(workspace: Any) -> dict[str, Any]:
    return {name: a for name, a in vars(workspace).items() if isinstance(a, np.ndarray)}


def test_read_only_inputs_are_taken(call: Call) -> None:
    expected = call.all()
    for _, array in arrays(inputs(call)):
        array.setflags(write=False)
    assert_equal(call.all(), expected)
    assert_equal(call.all(call.workspace()), expected)


def test_inputs_are_not_modified(call: Call) -> None:
    before = copy.deepcopy(inputs(call))
    call.all()
    call.all(call.workspace())
    assert_equal(inputs(call), before)


def test_no_result_shares_memory_with_anything(call: Call) -> None:
    workspace = call.workspace()
    results = [
        mapped(np.asarray, made) for made in (call.all(workspace), call.all(workspace), call.all())
    ]
    owners = {
        f"turn {turn}, {name}": a for turn, made in enumerate(results) for name, a in arrays(made)
    }
    others = dict(arrays(inputs(call), "inputs")) | held_by(workspace)
    names = list(owners)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert not np.shares_memory(owners[name], owners[other]), (name, other)
        for other, array in others.items():
            assert not np.shares_memory(owners[name], array), (name, other)


def test_results_are_writable(call: Call) -> None:
    for some in (None, call.workspace()):
        result, forward, _ = call.all(some)
        for _, array in arrays((result.gradients, result.state, forward)):
            assert array.flags.writeable
            array += 1


def test_a_workspace_holds_no_input(call: Call) -> None:
    workspace = call.workspace()
    call.all(workspace)
    for name, array in held_by(workspace).items():
        for argument, given in arrays(inputs(call), "inputs"):
            assert not np.shares_memory(array, given), (name, argument)


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every other entry": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "moved axes": lambda a: np.ascontiguousarray(a.T).T,
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout_gives_the_same(call: Call, layout: str) -> None:
    change = LAYOUTS[layout]
    other = call.replace(**{name: mapped(change, getattr(call, name)) for name in ARGUMENTS})
    for _, array in arrays(inputs(other)):
        array.setflags(write=False)
    # BLAS may sum in another order.
    assert_equal(other.all(), call.all(), 1e-14)
    assert_equal(other.all(call.workspace()), call.all(), 1e-14)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_other_byte_order_gives_the_same(call: Call, name: str) -> None:
    swapped = mapped(lambda a: a.astype(a.dtype.newbyteorder("S")), getattr(call, name))
    other = call.replace(**{name: swapped})
    native = mapped(lambda a: np.asarray(a).astype("=f8"), other.all())
    assert_equal(native, mapped(np.asarray, call.all()), 1e-14)


def test_an_input_may_be_a_result(call: Call) -> None:
    """States and outputs go back in; the arguments of a call may share memory."""
    workspace = call.workspace()
    outputs, state = call.forward(workspace)
    again = call.replace(s0=state, y=outputs)
    apart = call.replace(s0=copy.deepcopy(state), y=outputs.copy())
    assert_equal(again.all(workspace), apart.all())
    one = call.replace(s0=mapped(lambda _: outputs[0], call.s0), y=outputs)
    apart = call.replace(s0=mapped(lambda _: outputs[0].copy(), call.s0), y=outputs.copy())
    assert_equal(one.all(workspace), apart.all())


# --- the same workspace again ---------------------------------------------------------------------


def test_a_workspace_gives_the_same_every_time(call: Call) -> None:
    workspace = call.workspace()
    other = Call.draw(call.kernel, len(call.x), seed=1)
    for some in (call, other, call, call.replace(s0=None), other, call.replace(s0=None)):
        assert_equal(some.all(workspace), some.all())


def test_nothing_is_read_that_an_earlier_call_left(call: Call) -> None:
    workspace = call.workspace()
    call.all(workspace)
    for function in ("forward", "loss", "loss_and_gradients"):
        for array in held_by(workspace).values():
            if array.ndim and array.flags.writeable:  # constants are 0-d or read-only
                array.fill(np.nan)
        assert_equal(getattr(call, function)(workspace), getattr(call, function)())


def test_earlier_results_stay(call: Call) -> None:
    workspace = call.workspace()
    made = call.all(workspace)
    before = copy.deepcopy(made)
    Call.draw(call.kernel, len(call.x), seed=1).all(workspace)
    assert_equal(made, before)


def test_a_workspace_grows_and_serves_less(kernel: ModuleType) -> None:
    if kernel.UNROLL is not None:
        pytest.skip("takes one T")
    workspace = kernel.Workspace(*SIZES)
    kept = []
    for T in (3, 8, 1, 0, 8, 9, 2):
        call = Call.draw(kernel, T, seed=T)
        made = call.all(workspace)
        assert_equal(made, call.all())
        kept.append((made, copy.deepcopy(made)))
    for made, before in kept:
        assert_equal(made, before)


def test_a_workspace_allocates_no_more_once_it_has_grown(call: Call) -> None:
    workspace = call.workspace()
    call.all(workspace)
    before = {name: array.ctypes.data for name, array in held_by(workspace).items()}
    call.all(workspace)
    assert {name: array.ctypes.data for name, array in held_by(workspace).items()} == before


# --- threads --------------------------------------------------------------------------------------


def test_threads_with_workspaces_of_their_own(call: Call) -> None:
    calls = [Call.draw(call.kernel, len(call.x), seed=seed) for seed in range(4)]
    expected = [some.all() for some in calls]
    together = threading.Barrier(len(calls))

    def run(index: int) -> list[Any]:
        workspace = calls[index].workspace()
        together.wait(timeout=60)
        return [calls[index].all(workspace if turn % 2 else None) for turn in range(40)]

    with ThreadPoolExecutor(len(calls)) as pool:
        for index, made in enumerate(pool.map(run, range(len(calls)))):
            for results in made:
                assert_equal(results, expected[index])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_workspace_is_one_of_its_own(call: Call, duplicate: Any) -> None:
    workspace = call.workspace()
    expected = call.all(workspace)
    other = duplicate(workspace)
    assert_equal(call.all(other), expected)
    for name, array in held_by(other).items():
        assert not np.shares_memory(array, getattr(workspace, name)), name


def test_what_a_pullback_reads_again_is_said(call: Call) -> None:
    """It does read the weights again, so a user has to be told to leave them alone."""
    doc = " ".join(str(call.kernel.vjp.__doc__).split())
    assert "reads x and the weights again: until it is called, they have to be unchanged" in doc

    def gradients(change: float) -> Any:
        params = mapped(np.copy, call.params)
        outputs, _, pullback = call.kernel.vjp(params, call.x, call.s0)
        for weight in params:
            weight += change
        return pullback(np.ones_like(outputs))

    before, after = (dict(arrays(gradients(change))) for change in (0.0, 1.0))
    assert any(not np.array_equal(before[name], after[name]) for name in before)
