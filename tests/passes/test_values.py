"""Every pass, and every order of passes in use, changes no value that an entry point hands out.

The programs are drawn (`random_programs`); the interpreter says what they hand out, in float64.
A new pass is one more line in PASSES. EXAMPLES=2000 in the environment draws that many programs for
each test, other ones every time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gru_codegen.ir import Program, kept_for_every_step, validate
from gru_codegen.passes import (
    STYLES,
    Pass,
    coalesce,
    factor,
    factor_adjoints,
    flatten,
    hoist,
    passes,
    prune,
    share,
    unroll,
)
from tests.passes.random_programs import arrays, handed_out, programs

PASSES: dict[str, Callable[[int], Pass]] = {  # each for a number of steps, which few ask for
    "share": lambda steps: share,
    "coalesce": lambda steps: coalesce,
    "factor": lambda steps: factor,
    "factor_adjoints": lambda steps: factor_adjoints,
    "hoist": lambda steps: hoist,
    "flatten": lambda steps: flatten,
    "prune": lambda steps: prune,
    "unroll": unroll,
}

#: Those that leave nothing to do for a second run.
SETTLED = ("share", "coalesce", "flatten", "prune", "unroll")

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
    max_examples=int(EXAMPLES or 40),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def entries(options: tuple[str, ...]) -> Iterator[str]:
    yield from ("pullback",) if "pullback" in options else ("forward", "loss", "gradients")


def assert_same_values(
    before: Program, after: Program, steps: int, options: tuple[str, ...], *, in_place: bool = False
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


@pytest.mark.parametrize("name", PASSES)
@drawn
@given(program=programs(), steps=STEPS, options=GIVEN)
def test_a_pass_keeps_every_value(
    name: str, program: Program, steps: int, options: tuple[str, ...]
) -> None:
    note(str(program))
    changed = validate(PASSES[name](steps)(program))
    note(str(changed))
    assert_same_values(program, changed, steps, options)
    if name in SETTLED:
        assert str(PASSES[name](steps)(changed)) == str(changed)


@pytest.mark.parametrize("unrolled", [False, True], ids=["any", "unrolled"])
@pytest.mark.parametrize("style", STYLES)
@drawn
@given(program=programs(), steps=STEPS, options=GIVEN)
def test_a_style_keeps_every_value(
    style: Any, unrolled: bool, program: Program, steps: int, options: tuple[str, ...]
) -> None:
    optimised = program
    for change in passes(style, steps if unrolled else None):
        note(str(optimised))
        optimised = validate(change(optimised))
    note(str(optimised))
    assert_same_values(program, optimised, steps, options, in_place=True)


def test_the_programs_give_every_pass_work() -> None:
    """A pass that leaves most of them as they are would not be tested by them."""
    changed: Counter[str] = Counter()

    @drawn
    @given(program=programs())
    def count(program: Program) -> None:
        changed["programs"] += 1
        for name, make in PASSES.items():
            changed[name] += str(make(3)(program)) != str(program)

    count()
    share_of = {name: changed[name] / changed["programs"] for name in PASSES}
    assert min(share_of.values()) > 0.5, share_of
