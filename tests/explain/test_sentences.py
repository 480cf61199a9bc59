"""What a document says in sentences holds for the part that is shown."""

from __future__ import annotations

import re

import gru_codegen as gc
from gru_codegen.explain import document
from gru_codegen.inspection import inspect
from gru_codegen.readouts import linear

RNN = gc.cells["rnn"]


def flowed(text: str) -> str:
    return " ".join(text.split())


def test_a_weight_of_the_readout_has_no_way_back_through_states() -> None:
    text = flowed(document(gc.derive(linear(RNN)), unroll=9, wrt="bout"))
    assert "One derivative leads from dO_t, which" in text
    unsaid = (
        "come back through the states",
        "A state is read by",
        "The slope of a function",
        "The ways back through a step",
    )
    for said in unsaid:
        assert said not in text
    assert "Of 9 steps, these are the first 3." in text
    assert "The equations of the first and of the last step, then the loss" in text


def test_nothing_shared_is_not_said_to_grow() -> None:
    text = flowed(document(gc.derive(linear(RNN)), wrt="bout"))
    assert "every further step adds two entrywise operations." in text
    assert "multiplies the number" not in text
    assert "flops" not in text
    text = flowed(document(gc.derive(RNN)))
    counted = re.findall(r" [34] (\d+) matrix products, (\d+) entrywise", text)
    before, last = (sum(map(int, numbers)) for numbers in counted)
    assert f"multiplies the number of operations by {last / before:.1f}." in text


def test_what_there_is_none_of_is_not_proved() -> None:
    text = document(gc.derive(RNN))
    assert "no factored" not in text
    assert "    one equation in normal form " in text


def test_the_code_does_not_lead_to_a_section_that_is_left_out() -> None:
    text = inspect(gc.GRU, wrt="Wz")
    assert "Sequences that end early" not in text
    assert "next section" not in text


def test_the_exercise_writes_the_file_that_is_graded() -> None:
    text = inspect(gc.GRU)
    assert "    gru-codegen grade --template gru --output mine.toml\n" in text
    assert "gru-codegen grade mine.toml" in text
