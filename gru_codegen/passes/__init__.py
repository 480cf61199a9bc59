"""The passes, each ``Program -> Program`` and each value-preserving, and their order by style.

    share            read what another statement of the step has computed; skip mere copies
    prune            nothing that nobody reads is computed
    coalesce         a copy that is handed out takes the place of its original
    factor           sums of products in factored form (factor_adjoints: in the adjoints alone)
    fold             constants leave the time loop: they are folded into the weights
    hoist            input products and sums over time leave the loop: one GEMM over T*B rows each
                     (hoist_statements: whole statements alone)
    border           a column of ones takes the biases of inputs into those GEMMs
    telescope        products of adjoints by chains, each link from the one before it or from what
                     the forward pass has computed
    collect          what multiplies an adjoint in one factor, known before the loop begins
                     (collect_all: also where it is there already)
    stack            products of a step that share their operands in one GEMM, weights stacked
    absorb           what is added to a product becomes part of it, by way of identity blocks
    join             the gradients of stacked weights in one GEMM
    rotate           what a backward step begins with is added by the product of the one before
    prepare          what is made of weights alone is computed once
    straighten       weights that loops read transposed are transposed once
    batch            elementwise functions of neighbours, or what these have in common, at once
                     (batch_values: not of adjoints)
    flatten          one operation per statement, computed where its result is kept
    assign           storage is used again by what comes later
    transpose        matrices are stored with a sample per column
    gather           sums over the rows of all steps read copies that lie row by row
    block            products take few samples at a time
    lend             targets are changed where the adjoint of the outputs will be
    unroll(T)        the loops written out, simplified where the step is known

``textbook`` keeps one expression per equation, as declared; ``fast`` is batched, in place and in
one of four layouts. ``rows``: a sample per row, gate behind gate. ``blocked``: as rows, with
products that take few rows at a time. ``columns``: a sample per column, so that neighbours are
contiguous, input and state side by side in one GEMM with all the gates that share them. ``folded``:
as columns, with additions taken into the GEMMs as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from gru_codegen.ir import Program, validate
from gru_codegen.passes.absorb import absorb
from gru_codegen.passes.assign import assign
from gru_codegen.passes.batch import batch, batch_values
from gru_codegen.passes.block import block
from gru_codegen.passes.border import border
from gru_codegen.passes.coalesce import coalesce
from gru_codegen.passes.collect import collect, collect_all
from gru_codegen.passes.factor import factor, factor_adjoints
from gru_codegen.passes.flatten import flatten
from gru_codegen.passes.fold import fold
from gru_codegen.passes.gather import gather
from gru_codegen.passes.hoist import hoist, hoist_statements
from gru_codegen.passes.join import join
from gru_codegen.passes.lend import lend
from gru_codegen.passes.prepare import prepare
from gru_codegen.passes.prune import prune
from gru_codegen.passes.rotate import rotate
from gru_codegen.passes.share import share
from gru_codegen.passes.stack import stack
from gru_codegen.passes.straighten import straighten
from gru_codegen.passes.telescope import telescope
from gru_codegen.passes.transpose import transpose
from gru_codegen.passes.unroll import unroll

__all__ = [
    "DEFAULT_LAYOUT",
    "LAYOUTS",
    "STYLES",
    "Layout",
    "Pass",
    "Style",
    "absorb",
    "assign",
    "batch",
    "batch_values",
    "block",
    "border",
    "coalesce",
    "collect",
    "collect_all",
    "factor",
    "factor_adjoints",
    "flatten",
    "fold",
    "gather",
    "hoist",
    "hoist_statements",
    "join",
    "lend",
    "optimise",
    "passes",
    "prepare",
    "prune",
    "rotate",
    "share",
    "stack",
    "straighten",
    "telescope",
    "transpose",
    "unroll",
]

Pass = Callable[[Program], Program]
Style = Literal["fast", "textbook"]
Layout = Literal["rows", "blocked", "columns", "folded"]

STYLES: tuple[Style, ...] = ("fast", "textbook")
_TEXTBOOK: tuple[Pass, ...] = (factor_adjoints, share, prune)
# fmt: off
_ROWS: tuple[Pass, ...] = (
    share, prune, coalesce, factor, fold,
    hoist, border, telescope, share, prepare, straighten, batch_values, flatten, assign,
)
#: The passes of the fast style, by what they make of the storage.
LAYOUTS: dict[Layout, tuple[Pass, ...]] = {
    "rows": (*_ROWS, lend),
    "blocked": (*_ROWS, block, lend),
    "columns": (
        share, prune, coalesce, factor, fold,
        collect, hoist_statements, stack, hoist, share, join,
        prepare, batch, flatten, assign, transpose, gather, lend,
    ),
    "folded": (
        share, prune, coalesce, factor, fold,
        collect_all, hoist_statements, stack, absorb, hoist, share, join,
        rotate, prepare, batch, flatten, assign, transpose, gather, lend,
    ),
}
# fmt: on
#: What does best over all sizes; docs/performance.md has the measurements.
DEFAULT_LAYOUT: Layout = "columns"


def passes(style: Style, steps: int | None, layout: Layout = DEFAULT_LAYOUT) -> Iterator[Pass]:
    """The passes of a style in order; unrolling comes last."""
    yield from _TEXTBOOK if style == "textbook" else LAYOUTS[layout]
    if steps is not None:
        yield unroll(steps)
        yield prune


def optimise(
    program: Program, style: Style, steps: int | None = None, layout: Layout = DEFAULT_LAYOUT
) -> Program:
    """Run the passes of `style`, for `steps` time steps or, with None, for any number.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    for change in passes(style, steps, layout):
        program = validate(change(program))
    return program
