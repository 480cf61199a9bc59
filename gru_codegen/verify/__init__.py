"""Numerical checks of a generated kernel.

Everything is computed in float64, except where float32 is compared with it, on small random data
whose sizes are all different (see `configuration`), drawn where the equations are defined and
round-off stays small (see `domain`). Per weight: a central difference, the complex step, which
decides where the two differ, and float32 against float64; then a random direction through all
weights at other sizes, whether a loss of many numbers keeps its digits in float32, whether the
functions of the kernel agree with each other, what loss weights, lengths, masks, the pullback, all
gradients at once, credit and trace give, if the kernel has them, whether blocks of samples lose
none, and whether it keeps the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from reprlib import repr as shortened
from types import ModuleType

from ..errors import VerificationError
from ..kernel import Kernel
from ..modules import is_forward_alone, require_kernel
from . import (
    all_gradients,
    blocks,
    complex_step,
    consistency,
    constants,
    contract,
    credit,
    definitions,
    direction,
    finite_differences,
    forward_alone,
    lengths,
    loss_weights,
    masks,
    ownership,
    precision,
    pullback,
    trace,
)
from .claim import Claim
from .configuration import Problem, large, problems, small, step_counts
from .options import options
from .report import Check, Report
from .targets import Loss, require_known

__all__ = ["Check", "Report", "verify"]


def verify(
    kernel: ModuleType | Kernel,
    *,
    loss: Loss | None = None,
    seed: int = 0,
    certify: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """Check ``kernel``, a generated module, against its own loss.

    ``loss`` is the definition of that, if it is not known by its name.
    ``seed`` draws the data. ``progress(done, total)`` is called after each of ``total`` checks.
    A kernel that raises fails the check at hand, and the others go on. ``certify`` adds bounds of
    the rounding errors of loss and gradients that are proven, and takes python-flint.

    Raises VerificationError if ``kernel`` is not a generated module, has an unknown loss, lacks
    the SHAPES of its arguments, and if ``certify`` lacks python-flint; ValueError for a ``seed``
    that is not a whole number from 0 on.
    """
    kernel = require_kernel(kernel)
    if loss is None:
        require_known(kernel)
    elif not isinstance(loss, Loss):
        raise VerificationError(
            "loss: expected its definition, as gru_codegen.compare.definition_of makes of a Loss, "
            f"got {shortened(loss)}; gru_codegen.check(kernel, cell, loss=...) takes a Loss, its "
            "name or its file"
        )
    if "SHAPES" in definitions.missing(kernel):  # without it no function of the kernel works
        raise VerificationError(
            f"{kernel.__name__} is not a generated kernel: it defines no SHAPES"
        )
    few = small(kernel)
    every = problems(kernel, [*few, *large(kernel)], seed, loss)
    alone = is_forward_alone(kernel)
    if alone and certify:
        raise VerificationError(
            f"{kernel.__name__} has no loss and no gradients whose errors could be bounded"
        )
    claims = forward_alone.claims(every[: len(few)]) if alone else _claims(kernel, every, len(few))
    declared = getattr(kernel, "DERIVATIVES", ())
    if declared:  # and not those of the losses that a difference or a complex step would take
        claims = [claim for claim in claims if claim.method not in _OF_LOSSES]
    if certify:
        from . import certified  # it imports python-flint, which takes a while

        claims += certified.claims(every[: len(few)])
    checks = []
    for claim in claims:
        checks.append(claim.check())
        if progress is not None:
            progress(len(checks), len(claims))
    subject = _subject(kernel, every)
    if declared:
        subject += f"\nderivatives: as declared of {', '.join(declared)}, so no difference and no "
        subject += "complex step is taken; dual numbers hold gradients to the declaration"
    return Report(_judged(checks), subject)


#: The methods that take the derivative of a loss, or of outputs, as they are computed.
_OF_LOSSES = (
    finite_differences.METHOD,
    complex_step.METHOD,
    "random direction",
    "complex step through forward",
)


def _judged(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks, those excused that blame a kernel for what a difference cannot do.

    A central difference is off where the loss has a corner or a pole nearby. The complex step is
    not: if nothing but differences fail, and all of weights whose complex step passes, it is they.
    """
    exact = {each.weight for each in checks if each.method == complex_step.METHOD and each.passed}
    failed = [each for each in checks if each.failed]
    if any(each.method != finite_differences.METHOD or each.weight not in exact for each in failed):
        return tuple(checks)
    return tuple(replace(each, inaccurate=True) if each.failed else each for each in checks)


def _claims(kernel: ModuleType, every: Sequence[Problem], few: int) -> list[Claim]:
    """Return the claims; the first ``few`` problems are small enough for those entry by entry."""
    problems, others = every[:few], every[few:]
    offered = options(kernel)
    return [
        *(
            method.claim(problems, weight)
            for weight in kernel.Params._fields
            for method in (finite_differences, complex_step, precision)
        ),
        direction.claim(others),
        precision.loss_claim(problems[0]),
        *consistency.claims(problems),
        *(loss_weights.claims(problems) if offered.loss_weights else ()),
        *(lengths.claims(problems) if offered.lengths else ()),
        *(masks.claims(problems) if offered.mask else ()),
        *(pullback.claims(problems) if offered.vjp else ()),
        *(all_gradients.claims(problems) if hasattr(kernel, "all_gradients") else ()),
        *(credit.claims(problems) if hasattr(kernel, "credit") else ()),
        *(trace.claims(problems) if hasattr(kernel, "trace") else ()),
        *(blocks.claims(problems[0]) if blocks.are_taken(kernel) else ()),
        *constants.claims(problems),
        *ownership.claims(problems),
        *contract.claims(problems),
        *([definitions.npz_claim(problems[0])] if hasattr(kernel, "params_to_npz") else []),
        definitions.claim(problems[0]),
    ]


def _subject(kernel: ModuleType, problems: Sequence[Problem]) -> str:
    checked = " and ".join(str(T) for T in step_counts(kernel))
    steps = f"any T, checked at T = {checked}" if kernel.UNROLL is None else f"T = {checked}"
    what = "forward pass alone" if is_forward_alone(kernel) else f"loss {kernel.LOSS}"
    subject = f"{kernel.CELL}, {what}, {kernel.STYLE} style, {steps}"
    other = dict.fromkeys(str(problem.domain) for problem in problems)
    said = "; ".join(each or "the usual" for each in other)
    return subject if said == "the usual" else f"{subject}\narguments: {said}"
