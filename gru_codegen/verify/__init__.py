"""Numerical checks of a generated kernel.

Everything is computed in float64, except where float32 is compared with it, on small random data
whose sizes are all different (see `configuration`). Per weight: central differences, the complex
step, and float32 against float64; then a random direction through all weights at other sizes,
whether a loss of many numbers keeps its digits in float32, whether the functions of the kernel
agree with each other, what loss weights, lengths, the pullback and credit give, if the kernel has
them, whether blocks of samples lose none, and whether it keeps the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from ..errors import VerificationError
from ..modules import require_kernel
from . import (
    blocks,
    complex_step,
    consistency,
    contract,
    credit,
    definitions,
    direction,
    finite_differences,
    lengths,
    loss_weights,
    ownership,
    precision,
    pullback,
)
from .claim import Claim
from .configuration import Problem, large, small, step_counts
from .options import options
from .report import Check, Report
from .targets import LOSSES

__all__ = ["Check", "Report", "verify"]


def verify(
    kernel: ModuleType, *, seed: int = 0, progress: Callable[[int, int], object] | None = None
) -> Report:
    """Check ``kernel``, a generated module, against its own loss.

    ``seed`` draws the data. ``progress(done, total)`` is called after each of ``total`` checks.
    A kernel that raises fails the check at hand, and the others go on.

    Raises VerificationError if ``kernel`` is not a generated module, has an unknown loss, or lacks
    the SHAPES of its arguments.
    """
    require_kernel(kernel)
    if kernel.LOSS not in LOSSES:
        raise VerificationError(
            f"{kernel.__name__} has the loss {kernel.LOSS!r}, for which no targets can be drawn; "
            f"known losses: {', '.join(LOSSES)}"
        )
    if "SHAPES" in definitions.missing(kernel):  # without it no function of the kernel works
        raise VerificationError(
            f"{kernel.__name__} is not a generated kernel: it defines no SHAPES"
        )
    claims = _claims(kernel, seed)
    checks = []
    for claim in claims:
        checks.append(claim.check())
        if progress is not None:
            progress(len(checks), len(claims))
    return Report(tuple(checks), _subject(kernel))


def _claims(kernel: ModuleType, seed: int) -> list[Claim]:
    problems = [Problem(kernel, sizes, seed) for sizes in small(kernel)]
    others = [Problem(kernel, sizes, seed) for sizes in large(kernel)]
    offered = options(kernel)
    return [
        *(
            method.claim(problems, weight)
            for weight in kernel.Params._fields
            for method in (finite_differences, complex_step, precision)
        ),
        direction.claim(others),
        precision.loss_claim(kernel, seed),
        *consistency.claims(problems),
        *(loss_weights.claims(problems) if offered.loss_weights else ()),
        *(lengths.claims(problems) if offered.lengths else ()),
        *(pullback.claims(problems) if offered.vjp else ()),
        *(credit.claims(problems) if hasattr(kernel, "credit") else ()),
        *(blocks.claims(kernel, seed) if blocks.are_taken(kernel) else ()),
        *ownership.claims(problems),
        *contract.claims(problems),
        definitions.claim(problems[0]),
    ]


def _subject(kernel: ModuleType) -> str:
    checked = " and ".join(str(T) for T in step_counts(kernel))
    steps = f"any T, checked at T = {checked}" if kernel.UNROLL is None else f"T = {checked}"
    return f"{kernel.CELL}, loss {kernel.LOSS}, {kernel.STYLE} style, {steps}"
