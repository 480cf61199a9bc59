"""Checks of loss weights: one for every sample of every step, by which its cost is multiplied.

Targets of weight 0 are NaN throughout: they may not be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .claim import Claim, over, tolerance
from .complex_step import STEP, TOLERANCE
from .configuration import Problem, cast
from .difference import Difference, difference, worst
from .direction import along, direction, slope
from .options import spoilt, weights


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about the weighted loss and about its gradients."""
    allowed = tolerance(problems, TOLERANCE)
    return [
        Claim("loss_weights", "weighted sum of outputs", None, allowed, over(problems, _loss)),
        Claim("loss_weights", "random direction", STEP, allowed, over(problems, _gradients)),
    ]


def _loss(problem: Problem) -> Difference:
    kernel, arguments, y = problem.kernel, problem.arguments, problem.arguments.y
    V = weights(*problem.sizes[:2])
    read = arguments._replace(y=spoilt(y, V == 0)).trained
    outputs, state = kernel.forward(*arguments.run)
    expected = problem.loss.value(outputs, y, V)
    by_step = V.max(axis=1)
    of_steps = problem.loss.value(outputs, y, np.broadcast_to(by_step[:, None], V.shape))
    result = kernel.loss_and_gradients(*read, loss_weights=V)
    return worst(
        [
            difference(
                f"at {problem}, weighted loss",
                kernel.loss(*read, loss_weights=V),
                expected,
            ),
            difference(f"at {problem}, weighted loss of the result", result.loss, expected),
            difference(f"at {problem}, state", result.state, state),
            difference(
                f"at {problem}, loss with a weight for each step",
                kernel.loss(*arguments.trained, loss_weights=by_step),
                of_steps,
            ),
        ]
    )


def _gradients(problem: Problem) -> Difference:
    kernel, arguments = problem.kernel, problem.arguments
    v, V = direction(problem), weights(*problem.sizes[:2])
    differences = []
    for each in (V, V.max(axis=1)):
        unread = np.broadcast_to(each.reshape(len(V), -1) == 0, V.shape)
        read = arguments._replace(y=spoilt(arguments.y, unread))
        result = kernel.loss_and_gradients(*read.trained, loss_weights=each)
        moved = cast(read, np.complex128)._replace(params=along(read.params, v))
        stepped = kernel.loss(*moved.trained, loss_weights=each)
        name = f"at {problem}, loss_weights {each.shape}"
        differences.append(slope(name, result.gradients, v, complex(stepped).imag / STEP))
    return worst(differences)
