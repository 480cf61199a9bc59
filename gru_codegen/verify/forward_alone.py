"""Checks of a kernel for inference, which has a forward pass and neither loss nor gradients.

Outputs and states alone can be checked: in float32 against float64, window by window, of samples
that end early. That they are what is declared, the comparison with the declaration and the proof
show.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import blocks, consistency, contract, definitions, masks, ownership, trace
from .claim import Claim, over, tolerance
from .configuration import Problem, cast, joined, mapped, states
from .consistency import TOLERANCE
from .difference import Difference, difference, worst
from .lengths import Batch, batches
from .options import options, rows, sample

#: What float32 may lose of outputs and states at least; or so many times what a unit in the last
#: place of all arguments does to them in float64, scaled.
SINGLE, TRUST = 1e-5, 16


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about outputs and states."""
    kernel = problems[0].kernel
    allowed = tolerance(problems, TOLERANCE)
    scale = float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
    single = max([SINGLE, *(TRUST * scale * each.domain.noise for each in problems)])
    padded = [batch for problem in problems for batch in batches(problem)]
    of_batches = tolerance((batch.problem for batch in padded), TOLERANCE)
    found = [
        Claim("outputs", "float32", None, single, over(problems, _single)),
        *consistency.claims_of_forward(problems),
        Claim("lengths", "padded = whole", None, of_batches, lambda: worst(map(_padded, padded))),
    ]
    if kernel.UNROLL is None:
        found += [
            Claim("state", "two windows = one run", None, allowed, over(problems, _windows)),
            Claim(
                "lengths", "padded = one by one", None, of_batches,
                lambda: worst(map(_one_by_one, padded)),
            ),
        ]  # fmt: skip
    return [
        *found,
        *(masks.claims(problems) if options(kernel).mask else ()),
        *(trace.claims(problems) if hasattr(kernel, "trace") else ()),
        *(blocks.claims(problems[0]) if blocks.are_taken(kernel) else ()),
        *ownership.claims(problems),
        *contract.claims(problems),
        definitions.npz_claim(problems[0]),
        definitions.claim(problems[0]),
    ]


def _single(problem: Problem) -> Difference:
    given = cast(problem.arguments.params, np.float32)
    found = problem.kernel.forward(*problem.arguments._replace(params=given).run)
    return difference(
        f"at {problem}, in float32", found, problem.kernel.forward(*problem.arguments.run)
    )


def _windows(problem: Problem) -> Difference:
    kernel, arguments, cut = problem.kernel, problem.arguments, problem.sizes.T // 2
    before, after = arguments.cut(slice(cut)), arguments.cut(slice(cut, None))
    first, carried = kernel.forward(*before.run)
    rest, state = kernel.forward(*after._replace(s0=carried).run)
    whole = kernel.forward(*arguments.run)
    return difference(f"at {problem}, cut at {cut}", (joined(first, rest), state), whole)


def _padded(batch: Batch) -> Difference:
    """Compare with a run of all steps; padding is NaN, and then a number."""
    kernel, given = batch.problem.kernel, batch.problem.arguments
    outputs, state = kernel.forward(*batch.arguments().run, lengths=batch.lengths)
    other = kernel.forward(*batch.arguments(1e3).run, lengths=batch.lengths)
    whole, last = kernel.forward(*given.run)
    none, every = batch.lengths == 0, batch.lengths == batch.problem.sizes.T
    expected = mapped(lambda each: np.where(batch.ended[:, :, None], 0, each), whole)
    return worst(
        [
            difference(f"at {batch}, outputs", outputs, expected),
            difference(f"at {batch}, with other padding", other, (outputs, state)),
            difference(f"at {batch}, state after no step", rows(state, none), rows(given.s0, none)),
            difference(f"at {batch}, state after all", rows(state, every), rows(last, every)),
        ]
    )


def _one_by_one(batch: Batch) -> Difference:
    """Compare the states with those of each sample alone, without its padding."""
    kernel, padded, differences = batch.problem.kernel, batch.arguments(), []
    _, state = kernel.forward(*padded.run, lengths=batch.lengths)
    for b, n in enumerate(map(int, batch.lengths)):
        own = padded.cut(slice(n), slice(b, b + 1))._replace(s0=sample(padded.s0, b))
        _, alone = kernel.forward(*own.run)
        name = f"at {batch}, state of sample {b} of length {n}"
        differences.append(difference(name, states(sample(state, b)), states(alone)))
    return worst(differences)
