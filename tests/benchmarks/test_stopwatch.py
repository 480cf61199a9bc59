"""Kinds of statements, and that a module with a stopwatch does what it did without."""

from __future__ import annotations

import ast
from time import sleep
from typing import Any

import pytest

from benchmarks.problem import cast, disagreement, make_problem
from benchmarks.sizes import DTYPES, LAYOUTS, Size
from benchmarks.stopwatch import KINDS, Stopwatch, kind_of

TINY = Size(3, 2, 4, 5)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("W.dot(x, a)", "products"),
        ("np.matmul(x, W, out=a)", "products"),
        ("dW = _rows(x).T @ _rows(da)", "products"),
        ("np.tanh(a, Z)", "transcendental"),
        ("Z = 1 / (1 + np.exp(-a))", "transcendental"),
        ("np.multiply(R, S, RS)", "elementwise"),
        ("loss = _inner(dO, dO) / 2", "elementwise"),
        ("x_copy[...] = x", "copies"),
        ("np.copyto(S, S_prev, where=ended)", "copies"),
        ("dW = dW_both[:D].copy()", "copies"),
        ("a, b = w.steps[0]", "other"),
        ("W_T = W.T", "other"),
        ("gradients = Params(dW)", "other"),
    ],
)
def test_kinds(statement: str, kind: str) -> None:
    (parsed,) = ast.parse(statement).body
    assert kind_of(parsed) == kind


SOURCE = """\
def timed(repeats, do):
    total = 0
    for _ in range(repeats):
        if total > 1:
            do.dot(do)
        total += 1
    return total


def left_alone():
    x = 1
    return x
"""


class Slow:
    """Takes a while to multiply."""

    def dot(self, other: object) -> None:
        sleep(0.01)


def test_what_takes_long_is_the_kind_that_does() -> None:
    watch = Stopwatch(SOURCE, {"timed"})
    readings = watch.time(lambda: watch.module.timed(4, Slow()))
    products = [seconds for kind, seconds in readings if kind == "products"]
    assert len(products) == 2  # the two steps whose condition holds
    assert min(products) >= 0.01
    kinds = [kind for kind, _ in readings]
    assert kinds == [kind for kind, _ in watch.time(lambda: watch.module.timed(4, Slow()))]
    assert watch.module.timed(4, Slow()) == 4
    assert [kind for kind, _ in watch.time(watch.module.left_alone)] == ["other"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_kernel_with_a_stopwatch_is_right_and_does_all_kinds(layout: Any) -> None:
    import gru_codegen as gc
    from benchmarks.contenders import kernels

    problem = cast(make_problem("gru", TINY), "float64")
    watch = Stopwatch(gc.generate(gc.GRU, unroll=None, layout=layout))
    call, read = kernels.with_workspace(watch.module, problem)
    assert disagreement(read(call()), problem.truth) < DTYPES["float64"]
    readings = watch.time(call)
    assert {kind for kind, _ in readings} >= set(KINDS) - {"copies"}
