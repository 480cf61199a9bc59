"""Every line is reached: whatever steps are written out, options act on each of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.derive import derive
from gru_codegen.modules import load_source
from gru_codegen.prove import prove
from gru_codegen.prove.calls import GIVEN
from gru_codegen.prove.expected import Reference
from gru_codegen.prove.field import Field
from gru_codegen.prove.points import LENGTHS, MASKS, Given, Point
from gru_codegen.request import complete

#: These share the lines that compute gradients.
SETS = [given for name in ("loss_and_gradients", "all_gradients", "vjp") for given in GIVEN[name]]


WITH_STATE = [given for given in SETS if "d_state" in given]
WITH_START = [given for given in SETS if "s0" in given]


@pytest.mark.parametrize("T", [1, 2, 3, 4, 5, 8, 33])
class TestEveryStep:
    @pytest.fixture
    def reference(self, T: int) -> Reference:
        derivation = derive(complete(gc.GRU, "none"), gc.L2)
        return Reference(derivation, Point(Field(7), derivation.cell, gc.L2, T, T))

    @pytest.mark.parametrize(
        "sets", [SETS, WITH_STATE, WITH_START], ids=["all", "with d_state", "with s0"]
    )
    @pytest.mark.parametrize("kind", ["lengths", "masks"])
    def test_has_a_real_sample_and_one_that_is_padding(
        self, reference: Reference, sets: list[Given], kind: str
    ) -> None:
        names = LENGTHS if kind == "lengths" else MASKS.keys()
        padding = [reference.point.padding(given & names) for given in sets if given & names]
        assert np.any(padding, axis=(0, 2)).all()
        assert np.any([~each for each in padding], axis=(0, 2)).all()

    @pytest.mark.parametrize("sets", [SETS, WITH_STATE], ids=["all", "with d_state"])
    def test_has_a_real_sample_with_a_weight(
        self, reference: Reference, sets: list[Given], T: int
    ) -> None:
        weighted = [given for given in sets if {"loss_weights", "loss_weights by step"} & given]
        weights = np.array([reference.row_weights(given) for given in weighted])
        assert (weights != reference.zero).any(axis=(0, 2)).all()
        assert (weights == reference.zero).any() or T == 1

    @pytest.mark.parametrize("sets", [SETS, WITH_STATE], ids=["all", "with d_state"])
    def test_differs_from_those_near_it_by_a_mask(
        self, reference: Reference, sets: list[Given], T: int
    ) -> None:
        masks: list[Any] = [reference.point.mask(given) for given in sets if given & MASKS.keys()]
        rows: Any = np.concatenate(masks, axis=1)
        for one, other in combinations(range(T), 2):
            assert other - one >= 4 or (rows[one] != rows[other]).any()


@pytest.mark.parametrize("T", [2, 3, 4])
@pytest.mark.parametrize(
    "line",
    [
        "dO[{t}] = dO[{t}] * V[{t}]",
        "S[{t}] = np.where(ended[{t}], S_prev[{t}], S[{t}])",
        "dS = np.where(ended[{t}], 0, dS)",
        "dS_held = np.where(ended[{t}], dS, 0)",
    ],
)
def test_a_line_of_an_option_is_reached_at_every_step(line: str, T: int) -> None:
    source = gc.generate(gc.GRU, unroll=T, style="textbook")
    for t in range(T):
        old = line.format(t=t)
        places = [n for n, each in enumerate(source.splitlines()) if each.strip() == old]
        for place in places:
            lines = source.splitlines()
            lines[place] = lines[place].replace(old, "pass")
            kernel = load_source("\n".join(lines), "kernel")
            assert not prove(kernel, complete(gc.GRU, "none"), gc.L2), f"line {place + 1}: {old}"
        assert places
