"""Comparison of a kernel with its declaration.

A forward pass that is wrong throughout satisfies every gradient check: its gradients are those of
the wrong loss. So outputs, states and loss are compared with the declared equations, evaluated
directly, which no pass and no template has touched.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.cell import Cell
from gru_codegen.errors import VerificationError
from gru_codegen.evaluate import Evaluation, evaluate_declaration
from gru_codegen.losses import Loss
from gru_codegen.verify.claim import Claim, over
from gru_codegen.verify.configuration import Problem, large, small, states
from gru_codegen.verify.difference import Difference, difference, verdict
from gru_codegen.verify.options import options
from gru_codegen.verify.report import Check

__all__ = ["compare"]

#: Two orders of the same float64 operations on data of order one.
TOLERANCE = 1e-12
_METHOD = "the declared equations"


def compare(kernel: ModuleType, cell: Cell, loss: Loss, *, seed: int = 0) -> tuple[Check, ...]:
    """Compare outputs, states and loss of `kernel` with the declaration, in float64.

    Also that the kernel takes every optional argument and has a pullback.

    A kernel for any number of time steps is compared at T = 1, 2 and 3 and with the sizes of the
    gradient checks, an unrolled one at its own T. All other sizes differ from each other.

    Raises
    ------
    VerificationError: the declared equations themselves give no finite numbers there.
    """
    sizes = [*small(kernel), *large(kernel)]
    if kernel.UNROLL is None:
        sizes += [some._replace(T=T) for T, some in zip((1, 2, 3), sizes, strict=False)]
    problems = [Problem(kernel, some, seed) for some in sizes]
    _require_finite(cell, loss, problems[0])

    def against(
        part: Callable[[Problem, Evaluation], tuple[str, Any, Any]],
    ) -> Callable[[Problem], Difference]:
        def measure(problem: Problem) -> Difference:
            name, actual, expected = part(problem, _evaluate(cell, loss, problem))
            return difference(f"at {problem}, {name}", actual, expected)

        return measure

    parts = {"outputs": _outputs, "state": _state, "loss": _loss}
    claims = [
        *(
            Claim(name, _METHOD, None, TOLERANCE, over(problems, against(part)))
            for name, part in parts.items()
        ),
        Claim("functions", "all that are promised", None, 0, lambda: _offered(kernel)),
    ]
    return tuple(claim.check() for claim in claims)


def _require_finite(cell: Cell, loss: Loss, problem: Problem) -> None:
    """Refuse a declaration with which no kernel could be compared."""
    try:
        with np.errstate(all="ignore"):
            expected = _evaluate(cell, loss, problem)
    except Exception:  # a kernel that draws no arguments: the claims say so
        return
    numbers: list[Any] = [expected.outputs, expected.loss, *expected.states.values()]
    if not all(np.isfinite(number).all() for number in numbers):
        raise VerificationError(
            "the declared equations give infinity or NaN at the arguments of the checks, normal "
            "numbers of order one; bound what exp, log and reciprocals take, or go without checks"
        )


def _offered(kernel: ModuleType) -> Difference:
    """Check that nothing is missing: `verify` checks only the options that it finds."""
    missing = [name for name, there in options(kernel)._asdict().items() if not there]
    return verdict(not missing, f"there is no {', no '.join(missing)}")


def _evaluate(cell: Cell, loss: Loss, problem: Problem) -> Evaluation:
    params, inputs, y, s0 = problem.arguments
    if loss.targets == "labels":
        y = np.eye(problem.output_size)[y]
    first = dict(zip((s.name for s in cell.states), states(s0), strict=True))
    return evaluate_declaration(cell, loss, params._asdict(), inputs, y, first)


def _outputs(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    return "outputs", problem.kernel.forward(*problem.arguments.run)[0], expected.outputs


def _state(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    return "state", states(problem.result.state), tuple(expected.states.values())


def _loss(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    return "loss", problem.kernel.loss(*problem.arguments.trained), expected.loss
