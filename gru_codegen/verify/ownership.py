"""Checks of who owns which array: the caller the inputs and results, a workspace its buffers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .calls import call
from .claim import Claim, over
from .configuration import Array, Problem
from .consistency import TOLERANCE
from .difference import Difference, difference, verdict, worst


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about a workspace used again, and about what a call leaves alone."""
    return [
        Claim("workspace", "results as without", None, TOLERANCE, lambda: _reused(problems)),
        Claim("workspace", "earlier results stay", None, 0, lambda: _kept(problems)),
        Claim("inputs", "left unmodified", None, 0, over(problems, _unmodified)),
        Claim("inputs", "no result shares them", None, 0, over(problems, _unshared)),
    ]


def _in_turn(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems for one workspace: other data, and other T if the kernel takes any."""
    return [*problems, *(replace(each, seed=each.seed + 1) for each in problems), problems[0]]


def _reused(problems: Sequence[Problem]) -> Difference:
    workspace = problems[0].workspace()
    return worst(
        difference(
            f"at {problem}, turn {turn} of one workspace, results",
            call(problem.kernel, problem.arguments, workspace),
            call(problem.kernel, problem.arguments),
        )
        for turn, problem in enumerate(_in_turn(problems), start=1)
    )


def _kept(problems: Sequence[Problem]) -> Difference:
    workspace = problems[0].workspace()
    turns = _in_turn(problems)
    # The first round lets the workspace grow: buffers that were replaced show no later write.
    for problem in turns:
        made = call(problem.kernel, problem.arguments, workspace)
    before = copy.deepcopy(made)
    for problem in turns[:-1]:
        call(problem.kernel, problem.arguments, workspace)
    return difference("after more calls with the workspace, results", made, before)


def _unmodified(problem: Problem) -> Difference:
    # The data of a problem are read-only; their copies are not.
    arguments = copy.deepcopy(problem.arguments)
    call(problem.kernel, arguments)
    call(problem.kernel, arguments, problem.workspace())
    return difference(f"at {problem}, after calls, inputs", arguments, problem.arguments)


def _unshared(problem: Problem) -> Difference:
    results = call(problem.kernel, problem.arguments, problem.workspace())
    shared = [
        f"{result} and {given}"
        for result, made in _arrays("result", results)
        for given, held in _arrays("inputs", problem.arguments)
        if np.shares_memory(made, held)
    ]
    return verdict(not shared, f"at {problem}, one memory for {', '.join(shared)}")


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Yield every array in a tuple of tuples, with the path that leads to it."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        for field, entry in zip(fields, value, strict=True):
            yield from _arrays(f"{name}.{field}", entry)
    elif isinstance(value, np.ndarray):
        yield name, value
