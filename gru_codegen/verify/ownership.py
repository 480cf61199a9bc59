"""Checks of who owns which array: the caller the inputs and results, a workspace its buffers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .calls import arrays, call
from .claim import Claim, over, tolerance
from .configuration import Array, Problem, Sizes, cast
from .consistency import TOLERANCE
from .difference import Difference, difference, verdict, worst
from .entry_points import untold
from .options import adjoints


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about a workspace used again, and about arrays that a call leaves alone."""
    turns = _in_turn(problems)
    allowed = tolerance(turns, TOLERANCE)
    kernel = problems[0].kernel
    of_weights = Claim("workspace", "made for weights", None, allowed, over(problems, _made))
    return [
        *([of_weights] if hasattr(kernel.Workspace, "of") else []),
        Claim("workspace", "results as without", None, allowed, lambda: _reused(turns)),
        Claim("workspace", "earlier results stay", None, 0, lambda: _kept(turns)),
        Claim("inputs", "left unmodified", None, 0, over(problems, _unmodified)),
        Claim("inputs", "no result shares them", None, 0, over(problems, _unshared)),
    ]


def _in_turn(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems for one workspace: other data, and other T if the kernel takes any.

    Then one has one step less than the one before it: a comparison of the two numbers that is off
    by one shows there.
    """
    first = problems[0]
    drawn_anew = [each.other(seed=each.seed + 1) for each in problems]
    turns = [*problems, *drawn_anew, first]
    if first.kernel.UNROLL is None:
        T, *others = first.sizes
        turns += [first.other(sizes=Sizes(T - 1, *others)), first]
    return turns


def _reused(turns: Sequence[Problem]) -> Difference:
    workspace = turns[0].workspace()
    return worst(
        difference(
            f"at {problem}, turn {turn} of one workspace, results",
            call(problem, workspace, before=lambda: _spoil(workspace)),
            call(problem),
        )
        for turn, problem in enumerate(turns, start=1)
    )


def _made(problem: Problem) -> Difference:
    differences = []
    for dtype in (np.float32, np.float64):
        params = cast(problem.arguments.params, dtype)
        made, right = _made_for(problem, params), problem.workspace(dtype)
        run = problem.arguments._replace(params=params).run
        found = problem.kernel.forward(*run, workspace=made)
        without = problem.kernel.forward(*run)
        same = (made.sizes, made.dtype) == (right.sizes, right.dtype)
        differences += [
            verdict(same, f"Workspace.of makes one of {made.sizes} and {made.dtype}"),
            difference(f"at {problem}, results with what Workspace.of makes", found, without),
        ]
    return worst(differences)


def _made_for(problem: Problem, params: Any) -> Any:
    """Return a new workspace that the kernel makes for weights."""
    numbers = {"input_size": problem.sizes.D, "hidden_size": problem.sizes.H, **problem.keywords}
    keywords = {name: numbers[name] for name in untold(problem.kernel)}
    return problem.kernel.Workspace.of(params, problem.sizes.B, **keywords)


def _kept(turns: Sequence[Problem]) -> Difference:
    workspace = turns[0].workspace()
    # The first round lets the workspace grow: buffers that were replaced show no later write.
    for problem in turns:
        made = call(problem, workspace)
    before = copy.deepcopy(made)
    for problem in turns[:-1]:
        call(problem, workspace)
    _spoil(workspace)
    return difference("after more calls with the workspace, results", made, before)


def _spoil(value: Any) -> None:
    """Fill every array that a workspace holds with NaN: no call may read values that another left.

    Constants have no dimension or are read-only, but for views of them that are not. Of a view all
    that it is a view of is filled, so that nothing is spared for having no name of its own.
    """
    parts = [part for array in arrays_in(value) for part in (owner(array), array)]
    filled: set[int] = set()
    for part in parts:
        if {id(part), id(part.base)} & filled:  # what a view shows has been filled
            continue
        if part.ndim and part.dtype.kind in "fcb" and part.flags.writeable:
            part.fill(np.nan)  # a mask becomes True
            filled.add(id(part))


def owner(array: Array) -> Array:
    """Return the array that ``array`` is a view of, or itself."""
    return array.base if isinstance(array.base, np.ndarray) else array


def arrays_in(held: Any) -> Iterator[Array]:
    """Yield every array that a workspace, or a part of one, has; views of one among them."""
    if isinstance(held, np.ndarray):
        yield held
    elif isinstance(held, dict | list | tuple):
        for entry in held.values() if isinstance(held, dict) else held:
            yield from arrays_in(entry)
    elif hasattr(held, "__dict__") and not isinstance(held, type):
        yield from arrays_in(vars(held))


def _unmodified(problem: Problem) -> Difference:
    # The data of a problem are read-only; their copies are not.
    arguments, given = copy.deepcopy((problem.arguments, adjoints(problem)))
    call(problem, arguments=arguments, given=given)
    call(problem, problem.workspace(), arguments=arguments, given=given)
    return worst(
        [
            difference(f"at {problem}, after calls, inputs", arguments, problem.arguments),
            difference(f"at {problem}, after calls, inputs", given, adjoints(problem)),
        ]
    )


def _unshared(problem: Problem) -> Difference:
    given = adjoints(problem)
    results = call(problem, problem.workspace(), given=given)
    shared = [
        f"{result} and {name}"
        for result, made in arrays("result", results)
        for name, held in arrays("inputs", (*problem.arguments, *given))
        if isinstance(made, np.ndarray) and np.shares_memory(made, held)
    ]
    return verdict(not shared, f"at {problem}, one memory for {', '.join(shared)}")
