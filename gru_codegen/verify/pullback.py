"""Checks of the pullback that `vjp` returns, by a complex step through `forward`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .claim import Claim, over, tolerance
from .complex_step import STEP, TOLERANCE
from .configuration import Arguments, Array, Problem, inner, parts, states
from .difference import Difference, difference, verdict, worst
from .direction import movable, moved, slope
from .options import Adjoints, adjoints


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about the results of the pullback and about when it may be called."""
    allowed = tolerance(problems, TOLERANCE)
    return [
        Claim("vjp", "complex step through forward", STEP, allowed, over(problems, _gradients)),
        Claim("vjp", "forward's results", None, allowed, over(problems, _results)),
        Claim("vjp", "pullback works once", None, 0, over(problems, _once)),
    ]


def through_forward(
    problem: Problem, arguments: Arguments, given: Adjoints, **keywords: Any
) -> tuple[list[Array], float]:
    """Return a random v and the derivative along v of <d_outputs, outputs> + <d_state, state>.

    v has an array for each weight, for each input with a gradient and for each state. ``keywords``
    go to `forward`.
    """
    rng = problem.drawn(3)
    # Each array has as large a share in v, however many entries it has.
    arrays = movable(problem, arguments)
    v = [rng.standard_normal(part.shape) / np.sqrt(part.size) for part in arrays]
    at = moved(problem, arguments, v, 1j * STEP)
    outputs, state = problem.kernel.forward(*at.run, **keywords)
    value = inner(outputs, given.d_outputs) + inner(state, given.d_state)
    return v, complex(value).imag / STEP


def _gradients(problem: Problem) -> Difference:
    kernel = problem.kernel
    differences = []
    for given in (adjoints(problem), _without_state(problem)):
        v, expected = through_forward(problem, problem.arguments, given)
        _, _, pullback = kernel.vjp(*problem.arguments.run)
        gradients, d_x, d_s0 = pullback(*given)
        name = f"at {problem}, pullback"
        differences.append(slope(name, (*gradients, *parts(d_x), *states(d_s0)), v, expected))
    return worst(differences)


def _without_state(problem: Problem) -> Adjoints:
    d_outputs, d_state = adjoints(problem)
    zeros = [np.zeros_like(part) for part in states(d_state)]
    return Adjoints(d_outputs, type(d_state)(*zeros) if isinstance(d_state, tuple) else zeros[0])


def _results(problem: Problem) -> Difference:
    kernel, run = problem.kernel, problem.arguments.run
    d_outputs, d_state = _without_state(problem)
    outputs, state, pullback = kernel.vjp(*run)
    pulled = pullback(d_outputs)
    _, _, again = kernel.vjp(*run)
    return worst(
        [
            difference(f"at {problem}, (outputs, state)", (outputs, state), kernel.forward(*run)),
            difference(
                f"at {problem}, pullback without d_state", pulled, again(d_outputs, d_state)
            ),
        ]
    )


def _once(problem: Problem) -> Difference:
    kernel, run = problem.kernel, problem.arguments.run
    given, workspace = adjoints(problem), problem.workspace()
    _, _, used = kernel.vjp(*run)
    used(*given)
    _, _, overtaken = kernel.vjp(*run, workspace=workspace)
    kernel.forward(*run, workspace=workspace)
    return worst(
        [
            _refuses(used, given, "a second call of a pullback"),
            _refuses(overtaken, given, "a pullback whose workspace has served another call"),
        ]
    )


def _refuses(pullback: Callable[..., object], given: Adjoints, name: str) -> Difference:
    try:
        pullback(*given)
    except RuntimeError:
        return verdict(True, "")
    return verdict(False, f"{name} was not refused")
