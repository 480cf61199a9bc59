"""Checks that arguments with fields are taken by the names of these, and never by their place."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from typing import Any

from .claim import Claim, over, tolerance
from .configuration import Problem
from .consistency import TOLERANCE
from .difference import Difference, difference, refusal, worst
from .entry_points import main
from .options import adjoints

# Through a name of their own, because field names that are computed have no static type.
_named_tuple: Callable[..., Any] = collections.namedtuple


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return a claim about each argument that a kernel takes with fields, the weights first."""
    allowed, kernel = tolerance(problems, TOLERANCE), problems[0].kernel
    taken = [
        (name, measure)
        for kind, entry_point, name, measure in _TAKEN_BY_NAME
        if hasattr(kernel, kind) and hasattr(kernel, entry_point)
    ]
    return [
        Claim(name, "taken by field name", None, allowed, over(problems, measure))
        for name, measure in taken
    ]


def _by_name(problem: Problem) -> Difference:
    """Take any NamedTuple with the fields of Params, never swap two, refuse other names."""
    kernel, arguments = problem.kernel, problem.arguments
    params, *data = arguments.of(kernel, main(kernel))
    *others, last = params._fields
    order = _exchanged(params)
    same = _named_tuple("Same", params._fields)(*params)
    renamed = _named_tuple("Renamed", (*others, f"{last}_"))(*params)
    reordered = _named_tuple("Reordered", order)(*(getattr(params, name) for name in order))

    run = getattr(kernel, main(kernel))
    right = run(params, *data)
    checks = [
        difference("from another NamedTuple, results", run(same, *data), right),
        refusal(f"{last}_ for {last}", f"{last}_?|params", run, renamed, *data),
    ]
    try:
        results = run(reordered, *data)
    except (TypeError, ValueError):
        pass  # Refusing another order is as safe as taking it by name.
    else:
        checks.append(difference("from reordered params, results", results, right))
    return worst(checks)


def _inputs_by_name(problem: Problem) -> Difference:
    """Take any NamedTuple with the fields of Inputs, and refuse one array and other names."""
    return _field_by_name(problem, "x", {"one array for all inputs": problem.arguments.x[0]})


def _constants_by_name(problem: Problem) -> Difference:
    """Take any NamedTuple with the fields of Constants, and refuse a tuple and other names."""
    constants = problem.arguments.constants
    return _field_by_name(problem, "constants", {"a tuple": tuple(constants)})


def _field_by_name(problem: Problem, argument: str, refused: dict[str, Any]) -> Difference:
    """Check that an argument with fields is taken by their names, and what is to be refused."""
    given, run = problem.arguments, problem.kernel.forward
    value = getattr(given, argument)
    *others, last = value._fields

    def called(other: Any) -> tuple[Any, ...]:
        return given._replace(**{argument: other}).run

    reordered = _named_tuple("Reordered", (last, *others))(value[-1], *value[:-1])
    renamed = _named_tuple("Renamed", (*others, f"{last}_"))(*value)
    results = run(*called(reordered))
    mention = f"{last}_?|{argument}"
    return worst(
        [
            difference(f"from reordered {argument}, results", results, run(*given.run)),
            refusal(f"{last}_ for {last}", mention, run, *called(renamed)),
            *(refusal(name, argument, run, *called(bad)) for name, bad in refused.items()),
        ]
    )


def _outputs_by_name(problem: Problem) -> Difference:
    """Take any NamedTuple with the fields of Outputs and a tuple; refuse other names, one array."""
    kernel, (value, d_state) = problem.kernel, adjoints(problem)
    *others, last = value._fields

    def run(given: Any) -> Any:
        _, _, pullback = kernel.vjp(*problem.arguments.run)
        return pullback(given, d_state)

    reordered = _named_tuple("Reordered", (last, *others))(value[-1], *value[:-1])
    renamed = _named_tuple("Renamed", (*others, f"{last}_"))(*value)
    results = run(value)
    return worst(
        [
            difference("from reordered d_outputs, results", run(reordered), results),
            difference("from a tuple, results", run(tuple(value)), results),
            refusal(f"{last}_ for {last}", f"{last}_?|d_outputs", run, renamed),
            refusal("one array for all outputs", "d_outputs", run, value[0]),
            refusal("a tuple too short", "d_outputs", run, tuple(value[:-1])),
        ]
    )


def _exchanged(params: Any) -> list[str]:
    """Return the fields with weights of equal shape, which only names tell apart, exchanged."""
    names: dict[tuple[int, ...], list[str]] = {}
    for name, weight in params._asdict().items():
        names.setdefault(weight.shape, []).append(name)
    return [names[weight.shape].pop() for weight in params]


#: The class that a kernel has for each, an entry point that takes it or that returns what does, its
#: name and its check.
_TAKEN_BY_NAME: tuple[tuple[str, str, str, Callable[[Problem], Difference]], ...] = (
    ("Params", "forward", "params", _by_name),
    ("Inputs", "forward", "inputs", _inputs_by_name),
    ("Constants", "forward", "constants", _constants_by_name),
    ("Outputs", "vjp", "d_outputs", _outputs_by_name),
)
