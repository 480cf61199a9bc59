"""All the functions of a kernel, called with the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from .configuration import Arguments, Problem
from .options import Adjoints, adjoints, lengths, options, weights


class Results(NamedTuple):
    """The results of each function; ``again`` is the second return of `loss_and_gradients`.

    ``with_options`` holds what the calls with optional arguments returned, and the pullback.
    """

    loss_and_gradients: Any
    forward: Any
    loss: Any
    with_options: tuple[Any, ...]
    again: Any


def call(
    problem: Problem,
    workspace: Any = None,
    *,
    arguments: Arguments | None = None,
    given: Adjoints | None = None,
    before: Callable[[], object] = lambda: None,
) -> Results:
    """Call them in turn, `loss_and_gradients` both before and after the others.

    ``arguments`` and ``given``, for the pullback, are those of the problem if None. ``before`` is
    called before each.
    """
    kernel = problem.kernel
    params, x, y, s0 = problem.arguments if arguments is None else arguments

    def run(function: str, *data: Any, **keywords: Any) -> Any:
        before()
        return getattr(kernel, function)(params, *data, workspace=workspace, **keywords)

    return Results(
        run("loss_and_gradients", x, y, s0),
        run("forward", x, s0),
        run("loss", x, y, s0),
        _with_options(kernel, run, (x, y, s0), adjoints(problem) if given is None else given),
        run("loss_and_gradients", x, y, s0),
    )


def _with_options(
    kernel: ModuleType, run: Callable[..., Any], data: tuple[Any, Any, Any], given: Adjoints
) -> tuple[Any, ...]:
    x, y, s0 = data
    steps, batch = x.shape[:2]
    offered = options(kernel)
    results: list[Any] = []
    if offered.vjp:
        *made, pullback = run("vjp", x, s0)
        results += [*made, pullback(*given)]
    if offered.loss_weights:
        V = {"loss_weights": weights(steps, batch)}
        results += [run("loss_and_gradients", x, y, s0, **V), run("loss", x, y, s0, **V)]
    if offered.lengths:
        shorter = {"lengths": lengths(steps, batch)}
        results += [
            run("loss_and_gradients", x, y, s0, **shorter),
            run("forward", x, s0, **shorter),
        ]
        if offered.vjp:
            *made, pullback = run("vjp", x, s0, **shorter)
            results += [*made, pullback(*given)]
    return tuple(results)


def arrays(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every array and number in a tuple of tuples, with the path that leads to it."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        for field, entry in zip(fields, value, strict=True):
            yield from arrays(f"{name}.{field}", entry)
    elif value is not None:
        yield name, value
