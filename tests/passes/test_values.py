"""Every pass, and every order of passes in use, changes no value that an entry point hands out.

The programs are drawn (`random_programs`); the interpreter says what they hand out, in float64.
Each pass meets what the passes before it leave, in every layout that has it. EXAMPLES=2000 in the
environment draws that many programs, other ones every time, and SHRINK=1 makes one that fails
smaller, which may take many minutes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from gru_codegen.ir import Option, Program, kept_for_every_step, validate
from gru_codegen.passes import (
    LAYOUTS,
    Layout,
    Pass,
    Style,
    factor_adjoints,
    passes,
    unroll,
)
from tests.passes.random_programs import arrays, handed_out, programs

#: Style and layout.
PIPELINES: dict[str, tuple[Style, Layout]] = {
    "textbook": ("textbook", "rows"),
    **{layout: ("fast", layout) for layout in LAYOUTS},
}

#: Those that leave nothing to do for a second run.
SETTLED = (
    "eliminate_common_subexpressions",
    "coalesce_copies",
    "to_three_address_code",
    "eliminate_dead_code",
    "rewrite_sigmoids",
    "block_products",
    "gather_rows",
)

#: The share of the programs, in percent, that each pass has to change.
WORK = {
    "eliminate_common_subexpressions": 40,
    "eliminate_dead_code": 60,
    "coalesce_copies": 50,
    "factor_sums": 60,
    "factor_adjoints": 30,
    "rewrite_sigmoids": 15,
    "fission_loops": 20,
    "fission_statements": 60,
    "fuse_biases": 3,
    "chain_products": 10,
    "collect_local_derivatives": 25,
    "collect_all_local_derivatives": 25,
    "stack_products": 40,
    "fuse_additions": 10,
    "fuse_gradients": 3,
    "alias_targets": 10,
    "rotate_loops": 5,
    "hoist_loop_invariants": 50,
    "transpose_weights": 10,
    "fuse_elementwise": 15,
    "fuse_elementwise_values": 10,
    "to_three_address_code": 60,
    "reuse_storage": 30,
    "store_feature_major": 100,
    "gather_rows": 40,
    "block_products": 100,
    "attribute_intermediates": 0,  # it changes origins alone, and these programs have none
    "unroll": 100,
}

STEPS = st.sampled_from([1, 2, 3])
GIVEN = st.sampled_from(
    [
        (),
        ("lengths",),
        ("loss weights",),
        ("lengths", "loss weights"),
        ("pullback",),
        ("lengths", "pullback"),
    ]
)

# Hypothesis writes every program out, as data; a failing test shows it as text.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

EXAMPLES = os.environ.get("EXAMPLES")

drawn = settings(
    max_examples=int(EXAMPLES or 50),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    phases=[Phase.generate, *([Phase.shrink] if os.environ.get("SHRINK") else [])],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def entries(options: tuple[Option, ...]) -> Iterator[str]:
    yield from ("pullback",) if "pullback" in options else ("forward", "loss", "gradients")


def assert_same_values(
    before: Program,
    after: Program,
    steps: int,
    options: tuple[Option, ...],
    *,
    in_place: bool = False,
) -> None:
    """`after` hands out what `before` does; in place: where a step writes over the one before."""
    values = arrays(before, steps, options)
    kept = kept_for_every_step(after) if in_place else None
    for entry in entries(options):
        expected = handed_out(before, entry, values, steps, options)
        actual = handed_out(after, entry, values, steps, options, kept)
        assert actual.keys() == expected.keys()
        for name, value in expected.items():
            scale = 1e-10 * max(1.0, np.abs(value).max())
            np.testing.assert_allclose(
                actual[name], value, rtol=1e-10, atol=scale, err_msg=f"{entry}: {name}"
            )


@pytest.mark.parametrize("pipeline", PIPELINES)
@drawn
@given(program=programs(2), steps=STEPS, options=GIVEN)
def test_every_pass_keeps_every_value(
    pipeline: str, program: Program, steps: int, options: tuple[Option, ...]
) -> None:
    style, layout = PIPELINES[pipeline]
    optimised = program
    for change in passes(style, steps, layout):
        note(f"{change.__name__} of\n{optimised}")
        before, optimised = optimised, validate(change(optimised))
        if optimised != before:
            assert_same_values(program, optimised, steps, options)
        if change.__name__ in SETTLED:
            assert change(optimised) == optimised, f"{change.__name__} does not settle"


@pytest.mark.parametrize("change", [unroll(3), factor_adjoints])
@drawn
@given(program=programs(), options=GIVEN)
def test_a_pass_on_its_own_keeps_every_value(
    change: Pass, program: Program, options: tuple[Option, ...]
) -> None:
    assert_same_values(program, validate(change(program)), 3, options)


def test_the_programs_give_every_pass_work() -> None:
    """A pass that leaves most of them as they are would not be tested by them."""
    changed: Counter[str] = Counter()
    met: Counter[str] = Counter()

    @drawn
    @given(program=programs())
    def count(program: Program) -> None:
        for style, layout in PIPELINES.values():
            optimised = program
            seen: dict[str, bool] = {}
            for change in passes(style, 3, layout):
                before, optimised = optimised, change(optimised)
                seen[change.__name__] = seen.get(change.__name__) or optimised != before
            met.update(seen.keys())
            changed.update(name for name, any_change in seen.items() if any_change)

    count()
    assert met.keys() == WORK.keys()
    found = {name: round(100 * changed[name] / met[name]) for name in met}
    assert not {name: found[name] for name in met if found[name] < WORK[name]}
