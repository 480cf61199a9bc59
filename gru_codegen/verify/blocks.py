"""The check that a kernel whose products take few samples at a time takes all of them.

At the sizes of the other checks a batch is one block.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .claim import Claim, tolerance
from .configuration import Array, Problem, Sizes, fitting, like, mapped, parts, states, step_counts
from .difference import Difference, difference, verdict, worst

#: The order of a sum over samples, in float64, on data of order one.
TOLERANCE = 1e-12

#: Batch, input size and state size: a block of 8 samples and one of 3, by weights of any shape.
_BATCH, _INPUTS, _HIDDEN = 11, 330, 340
_BLOCK = 8


def are_taken(kernel: ModuleType) -> bool:
    """Return whether products of ``kernel`` take few samples at a time, if it has any products."""
    return getattr(kernel, "LAYOUT", "") == "blocked" and hasattr(kernel, "_blocks")


def claims(few: Problem) -> list[Claim]:
    """Return the claim that a batch of several blocks gives the results of each block by itself.

    ``few`` is a problem of the kernel at smaller sizes. For states of one column there is none:
    their weights are one block, unless inputs have a hundred thousand columns.
    """
    kernel = few.kernel
    sizes = fitting(kernel, Sizes(step_counts(kernel)[0], _BATCH, _INPUTS, _HIDDEN))
    if sizes.H == 1:
        return []
    problem = few.other(sizes=sizes)
    allowed = tolerance([problem], TOLERANCE)
    return [Claim("samples", "blocks = each by itself", None, allowed, lambda: _agree(problem))]


def _agree(problem: Problem) -> Difference:
    kernel, (_, B, _, H) = problem.kernel, problem.sizes
    given = problem.arguments
    d_outputs = problem.drawn_like_outputs(problem.drawn(5))

    def results(first: int, last: int) -> tuple[list[Array], list[Array]]:
        """Return results with an axis of samples, this axis first, and sums over samples."""
        samples = slice(first, last)
        start = like(given.s0, [state[samples] for state in states(given.s0)])
        own = given.cut(slice(None), samples)._replace(s0=start)
        if not hasattr(kernel, "vjp"):
            outputs, state = kernel.forward(*own.run)
            return [*(each.swapaxes(0, 1) for each in states(outputs)), *states(state)], []
        outputs, state, pullback = kernel.vjp(*own.run)
        d_params, d_x, d_s0 = pullback(mapped(lambda each: each[:, samples], d_outputs))
        timed = [array.swapaxes(0, 1) for array in (*states(outputs), *parts(d_x))]
        return [*timed, *states(state), *states(d_s0)], list(d_params)

    whole, cut = results(0, B), [results(0, _BLOCK), results(_BLOCK, B)]
    blocks = kernel._blocks(np.empty((B, 1)), H * H)
    joined = [np.concatenate(both) for both in zip(*(each for each, _ in cut), strict=True)]
    summed = [sum(both) for both in zip(*(each for _, each in cut), strict=True)]
    return worst(
        [
            verdict(len(blocks) == len(cut), f"at {problem}, {len(blocks)} blocks of {B} samples"),
            difference(f"at {problem}, of samples", tuple(whole[0]), tuple(joined)),
            difference(f"at {problem}, d_params", tuple(whole[1]), tuple(summed)),
        ]
    )
