"""All the functions of a kernel, called with the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .configuration import Arguments, Problem
from .entry_points import entry_points, main, takes
from .options import Adjoints, adjoints, lengths, mask, weights


class Results(NamedTuple):
    """The results of each function; ``again`` is the second return of `loss_and_gradients`.

    ``with_options`` holds what the calls with optional arguments returned, and the pullback.
    """

    loss_and_gradients: Any
    others: tuple[Any, ...]
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
    data = problem.arguments if arguments is None else arguments
    d_outputs_and_state = adjoints(problem) if given is None else given

    def run(function: str, **keywords: Any) -> Any:
        before()
        results = getattr(kernel, function)(
            *data.of(kernel, function), workspace=workspace, **keywords
        )
        if "pullback" not in entry_points(kernel)[function]:
            return results
        *made, pullback = results
        return (*made, pullback(*d_outputs_and_state))

    once = main(kernel)
    return Results(
        run(once),
        tuple(run(function) for function in entry_points(kernel) if function != once),
        tuple(_with_options(kernel, run, data.inputs[0].shape[:2], d_outputs_and_state[1])),
        run(once),
    )


def _with_options(
    kernel: ModuleType, run: Callable[..., Any], sizes: tuple[int, ...], d_state: Any
) -> Iterator[Any]:
    """Yield what each entry point returns with each of the optional arguments that it takes."""
    given = {
        "loss_weights": weights(*sizes),
        "lengths": lengths(*sizes),
        "mask": mask(*sizes),
        "d_state": d_state,
    }
    for name, value in given.items():
        for function in entry_points(kernel):
            if takes(kernel, function, name):
                yield run(function, **{name: value})


def arrays(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every array and number in a tuple of tuples, with the path that leads to it."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        for field, entry in zip(fields, value, strict=True):
            yield from arrays(f"{name}.{field}", entry)
    elif value is not None:
        yield name, value


def are_finite(value: Any) -> bool:
    """Return whether no number in a tuple of tuples is infinite or NaN."""
    return all(np.isfinite(each).all() for _, each in arrays("", value))
