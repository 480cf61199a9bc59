"""The passes, each ``Program -> Program`` and each value-preserving, and their order by style.

    share            read what another statement of the step has computed; skip mere copies
    coalesce         a copy that is handed out takes the place of its original
    factor           sums of products in factored form (factor_adjoints: in the adjoints alone)
    hoist            input products and sums over time leave the loop: one GEMM over T*B rows each
    unroll(T)        the loops written out, simplified where the step is known
    prune            nothing that nobody reads is computed
    flatten          one operation per statement, computed where its result is kept

``textbook`` keeps one expression per equation, as declared; ``fast`` is batched and in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from gru_codegen.ir import Program, validate
from gru_codegen.passes.coalesce import coalesce
from gru_codegen.passes.factor import factor, factor_adjoints
from gru_codegen.passes.flatten import flatten
from gru_codegen.passes.hoist import hoist
from gru_codegen.passes.prune import prune
from gru_codegen.passes.share import share
from gru_codegen.passes.unroll import unroll

__all__ = [
    "Pass",
    "Style",
    "coalesce",
    "factor",
    "factor_adjoints",
    "flatten",
    "hoist",
    "optimise",
    "passes",
    "prune",
    "share",
    "unroll",
]

Pass = Callable[[Program], Program]
Style = Literal["fast", "textbook"]

STYLES: dict[Style, tuple[Pass, ...]] = {
    "textbook": (factor_adjoints, share, prune),
    "fast": (share, prune, coalesce, factor, hoist, flatten),
}


def passes(style: Style, steps: int | None) -> Iterator[Pass]:
    """The passes of a style in order; unrolling comes last."""
    yield from STYLES[style]
    if steps is not None:
        yield unroll(steps)
        yield prune


def optimise(program: Program, style: Style, steps: int | None = None) -> Program:
    """Run the passes of `style`, for `steps` time steps or, with None, for any number.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    for change in passes(style, steps):
        program = validate(change(program))
    return program
