"""What is asked of a kernel: its name, its command and its call say whatever is not the default."""

from __future__ import annotations

import inspect
import shlex
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.request import Request

BCE = gc.losses["bce"]
COMMAND = "gru-codegen generate --cell gru --unroll any --loss l2 --style fast"


@pytest.mark.parametrize(
    ("given", "name", "call"),
    [
        ({}, "gru", "cell"),
        ({"layout": "columns"}, "gru", "cell"),
        ({"loss": BCE}, "gru_bce", "cell, loss=gru_codegen.losses['bce']"),
        ({"readout": "linear"}, "gru_linear", "cell, readout='linear'"),
        ({"unroll": 4}, "gru_t4", "cell, unroll=4"),
        ({"style": "textbook"}, "gru_textbook", "cell, style='textbook'"),
        ({"layout": "rows"}, "gru_rows", "cell, layout='rows'"),
        ({"extras": ["credit"]}, "gru_credit", "cell, extras=['credit']"),
        ({"extras": "credit", "unroll": 2}, "gru_t2_credit", "cell, unroll=2, extras=['credit']"),
        ({"extras": ["trace", "credit"]}, "gru_credit_trace", "cell, extras=['credit', 'trace']"),
        ({"loss": gc.losses["cross-entropy"], "unroll": 2}, "gru_cross_entropy_t2", None),
    ],
)
def test_what_is_not_the_default_is_said(given: Any, name: str, call: str | None) -> None:
    request = Request(gc.GRU, **given)
    assert request.name == name
    if call is not None:
        assert request.call == f"gru_codegen.generate({call})"
    words = shlex.split(" ".join(request.command("gru")))
    asked = [words[i + 1] for i, word in enumerate(words) if word == "--with"]
    assert asked == [each for each in ("credit", "trace") if each in given.get("extras", ())]
    for option, value in given.items():
        if value != "columns" and option != "extras":  # the default is not said
            assert words[words.index(f"--{option}") + 1] == str(getattr(value, "name", value))


def test_a_command_has_every_option_that_has_always_been_there() -> None:
    assert " ".join(Request(gc.GRU).command("gru")) == COMMAND
    quoted = Request(gc.GRU, readout="linear", layout="rows").command("my cell.toml")
    assert quoted == (
        "gru-codegen generate",
        "--cell 'my cell.toml'",
        "--unroll any",
        "--loss l2",
        "--readout linear",
        "--style fast",
        "--layout rows",
    )


def test_an_extra_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^extras: there is no 'credi'; did you mean credit\? there are credit, trace$",
    ):
        Request(gc.GRU, extras=["credit", "credi"])


def test_the_layout_that_a_kernel_has() -> None:
    assert Request(gc.GRU).stored == "columns"
    assert Request(gc.GRU, layout="folded").stored == "folded"
    assert Request(gc.GRU, style="textbook").stored == "rows"


def test_the_cell_is_completed_once() -> None:
    first, second = (Request(gc.GRU, readout="linear") for _ in range(2))
    assert first.complete is second.complete
    assert Request(gc.GRU).complete is gc.GRU


@pytest.mark.parametrize(
    ("function", "own"),
    [
        (gc.generate, ["spec", "loss_spec"]),
        (gc.load, ["check"]),
        (gc.source_map, ["spec", "loss_spec"]),
        (gc.program, ["after"]),
    ],
)
def test_what_is_asked_stands_in_the_signature(function: Any, own: list[str]) -> None:
    """Each choice by name, with the default of the request, and then what is the function's own."""
    cell, *others = inspect.signature(function).parameters.values()
    assert (cell.name, cell.kind) == ("cell", cell.POSITIONAL_OR_KEYWORD)
    assert {each.kind for each in others} == {cell.KEYWORD_ONLY}
    request = list(inspect.signature(Request).parameters.values())[1:]
    assert [each.name for each in others] == [*(each.name for each in request), *own]
    assert [each.default for each in others][: len(request)] == [e.default for e in request]
    assert not any(each.default for each in others[len(request) :])
    types = {each.name: each.annotation for each in others}
    assert types.pop("unroll") == "int | Literal['any'] | None"
    assert types["loss"] == "Loss | str | PathLike[str]"
    assert types["layout"] == "Layout | None"
    said = r"^there is no argument 'unrol'; did you mean unroll\? a kernel has loss, readout, "
    with pytest.raises(TypeError, match=said):
        function(gc.GRU, unrol=8)
