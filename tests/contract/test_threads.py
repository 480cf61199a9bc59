"""A Workspace serves one call at a time: any other is refused, from whichever thread it comes."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from tests.contract.kernels import Call, arrays, assert_equal

IN_USE = "^workspace: this Workspace is in use by another call; give each thread one of its own$"


def calls_of(call: Call, workspace: Any) -> dict[str, Callable[[], Any]]:
    """Every way to use a Workspace of its kernel, by name."""
    run = (call.params, call.x, call.s0)
    ways: dict[str, Callable[[], Any]] = {
        "forward": lambda: call.forward(workspace),
        "loss": lambda: call.loss(workspace),
        "loss_and_gradients": lambda: call.loss_and_gradients(workspace),
        "vjp": lambda: call.kernel.vjp(*run, workspace=workspace)[:2],
    }
    if hasattr(call.kernel, "credit"):
        ways["credit"] = lambda: call.kernel.credit(
            call.params, call.x, call.y, call.s0, workspace=workspace
        )
    if call.kernel.UNROLL is None:
        ways["begin"] = lambda: workspace.begin(len(call.x))
    return ways


def pullback(call: Call, workspace: Any) -> Callable[[], Any]:
    outputs, _, pull = call.kernel.vjp(call.params, call.x, call.s0, workspace=workspace)
    return lambda: pull(np.ones_like(outputs))


@contextmanager
def held_inside(
    kernel: ModuleType, function: str, run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Any]]:
    """Run a call in a thread that stands still inside `function`; yield what lets it finish."""
    inside, go = threading.Event(), threading.Event()
    original = getattr(kernel, function)

    def held(*arguments: Any) -> Any:
        inside.set()
        assert go.wait(timeout=60)
        return original(*arguments)

    def finish() -> Any:
        go.set()
        return running.result(timeout=60)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(kernel, function, held)
        running = pool.submit(run)
        try:
            assert inside.wait(timeout=60)
            patch.setattr(kernel, function, original)
            yield finish
        finally:
            go.set()


# --- another thread -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["forward", "loss", "loss_and_gradients", "vjp"])
def test_calls_beside_another_are_refused(
    call: Call, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, other = call.workspace(), Call.draw(call.kernel, len(call.x), seed=1)
    expected = calls_of(call, None)[name]()
    run = calls_of(call, workspace)[name]
    with held_inside(call.kernel, "_forward", run, monkeypatch) as finish:
        for refused in calls_of(other, workspace).values():
            with pytest.raises(RuntimeError, match=IN_USE):
                refused()
        assert_equal(finish(), expected)
    assert_equal(other.all(workspace), other.all())


def test_calls_beside_a_pullback_are_refused(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, other = call.workspace(), Call.draw(call.kernel, len(call.x), seed=1)
    expected = pullback(call, None)()
    run = pullback(call, workspace)
    with held_inside(call.kernel, "_backward", run, monkeypatch) as finish:
        for refused in (run, *calls_of(other, workspace).values()):
            with pytest.raises(RuntimeError, match=IN_USE):
                refused()
        assert_equal(finish(), expected)
    with pytest.raises(RuntimeError, match=r"^pullback: its buffers are spent, "):
        run()
    assert_equal(other.all(workspace), other.all())


def test_a_pullback_beside_another_call_is_refused_and_not_spent(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is refused for its argument leaves what the pullback needs."""
    workspace = call.workspace()
    pull, expected = pullback(call, workspace), pullback(call, None)()
    calls = workspace.calls
    calls.append(object())
    for refused in (pull, *calls_of(call, workspace).values()):
        with pytest.raises(RuntimeError, match=IN_USE):
            refused()
    calls.clear()
    assert_equal(pull(), expected)


