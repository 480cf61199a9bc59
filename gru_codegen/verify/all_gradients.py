"""Checks of `all_gradients`, and of a pullback that is not asked for the gradients of inputs.

Loss, outputs and states are those of other functions. The gradients of everything at once, with
what is added to the adjoint of the last state, are held to a complex step, to central differences
and to the pullback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import complex_step, finite_differences
from .claim import Claim, over, tolerance
from .complex_step import STEP
from .configuration import Arguments, Array, Problem, cast, inner, mapped, parts, states
from .difference import Difference, difference, error_of, verdict, worst
from .direction import moved, norm_of, slope
from .entry_points import differentiated
from .options import adjoints, ended, lengths, mask, options, padded, weights

#: How many times what round-off takes from one of two results they may differ by.
LOST = 4.0
#: The method, the step and the tolerance of central differences.
_DIFFERENCE = (finite_differences.METHOD, finite_differences.STEP, finite_differences.TOLERANCE)


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about the results of `all_gradients` with every option."""
    name, allowed = "all_gradients", tolerance(problems, complex_step.TOLERANCE)
    found = [
        Claim(name, "results of the others", None, allowed, over(problems, _results)),
        Claim(name, complex_step.METHOD, STEP, allowed, over(problems, _stepped)),
        Claim(name, *_DIFFERENCE, over(problems, _differenced)),
    ]
    if options(problems[0].kernel).vjp:
        found.append(Claim(name, "with a pullback", None, allowed, over(problems, _pulled)))
    return found


class _Case(NamedTuple):
    """A call: optional arguments by name, and where others are not to be read, (T, B)."""

    name: str
    keywords: dict[str, Array]
    padding: Array
    unread: Array

    def arguments(self, given: Arguments) -> Arguments:
        """The arguments with NaN where nothing may be read."""
        return padded(given, self.padding, self.unread)

    @property
    def of_run(self) -> dict[str, Array]:
        """The optional arguments that a run without targets takes too."""
        return {name: value for name, value in self.keywords.items() if name != "loss_weights"}


def _cases(problem: Problem) -> Iterator[_Case]:
    """Yield one for each set of options that the kernel has."""
    T, B = problem.sizes[:2]
    offered, none = options(problem.kernel), np.zeros((T, B), bool)
    V, left = weights(T, B), lengths(T, B)
    past = ended(T, left)
    yield _Case("", {}, none, none)
    if offered.loss_weights:
        yield _Case(" with loss_weights", {"loss_weights": V}, none, V == 0)
    if offered.lengths:
        yield _Case(" with lengths", {"lengths": left}, past, past)
    if offered.mask:
        real = mask(T, B)
        given, padding = {"lengths": left, "mask": real}, past | ~real
        yield _Case(" with lengths and a mask", given, padding, padding)
    if offered.loss_weights and offered.lengths:
        both = {"loss_weights": V, "lengths": left}
        yield _Case(" with lengths and loss_weights", both, past, past | (V == 0))


def _results(problem: Problem) -> Difference:
    """Compare results with those of the functions that have one or another of them."""
    kernel, d_state, differences = problem.kernel, adjoints(problem).d_state, []
    for case in _cases(problem):
        given, where = case.arguments(problem.arguments), f"at {problem}{case.name}"
        trained = kernel.loss_and_gradients(*given.trained, **case.keywords)
        outputs, state = kernel.forward(*given.run, **case.of_run)
        alone = kernel.all_gradients(*given.trained, **case.keywords)
        moved = kernel.all_gradients(*given.trained, d_state=d_state, **case.keywords)
        differences.append(difference(f"{where}, gradients", alone.params, trained.gradients))
        for found in (alone, moved):
            right = (trained.loss, outputs, state)
            results = (found.loss, found.outputs, found.state)
            differences.append(difference(f"{where}, (loss, outputs, state)", results, right))
        for name, each in zip(differentiated(kernel), parts(moved.x), strict=True):
            padding = each[case.padding]
            differences.append(difference(f"{where}, d_{name} of padding", padding, 0 * padding))
    return worst(differences)


