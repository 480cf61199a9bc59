"""The passes, each ``Program -> Program`` and each value-preserving, and their order by style.

    simplify/   fewer operations: common subexpressions, dead code, copies, factored sums
    adjoints/   what holds of backward loops, which are linear: local derivatives, chained products
    schedule/   what is run when: loop fission, loop invariants, rotation, blocks, unrolling
    pack/       operations side by side: products, additions, biases, gradients, elementwise calls
    say/        which equations each statement is for
    store/      one operation a statement, and where its result lies
    support/    what several passes need: algebra, shared factors, names

``textbook`` keeps one expression per equation, as declared; ``fast`` is batched, in place and in
one of four layouts. ``rows``: a sample per row, gate behind gate. ``blocked``: as rows, with
products that take few rows at a time. ``columns``: a sample per column, so that neighbours are
contiguous, input and state side by side in one GEMM with all the gates that share them. ``folded``:
as columns, with additions taken into the GEMMs as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from gru_codegen.ir import Program, validate
from gru_codegen.passes.adjoints.chain_products import chain_products
from gru_codegen.passes.adjoints.join_phases import join_phases
from gru_codegen.passes.adjoints.local_derivatives import (
    collect_all_local_derivatives,
    collect_local_derivatives,
)
from gru_codegen.passes.pack.fuse_additions import fuse_additions
from gru_codegen.passes.pack.fuse_biases import fuse_biases
from gru_codegen.passes.pack.fuse_elementwise import fuse_elementwise, fuse_elementwise_values
from gru_codegen.passes.pack.fuse_gradients import fuse_gradients
from gru_codegen.passes.pack.stack_products import stack_products
from gru_codegen.passes.say.intermediates import attribute_intermediates
from gru_codegen.passes.schedule.block_products import block_products
from gru_codegen.passes.schedule.loop_fission import (
    fission_before,
    fission_loops,
    fission_statements,
)
from gru_codegen.passes.schedule.loop_invariants import hoist_loop_invariants
from gru_codegen.passes.schedule.rotate_loops import rotate_loops
from gru_codegen.passes.schedule.unroll import unroll
from gru_codegen.passes.simplify.common_subexpressions import eliminate_common_subexpressions
from gru_codegen.passes.simplify.copies import coalesce_copies
from gru_codegen.passes.simplify.dead_code import eliminate_dead_code
from gru_codegen.passes.simplify.factor import factor_adjoints, factor_sums
from gru_codegen.passes.simplify.forward_alone import keep_forward, keep_forward_values
from gru_codegen.passes.simplify.sigmoids import rewrite_sigmoids
from gru_codegen.passes.store.alias_targets import alias_targets
from gru_codegen.passes.store.feature_major import store_feature_major
from gru_codegen.passes.store.gather_rows import gather_rows
from gru_codegen.passes.store.reuse_storage import reuse_storage
from gru_codegen.passes.store.three_address import to_three_address_code
from gru_codegen.passes.store.transpose_weights import transpose_weights

__all__ = [
    "DEFAULT_LAYOUT",
    "LAYOUTS",
    "STYLES",
    "Layout",
    "Pass",
    "Style",
    "after_each",
    "alias_targets",
    "attribute_intermediates",
    "block_products",
    "chain_products",
    "coalesce_copies",
    "collect_all_local_derivatives",
    "collect_local_derivatives",
    "eliminate_common_subexpressions",
    "eliminate_dead_code",
    "factor_adjoints",
    "factor_sums",
    "fission_before",
    "fission_loops",
    "fission_statements",
    "forward_alone",
    "fuse_additions",
    "fuse_biases",
    "fuse_elementwise",
    "fuse_elementwise_values",
    "fuse_gradients",
    "gather_rows",
    "hoist_loop_invariants",
    "join_phases",
    "keep_forward",
    "keep_forward_values",
    "optimise",
    "passes",
    "reuse_storage",
    "rewrite_sigmoids",
    "rotate_loops",
    "stack_products",
    "store_feature_major",
    "terms_of_gradients",
    "to_three_address_code",
    "transpose_weights",
    "unroll",
    "values_of_forward",
]

Pass = Callable[[Program], Program]
Style = Literal["fast", "textbook"]
Layout = Literal["rows", "blocked", "columns", "folded"]

STYLES: tuple[Style, ...] = ("fast", "textbook")

# A line a pass: what it expects -> what it leaves.
_TEXTBOOK: tuple[Pass, ...] = (
    factor_adjoints,  # one statement an equation -> adjoints in factored form
    eliminate_common_subexpressions,  # any program -> each value computed once a step; no copies
    eliminate_dead_code,  # any program -> nothing is computed that no entry point needs
)
_CREDIT: tuple[Pass, ...] = (
    *_TEXTBOOK,
    collect_local_derivatives,  # a linear backward loop -> factors that all errors have in common
    eliminate_common_subexpressions,  # the factors of the pass before
    join_phases,  # time loops -> one phase, which gives the gradients alone
    fission_before,  # time loops -> what needs no step before it stands before them, for all steps
    to_three_address_code,  # any expressions -> one operation a statement, but for gradients
    attribute_intermediates,
)
_SIMPLIFY: tuple[Pass, ...] = (
    eliminate_common_subexpressions,  # one statement an equation -> each value computed once a step
    eliminate_dead_code,  # any program -> nothing is computed that no entry point needs
    coalesce_copies,  # any program -> a copy that is handed out is computed in the first place
    factor_sums,  # any program -> sums of products with the fewest operations
    rewrite_sigmoids,  # sigmoid(a) -> 1/2 (1 + tanh(a/2)), where the half can go to the weights
)
_ROWS: tuple[Pass, ...] = (
    *_SIMPLIFY,
    fission_loops,  # one loop a phase -> what needs no step before it stands outside: one GEMM each
    fuse_biases,  # products of inputs over all steps, plus biases -> [x 1] [W; b]
    chain_products,  # a linear backward loop -> products of adjoints share their prefixes
    eliminate_common_subexpressions,  # the new statements of the passes before
    hoist_loop_invariants,  # expressions of weights alone -> statements before the loops
    transpose_weights,  # loops that read W^T -> a copy of W^T, made once
    fuse_elementwise_values,  # functions of neighbours -> one call over a pack
    to_three_address_code,  # any expressions -> one operation a statement
    reuse_storage,  # three-address code -> `overwrites`: the dead give their storage to the living
)
_COLUMNS: tuple[Pass, ...] = (
    hoist_loop_invariants,  # expressions of weights alone -> statements before the loops
    fuse_elementwise,  # functions and products of neighbours -> one call over a pack
    to_three_address_code,  # any expressions -> one operation a statement
    reuse_storage,  # three-address code -> `overwrites`: the dead give their storage to the living
    store_feature_major,  # three-address code -> a sample per column: operands of packs contiguous
    gather_rows,  # sums over the rows of all steps -> sums over copies that lie row by row
    alias_targets,  # `overwrites` is decided -> targets may lie where the seed will
)
#: The passes of the fast style, by layout.
LAYOUTS: dict[Layout, tuple[Pass, ...]] = {
    "rows": (
        *_ROWS,
        alias_targets,  # `overwrites` is decided -> targets may lie where the seed will
    ),
    "blocked": (
        *_ROWS,
        block_products,  # products of many rows -> few rows at a time
        alias_targets,
    ),
    "columns": (
        *_SIMPLIFY,
        collect_local_derivatives,  # a linear backward loop -> factors known before the loop begins
        fission_statements,  # one loop a phase -> whole statements that need no step before them
        stack_products,  # products with common operands -> one GEMM of packs, weights stacked
        fission_loops,  # as above, for parts of statements: products and sums over time
        eliminate_common_subexpressions,
        fuse_gradients,  # sums over time of the same packs -> one GEMM, cut into gradients
        *_COLUMNS,
    ),
    "folded": (
        *_SIMPLIFY,
        collect_all_local_derivatives,  # the same, also where the factor is there already
        fission_statements,
        stack_products,
        fuse_additions,  # products plus other terms -> identity blocks among the weights
        fission_loops,
        eliminate_common_subexpressions,
        fuse_gradients,
        rotate_loops,  # what a step adds to its carry first -> the step before has added it
        *_COLUMNS,
    ),
}
#: What does best over all sizes; docs/performance_notes.md has the measurements.
DEFAULT_LAYOUT: Layout = "columns"


def passes(style: Style, steps: int | None, layout: Layout = DEFAULT_LAYOUT) -> Iterator[Pass]:
    """The passes of a style in order; unrolling comes last."""
    yield from _TEXTBOOK if style == "textbook" else LAYOUTS[layout]
    yield attribute_intermediates
    if steps is not None:
        yield unroll(steps)
        yield eliminate_dead_code


def optimise(
    program: Program, style: Style, steps: int | None = None, layout: Layout = DEFAULT_LAYOUT
) -> Program:
    """Run the passes of `style`, for `steps` time steps or, with None, for any number.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    return _last(program, passes(style, steps, layout))


def terms_of_gradients(program: Program) -> Program:
    """Run the passes of `credit`: the gradients alone, in one phase, for any number of steps.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    return _last(program, _CREDIT)


def forward_alone(program: Program) -> Program:
    """Run the pass that kernels of the forward pass alone begin with.

    Raises
    ------
    ProgramError: it left an unsound program, which is this package's fault.
    """
    return _last(program, (keep_forward,))


def values_of_forward(program: Program) -> Program:
    """Run the passes of `trace`: every value of the forward pass, in one phase.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    return _last(program, (eliminate_common_subexpressions, keep_forward_values))


def after_each(program: Program, changes: Iterable[Pass]) -> Iterator[Program]:
    """Run passes; yield the program after each of them, validated.

    Raises
    ------
    ProgramError: a pass left an unsound program, which is this package's fault.
    """
    for change in changes:
        program = validate(change(program))
        yield program


def _last(program: Program, changes: Iterable[Pass]) -> Program:
    return deque(after_each(program, changes), maxlen=1).pop()
