"""Checks of `trace`: its values are those that other functions give, and every step's own.

That each is what its equation says, the comparison with the declaration and the proof show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import entry_points
from .claim import Claim, over, tolerance
from .complex_step import TOLERANCE
from .configuration import Problem, cast, states
from .difference import Difference, difference, verdict, worst
from .options import ended, lengths, padded


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about the values of `trace`, their shapes and their dtypes."""
    allowed = tolerance(problems, TOLERANCE)
    return [
        Claim("trace", "outputs and states", None, allowed, over(problems, _states)),
        Claim("trace", "past the lengths", None, allowed, over(problems, _padded)),
        Claim("trace", "shapes, dtypes, owners", None, 0, over(problems, _facts)),
    ]


def _states(problem: Problem) -> Difference:
    kernel, run = problem.kernel, problem.arguments.run
    outputs, state = kernel.forward(*run)
    found = kernel.trace(*run)
    last = tuple(getattr(found, name)[-1] for name in kernel.STATES)
    names = entry_points.outputs(kernel)
    put_out = tuple(getattr(found, name) for name in names)
    return worst(
        [
            difference(f"at {problem}, ({', '.join(names)})", put_out, states(outputs)),
            difference(f"at {problem}, last states", last, states(state)),
        ]
    )


def _padded(problem: Problem) -> Difference:
    """Compare runs with and without padding, where states stay and everything else is 0."""
    kernel, given, (T, B, *_) = problem.kernel, problem.arguments, problem.sizes
    left = lengths(T, B)
    past = ended(T, left)
    read = padded(given, past)
    found = kernel.trace(*read.run, lengths=left)
    _, state = kernel.forward(*read.run, lengths=left)
    whole = kernel.trace(*given.run)
    last = dict(zip(kernel.STATES, states(state), strict=True))
    differences = []
    for name, values in found._asdict().items():
        where = f"at {problem}, {name}"
        rest = np.broadcast_to(last.get(name, 0 * values[0]), values.shape)
        before = getattr(whole, name)[~past]
        differences += [
            difference(f"{where} within the lengths", values[~past], before),
            difference(f"{where} past the lengths", values[past], rest[past]),
        ]
    return worst(differences)


def _facts(problem: Problem) -> Difference:
    kernel, workspace = problem.kernel, problem.workspace(np.float32)
    T, B = problem.sizes[:2]
    single = problem.arguments._replace(params=cast(problem.arguments.params, np.float32))
    found = kernel.trace(*single.run, workspace=workspace)
    said = kernel.ENTRY_POINTS["trace"]
    held: list[Any] = [each for each in vars(workspace).values() if isinstance(each, np.ndarray)]
    return worst(
        [
            verdict(type(found) is kernel.Trace, f"trace returns a {type(found).__name__}"),
            verdict(found._fields == said, f"ENTRY_POINTS says {said}, not {found._fields}"),
            *(
                verdict(
                    each.ndim == 3 and each.shape[:2] == (T, B) and each.dtype == np.float32,
                    f"{name} is {each.shape}, {each.dtype}",
                )
                for name, each in found._asdict().items()
            ),
            *(
                verdict(not np.shares_memory(each, array), f"{name} is part of the Workspace")
                for name, each in found._asdict().items()
                for array in held
            ),
        ]
    )