@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_calls_beside_credit_are_refused(style: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call.draw(gc.load(gc.GRU, style=style, extras=("credit",)), 3)
    workspace = call.workspace()
    expected = calls_of(call, None)["credit"]()
    run = calls_of(call, workspace)["credit"]
    with held_inside(call.kernel, "_measured", run, monkeypatch) as finish:
        for refused in calls_of(call, workspace).values():
            with pytest.raises(RuntimeError, match=IN_USE):
                refused()
        for part, other in zip(arrays(finish()[:-1]), arrays(expected[:-1]), strict=True):
            np.testing.assert_array_equal(part[1], other[1])


def test_threads_that_share_a_workspace_get_right_results_or_none(call: Call) -> None:
    """They change turns as often as Python can make them."""
    calls = [Call.draw(call.kernel, len(call.x), seed=seed) for seed in range(2)]
    expected = [some.loss_and_gradients() for some in calls]
    workspace, together = call.workspace(), threading.Barrier(len(calls))

    def run(index: int) -> list[Any]:
        made = []
        together.wait(timeout=60)
        for _ in range(300):
            with suppress(RuntimeError):
                made.append(calls[index].loss_and_gradients(workspace))
        return made

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(calls)) as pool:
            results = list(pool.map(run, range(len(calls))))
    finally:
        sys.setswitchinterval(interval)
    for made, right in zip(results, expected, strict=True):
        for result in made:
            assert_equal(result, right)
    assert any(results)
    assert workspace.calls == []


# --- the same thread ------------------------------------------------------------------------------


class Calling:
    """An argument that makes a call when it is read."""

    def __init__(self, value: Any, call: Callable[[], Any]) -> None:
        self.value, self.call = value, call

    def __array__(self, *_: Any, **__: Any) -> Any:
        self.call()
        return np.asarray(self.value)


def test_a_call_within_a_call_is_refused(call: Call) -> None:
    workspace = call.workspace()
    expected = call.all()
    for within in calls_of(call, workspace).values():
        outer = call.replace(y=Calling(call.y, within))
        with pytest.raises(RuntimeError, match=IN_USE):
            outer.loss_and_gradients(workspace)
        assert_equal(call.all(workspace), expected)


def test_a_call_within_a_pullback_is_refused(call: Call) -> None:
    workspace, run = call.workspace(), (call.params, call.x, call.s0)
    outputs, _, pull = call.kernel.vjp(*run, workspace=workspace)
    ones = np.ones_like(outputs)
    for within in (lambda: pull(ones), *calls_of(call, workspace).values()):
        with pytest.raises(RuntimeError, match=IN_USE):
            pull(Calling(ones, within))
    assert_equal(pull(ones), pullback(call, None)())


# --- however a call ends --------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["_prepared", "_begun", "_targets", "_forward", "_backward"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_a_workspace_is_free_after_a_call_that_fails(
    call: Call, function: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = call.workspace()

    def fail(*_: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(call.kernel, function, fail)
        with pytest.raises(error):
            call.loss_and_gradients(workspace)
    assert_equal(call.all(workspace), call.all())


def test_a_workspace_is_free_after_an_interrupted_pullback(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = call.workspace()
    pull = pullback(call, workspace)

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(call.kernel, "_backward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pull()
    assert_equal(call.all(workspace), call.all())


def test_it_is_free_after_an_interruption_just_as_a_call_enters(call: Call) -> None:
    class Interrupted(list[object]):
        def append(self, item: object) -> None:
            super().append(item)
            raise KeyboardInterrupt

    workspace = call.workspace()
    pull = pullback(call, workspace)
    workspace.calls = Interrupted()
    for run in (pull, *calls_of(call, workspace).values()):
        with pytest.raises(KeyboardInterrupt):
            run()
        assert workspace.calls == []


def test_a_refused_argument_leaves_the_workspace_free(call: Call) -> None:
    workspace = call.workspace()
    with pytest.raises(ValueError, match=r"^y: "):
        call.replace(y=call.y[:, :1]).loss(workspace)
    assert_equal(call.all(workspace), call.all())


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))]
)
def test_a_copy_of_a_workspace_in_use_is_free(
    call: Call, duplicate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, expected = call.workspace(), call.all()
    run = calls_of(call, workspace)["loss_and_gradients"]
    with held_inside(call.kernel, "_forward", run, monkeypatch) as finish:
        other = duplicate(workspace)
        assert_equal(call.all(other), expected)
        assert_equal(finish(), expected[0])
