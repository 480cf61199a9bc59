"""The program at every stage, from Python."""

from __future__ import annotations

from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.ir.printing import printed
from gru_codegen.ir.reading import read_program
from gru_codegen.lower import lower
from gru_codegen.passes import eliminate_dead_code, factor_sums, optimise, passes
from gru_codegen.request import Request
from gru_codegen.stages import every_stage, stage_names, stages


@pytest.mark.parametrize(
    "given", [{}, {"layout": "rows"}, {"style": "textbook"}, {"unroll": 4, "layout": "folded"}]
)
def test_the_last_stage_is_what_the_kernel_is_emitted_from(given: dict[str, Any]) -> None:
    request = Request(gc.GRU, **given)
    best = optimise(lower(gc.derive(gc.GRU)), request.style, request.unroll, request.stored)
    assert gc.program(gc.GRU, **given) == best
    *_, (name, last) = stages(request)
    assert last == best
    assert list(stage_names(request))[-1] == name


def test_the_stage_after_a_pass() -> None:
    lowered = gc.program(gc.GRU, after="lower")
    assert lowered == lower(gc.derive(gc.GRU))
    first = list(passes("fast", None))[:4]
    assert first[-1] is factor_sums
    for change in first:
        lowered = change(lowered)
    assert gc.program(gc.GRU, after="factor_sums") == lowered
    assert read_program(str(lowered)) == lowered


def test_a_pass_that_runs_again_has_a_number() -> None:
    names = list(stage_names(Request(gc.GRU, unroll=2)))
    assert names[-2:] == ["unroll", "eliminate_dead_code_2"]
    before = gc.program(gc.GRU, unroll=2, after="unroll")
    assert gc.program(gc.GRU, unroll=2) == eliminate_dead_code(before)


def test_the_readout_and_the_loss_are_in_it() -> None:
    program = gc.program(gc.GRU, readout="linear", loss=gc.losses["bce"], after="lower")
    assert [weight.name for weight in program.weights][-2:] == ["Wout", "bout"]
    assert "softplus" in str(program)


def test_there_is_no_such_pass() -> None:
    with pytest.raises(ValueError, match=r"^after: there is no pass 'fold'; there are lower, fact"):
        gc.program(gc.GRU, style="textbook", after="fold")
    with pytest.raises(ValueError, match=r"'gather_rows' here, but with layout columns or layout"):
        gc.program(gc.GRU, style="textbook", after="gather_rows")
    with pytest.raises(
        ValueError, match=r"there is no pass 'factor_smus'; did you mean factor_sums"
    ):
        gc.program("gru", after="factor_smus")


def test_every_stage_says_what_it_gained() -> None:
    text = every_stage(Request(gc.GRU, layout="rows"))
    sections = text.split("=== ")[1:]
    names = [section.split("\n", 1)[0] for section in sections]
    assert names == list(stage_names(Request(gc.GRU, layout="rows")))
    (split,) = (section for section in sections if section.startswith("fission_loops"))
    gained, _, program = split.partition("\n\n")
    assert "  GEMMs: 18 T -> 6 T + 12\n" in gained
    assert "  statements changed: 16" in gained
    assert (
        program.rstrip()
        == printed(gc.program(gc.GRU, layout="rows", after="fission_loops")).rstrip()
    )


def test_of_a_pass_that_changes_nothing_there_is_no_text() -> None:
    text = every_stage(Request(gc.cells["rnn"], layout="rows"), origins=False)
    assert "=== rewrite_sigmoids\nnothing changes\n\n=== fission_loops\n  GEMMs" in text
