"""Checks that the functions of a kernel tell the same story.

The gradient checks see `loss` and `loss_and_gradients` alone; these tie `forward`, the states and
the carry from window to window to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .calls import are_finite, call
from .claim import Claim, over, tolerance
from .configuration import Problem, joined, states
from .difference import Difference, difference, verdict, worst
from .entry_points import outputs

#: Two orders of the same float64 operations on data of order one.
TOLERANCE = 1e-12


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return one claim for each way in which the results of a kernel have to agree."""
    kernel = problems[0].kernel
    rows: dict[tuple[str, str], Callable[[Problem], Difference]] = {
        ("loss", "loss = loss_and_gradients"): _losses_agree,
        ("state", "forward = loss_and_gradients"): _states_agree,
        ("init_params", "one seed, one draw"): _draws_agree,
        ("s0", "used, and None is zeros"): _s0_is_used,
        ("outputs", "forward gives the loss"): _outputs_give_the_loss,
    }
    if {*outputs(kernel)} & {*kernel.STATES}:
        rows["outputs", "last row is the state"] = _last_output_is_the_state
    if kernel.UNROLL is None:
        rows["state", "two windows = one run"] = _windows_agree

    return _claims(problems, rows)


def claims_of_forward(problems: Sequence[Problem]) -> list[Claim]:
    """Return those that there are of a kernel without loss and gradients."""
    rows: dict[tuple[str, str], Callable[[Problem], Difference]] = {
        ("init_params", "one seed, one draw"): _draws_agree,
        ("s0", "used, and None is zeros"): _s0_is_used,
    }
    kernel = problems[0].kernel
    if {*outputs(kernel)} & {*kernel.STATES}:
        rows["outputs", "last row is the state"] = _last_output_is_the_state
    return _claims(problems, rows)


def _claims(
    problems: Sequence[Problem], rows: Mapping[tuple[str, str], Callable[[Problem], Difference]]
) -> list[Claim]:
    allowed = tolerance(problems, TOLERANCE)
    return [
        Claim(subject, method, None, allowed, over(problems, compare))
        for (subject, method), compare in rows.items()
    ]


def _losses_agree(problem: Problem) -> Difference:
    loss = problem.kernel.loss(*problem.arguments.trained)
    return difference(f"at {problem}, loss", loss, problem.result.loss)


def _states_agree(problem: Problem) -> Difference:
    _, state = problem.kernel.forward(*problem.arguments.run)
    return difference(f"at {problem}, state", state, problem.result.state)


def _draws_agree(problem: Problem) -> Difference:
    kernel, (_, _, D, H) = problem.kernel, problem.sizes
    double = kernel.init_params(D, H, rng=problem.seed, **problem.keywords)
    generator = np.random.default_rng(problem.seed)
    single = kernel.init_params(D, H, rng=generator, dtype=np.float32, **problem.keywords)
    expected = type(double)(*(weight.astype(np.float32) for weight in double))
    return difference("params", single, expected)


def _s0_is_used(problem: Problem) -> Difference:
    arguments, s0 = problem.arguments, problem.arguments.s0
    zeros = type(s0)(*map(np.zeros_like, s0)) if isinstance(s0, tuple) else np.zeros_like(s0)
    started = call(problem)
    without = call(problem, arguments=arguments._replace(s0=None))
    from_zeros = call(problem, arguments=arguments._replace(s0=zeros))
    # Not in each result: the outputs need not depend on every state, nor do all in one step.
    used = any(
        difference(name, one, other).error != 0
        for name, one, other in zip(started._fields, started, without, strict=True)
    )
    return worst(
        [
            difference(
                f"at {problem}, without s0, results",
                without,
                from_zeros,
                # Zeros need not be in the domain of the cell, s0 is.
                defined=not are_finite(started),
            ),
            verdict(used, f"at {problem}, s0 changes nothing"),
        ]
    )


def _outputs_give_the_loss(problem: Problem) -> Difference:
    found, _ = problem.kernel.forward(*problem.arguments.run)
    expected = problem.loss.value(found, problem.arguments.y)
    return difference(f"at {problem}, loss", problem.result.loss, expected)


def _last_output_is_the_state(problem: Problem) -> Difference:
    kernel = problem.kernel
    found, state = kernel.forward(*problem.arguments.run)
    last = dict(zip(kernel.STATES, states(state), strict=True))
    named = zip(outputs(kernel), states(found), strict=True)
    return worst(
        difference(f"at {problem}, outputs[-1] of {name}", each[-1], last[name])
        for name, each in named
        if name in last
    )


def _windows_agree(problem: Problem) -> Difference:
    kernel, arguments, cut = problem.kernel, problem.arguments, problem.sizes.T // 2
    before, after = arguments.cut(slice(cut)), arguments.cut(slice(cut, None))
    first, carried = kernel.forward(*before.run)
    rest, state = kernel.forward(*after._replace(s0=carried).run)
    _, _, trained = kernel.loss_and_gradients(*before.trained)
    _, _, trained = kernel.loss_and_gradients(*after._replace(s0=trained).trained)
    return difference(
        f"at {problem}, cut at {cut}, (outputs, state, state)",
        (joined(first, rest), state, trained),
        (*kernel.forward(*arguments.run), problem.result.state),
    )
