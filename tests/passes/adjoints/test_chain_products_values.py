"""Chains, rests and what is recalled change no value, on drawn steps that have plenty of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from gru_codegen.ir import Option, Program
from gru_codegen.passes import chain_products
from tests.passes.test_values import STEPS, assert_same_values, drawn
from tests.passes.written import after, written

# Hypothesis writes every program out, as data; a failing test shows it as text.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

CANDIDATES = ("R[t] * A[t]", "A[t] + R[t] * A[t]", "A[t]")
STATES = (
    "S[t-1] + Z[t] * (C[t] - S[t-1])",
    "C[t] - Z[t] * C[t]",
    "Z[t] * S[t-1] + C[t]",
    "Z[t] * C[t]",
)
FACTORS = (
    "Z[t]",
    "R[t]",
    "C[t]",
    "A[t]",
    "S[t-1]",
    "S[t]",
    "1 - Z[t]",
    "1 - R[t]",
    "1 + Z[t]",
    "C[t] - S[t-1]",
)
#: Products that steps compute, with what their adjoints are multiplied by besides.
GATED = (
    ("Z[t]", "1 - Z[t]", "C[t] - S[t-1]"),
    ("R[t]", "1 - R[t]", "A[t]"),
    ("R[t]", "1 - R[t]", "S[t-1]"),
    ("1 - Z[t]",),
    ("1 - C[t] * C[t]",),
)
ADJOINTS = ("dZ", "daZ", "dR", "daR", "dA", "daC", "dC")


@st.composite
def steps(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Program:
    """A forward step with gates, and a backward step of sums of products."""

    def one_of(items: Any) -> Any:
        return draw(st.sampled_from(list(items)))

    masked = draw(st.booleans())
    computed = ["dS[t]"]

    def product(root: str) -> str:
        if draw(st.integers(0, 3)):
            factors = one_of(GATED)
        else:
            factors = draw(st.lists(st.sampled_from(FACTORS), max_size=2))
        for factor in factors:
            root = f"{root} * ({factor})"
        return root

    def total() -> str:
        value = product(one_of([*computed, "dS[t]"]))
        if draw(st.integers(0, 3)) == 0:
            value = f"{value} {one_of(['+', '-'])} {product(one_of(computed))}"
        if draw(st.integers(0, 3)) == 0:
            value = f"{value} + {one_of(computed)} @ Uc.T"
        return value

    forward = [
        "Z[t] = tanh(x[t] @ Wz)",
        "R[t] = tanh(x[t] @ Wr)",
        "A[t] = S[t-1] @ Uc",
        *(["RS[t] = R[t] * S[t-1]"] if draw(st.booleans()) else []),
        f"C[t] = tanh({one_of(CANDIDATES)})",
        f"S[t] = {one_of(STATES)}",
        *(["if lengths: S[t] = select(ended[t], S[t-1], S[t])"] if masked else []),
    ]
    zero = "if lengths: dS[t] = select(ended[t], 0, dS[t])"
    backward = ["dS[t] = dO[t] + dS_prev[t+1]"]
    backward += [zero] if draw(st.integers(0, 3)) else []
    adjoints = [*ADJOINTS[: draw(st.integers(2, len(ADJOINTS)))], "dS_prev"]
    if draw(st.booleans()):  # what is carried is not always computed last
        adjoints[-2:] = adjoints[:-3:-1]
    for adjoint in adjoints:
        backward.append(f"{adjoint}[t] = {total()}")
        if adjoint != "dS_prev":
            computed.append(f"{adjoint}[t]")
    if draw(st.integers(0, 3)) == 0:  # an adjoint becomes another
        place = draw(st.integers(1, len(backward)))
        backward.insert(place, f"dS[t] = dS[t] * ({one_of(FACTORS)})")
    backward += ["if lengths: dS_prev[t] = dS_prev[t] + dO[t]"] if draw(st.booleans()) else []
    backward += [f"dU{i} += contract(S[t-1], {one_of(computed)})" for i in "zrc"]
    backward += [f"dW{i} += contract(x[t], {one_of(computed)})" for i in "zrc"]
    return written(
        {
            "forward": "\n".join(
                [
                    "dO[:] = y[:] @ Wc",
                    "for every step t, first to last:",
                    *(f"    {line}" for line in forward),
                ]
            ),
            "backward": "\n".join(
                ["for every step t, last to first:", *(f"    {line}" for line in backward)]
            ),
        },
        {"forward": "S", "loss": "S", "gradients": "dUz dUr dUc dWz dWr dWc"},
    )


@drawn
@given(program=steps(), number=STEPS, options=st.sampled_from([(), ("lengths",)]))
def test_it_keeps_every_value(program: Program, number: int, options: tuple[Option, ...]) -> None:
    changed = chain_products(program)
    note(f"{program}\n\n{changed}")
    assert_same_values(program, changed, number, options)
    assert_same_values(program, changed, number, options, in_place=True)


def test_the_steps_give_it_work() -> None:
    """Rests, recalled sums and products kept: steps without them would not test them."""
    found: Counter[str] = Counter()

    @settings(drawn, max_examples=200)  # so many that no luck is in it
    @given(program=steps())
    def count(program: Program) -> None:
        changed = chain_products(program)
        backward = "\n".join(after(changed, "backward"))
        before = "\n".join(after(program, "backward"))
        found["steps"] += 1
        found["rests"] += "_rest" in backward
        times = [len(re.findall(r"\bS\[t\]", text)) for text in (before, backward)]
        found["recalled"] += "RS[t]" in backward or times[1] > times[0]
        found["kept"] += len(after(changed)) > len(after(program))

    count()
    assert all(100 * found[name] >= 4 * found["steps"] for name in ("rests", "recalled", "kept"))
