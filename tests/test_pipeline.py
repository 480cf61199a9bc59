"""What `generate` and `load` take, and what they say of the rest."""

from __future__ import annotations

import dataclasses
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.modules import load_file

LIMITS = "give a whole number from 1 to 65536, or None for a time loop of any length"


@pytest.mark.parametrize("make", [gc.generate, gc.load])
@pytest.mark.parametrize(
    ("unroll", "fault"),
    [
        (0, f"0 is less than one time step; {LIMITS}"),
        (-2, f"-2 is less than one time step; {LIMITS}"),
        (65537, f"65537 is too many time steps to write out one by one; {LIMITS}"),
        (10**9, f"1000000000 is too many time steps to write out one by one; {LIMITS}"),
        (np.int64(0), f"0 is less than one time step; {LIMITS}"),
        (True, "expected a number of time steps, 'any' or None, got True"),
        (np.True_, f"expected a number of time steps, 'any' or None, got {np.True_!r}"),
        (2.0, "expected a number of time steps, 'any' or None, got 2.0"),
        ("all", "expected a number of time steps, 'any' or None, got 'all'"),
    ],
)
def test_what_is_no_number_of_steps(make: Any, unroll: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'unroll: {fault}')}$"):
        make(gc.GRU, unroll=unroll)


def test_any_whole_number_will_do() -> None:
    unroll: Any = np.int64(2)
    assert gc.generate(gc.GRU, unroll=unroll) == gc.generate(gc.GRU, unroll=2)
    kernel = gc.load(gc.GRU, unroll=unroll)
    assert type(kernel.UNROLL) is int
    assert kernel.__name__ == "gru_t2"


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_the_textbook_style_has_no_layout(layout: Any) -> None:
    """Not that of the fast style by default either: as on the command line."""
    fault = f"layout: {layout!r} is for the fast style; leave it out for textbook"
    for make in (gc.generate, gc.load):
        with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
            make(gc.GRU, style="textbook", layout=layout)
    assert gc.load(gc.GRU, style="textbook").LAYOUT == "rows"


def test_the_default_layout_is_columns() -> None:
    assert gc.generate(gc.GRU) == gc.generate(gc.GRU, layout="columns")


def test_the_head_says_how_the_kernel_is_made_again() -> None:
    """By a command where the command line knows the cell, else by the call, which is run here."""
    own = dataclasses.replace(gc.GRU, name="own")
    bce: Any = {"loss": gc.losses["bce"], "readout": "linear", "unroll": 2, "layout": "rows"}
    calls: tuple[dict[str, Any], ...] = ({}, {"style": "textbook"}, bce)
    for given in calls:
        source = gc.generate(own, **given)
        [call] = re.findall(r"It is made by\n\n    (gru_codegen\.generate\(cell.*\))\n", source)
        assert eval(call, {"gru_codegen": gc, "cell": own}) == source
    for of_the_package in (gc.generate(gc.GRU), pipeline.generate(own, spec="gru")):
        assert "It is made by\n\n    gru-codegen generate --cell gru " in of_the_package


@pytest.mark.parametrize(("kind", "known"), [("cell", gc.cells), ("loss", gc.losses)])
def test_a_name_that_there_is_not(kind: str, known: dict[str, Any]) -> None:
    with pytest.raises(KeyError) as raised:
        known["nope"]
    assert raised.value.args == (f"there is no {kind} 'nope'; known: {', '.join(known)}",)
    assert known.get("nope") is None
    assert "nope" not in known


def test_the_version() -> None:
    assert gc.__version__ == version("gru-codegen")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({}, "gru, l2, any T, columns"),
        ({"unroll": 8, "style": "textbook"}, "gru, l2, T = 8, textbook"),
        ({"loss": "bce", "readout": "linear", "layout": "rows"}, "gru, bce, linear readout, any T, "
         "rows"),
        ({"only": "forward"}, "gru, forward alone, any T, columns"),
    ],
)  # fmt: skip
def test_a_kernel_shows_which_it_is(choices: dict[str, Any], said: str, tmp_path: Path) -> None:
    """As one that is read from a file does; a file that says less is a module like any other."""
    kernel = gc.load("gru", **choices)
    assert repr(kernel) == f"<kernel {kernel.__name__}: {said}>"
    path = tmp_path / "mine.py"
    path.write_text(gc.generate("gru", **choices))
    assert repr(load_file(path)) == f"<kernel mine: {said}>"
    del vars(kernel)["LAYOUT"]
    assert repr(kernel).startswith("<module 'gru")