def _stepped(problem: Problem) -> Difference:
    """The derivative along a random v of all arguments by a complex step of loss and state."""
    differences = []
    for case in _cases(problem):
        for d_state in (None, adjoints(problem).d_state):
            v, gradients, value = _along(problem, case, d_state)
            expected = complex(value(1j * STEP)).imag / STEP
            differences.append(slope(f"at {problem}{case.name}", gradients, v, expected))
    return worst(differences)


def _differenced(problem: Problem) -> Difference:
    """The same by central differences."""
    differences = []
    for case in _cases(problem):
        v, gradients, value = _along(problem, case, adjoints(problem).d_state)
        found = finite_differences.derivative(value)
        name = f"at {problem}{case.name}"
        if not np.isfinite(found.error):
            differences.append(Difference(np.nan, f"{name}, the loss is not finite"))
            continue
        doubt = finite_differences.TRUST * found.error / norm_of(gradients, found.value)
        compared = slope(name, gradients, v, found.value)
        differences.append(compared._replace(doubt=float(doubt)))
    return worst(differences)


def _along(
    problem: Problem, case: _Case, d_state: Any
) -> tuple[list[Array], list[Array], Callable[[Any], Any]]:
    """A random v of length 1, an array for each gradient that there is; the gradients likewise.

    The last is the loss, and <d_state, state>, so many steps along v.
    """
    kernel, given = problem.kernel, case.arguments(problem.arguments)
    found = kernel.all_gradients(*given.trained, d_state=d_state, **case.keywords)
    gradients = [*_all(found)]
    rng = problem.drawn(12)
    v = [rng.standard_normal(part.shape) for part in gradients]
    length = np.sqrt(sum(float((part**2).sum()) for part in v))
    v = [part / length for part in v]

    def value(step: Any) -> Any:
        at = moved(problem, given, v, step)
        total = kernel.loss(*at.trained, **case.keywords)
        if d_state is not None:
            _, state = kernel.forward(*at.run, **case.of_run)
            total += inner(state, d_state)
        return total

    return v, gradients, value


def _pulled(problem: Problem) -> Difference:
    """The share of d_state is what a pullback of it alone gives, which need not give d_x.

    Padding can leave next to nothing of a gradient whose terms are saturated. Round-off then takes
    much of it, and how much, a longer type shows.
    """
    kernel, (d_outputs, d_state), differences = problem.kernel, adjoints(problem), []
    given_back = (mapped(np.zeros_like, d_outputs), d_state)
    for case in _cases(problem):
        given, where = case.arguments(problem.arguments), f"at {problem}{case.name}"
        found, expected, (d_params, _, d_s0) = _added(problem, case, given, given_back)
        _, _, again = kernel.vjp(*given.run, **case.of_run)
        weights_alone, none, start = again(*given_back, inputs=False)
        compared = difference(f"{where}, gradients", found, expected)
        if compared.error > complex_step.TOLERANCE:
            longer = _added(problem, case, *cast((given, given_back), np.longdouble))
            lost = max(map(error_of, (found, expected), longer))
            compared = compared._replace(doubt=LOST * lost)
        differences += [
            compared,
            difference(f"{where}, without inputs", (weights_alone, start), (d_params, d_s0)),
            verdict(none is None, f"{where}, d_x is not left out"),
        ]
    return worst(differences)


def _added(
    problem: Problem, case: _Case, given: Arguments, given_back: Any
) -> tuple[tuple[Array, ...], tuple[Array, ...], Any]:
    """All gradients, the sums of both shares, and the one of d_state as a pullback gives it."""
    kernel = problem.kernel
    alone = kernel.all_gradients(*given.trained, **case.keywords)
    moved = kernel.all_gradients(*given.trained, d_state=given_back[1], **case.keywords)
    _, _, pullback = kernel.vjp(*given.run, **case.of_run)
    pulled = d_params, d_x, d_s0 = pullback(*given_back)
    shares = (*d_params, *parts(d_x), *states(d_s0))
    return _all(moved), tuple(map(np.add, _all(alone), shares)), pulled


def _all(found: Any) -> tuple[Array, ...]:
    """The gradients that there are, one by one."""
    return (*found.params, *parts(found.x), *states(found.s0))
