"""Wherever a cell or a loss is taken, its name will do, a path, and what `load_cell` gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.parse import declared_cell, declared_loss, spec_of

EXAMPLES = Path(__file__).parents[2] / "examples"
CELL, LOSS = EXAMPLES / "my_cell.toml", EXAMPLES / "pinball.toml"


def wrong(params: Any, x: Any, y: Any, s0: Any) -> Any:
    """A loss and gradients that are none: an audit says of what."""
    return 1.0, params


#: Each function that takes a cell and a loss, with what of its result tells both.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "load": lambda cell, loss: gc.load(cell, loss=loss).EQUATIONS,
    "generate": lambda cell, loss: gc.generate(cell, loss=loss, spec="CELL", loss_spec="LOSS"),
    "source_map": lambda cell, loss: gc.source_map(cell, loss=loss).texts,
    "program": lambda cell, loss: gc.program(cell, loss=loss, after="lower"),
    "derive": gc.derive,
    "check": lambda cell, loss: gc.check(gc.load("rnn", unroll=1), cell, loss=loss).verdict,
    "inspect": lambda cell, loss: gc.inspect(
        cell, loss=loss, at=1, unroll=1, spec="CELL", loss_spec="LOSS"
    ),
    "audit": lambda cell, loss: gc.audit(wrong, cell=cell, loss=loss).to_dict(),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_names_are_taken_where_objects_are(function: Callable[[Any, Any], Any]) -> None:
    assert function("rnn", "l2-mean") == function(gc.RNN, gc.losses["l2-mean"])


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_paths_are_taken_where_objects_are(function: Callable[[Any, Any], Any]) -> None:
    """As strings and as paths, and a text is the same cell each time that it is read."""
    expected = function(gc.load_cell(CELL), gc.load_loss(LOSS))
    assert function(str(CELL), str(LOSS)) == expected
    assert function(CELL, LOSS) == expected


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_misspelt_name_is_answered_in_a_line(function: Callable[[Any, Any], Any]) -> None:
    for cell, loss, said in (
        ("rn", "l2", "there is no cell 'rn'; did you mean rnn? known: gru, "),
        ("rnn", "l2-maen", "there is no loss 'l2-maen'; did you mean l2-mean? known: l2, "),
    ):
        with pytest.raises(gc.CellError, match=f"^{re.escape(said)}") as raised:
            function(cell, loss)
        assert "\n" not in str(raised.value)


def test_a_text_is_read_as_its_file_is() -> None:
    cell, loss = gc.load_cell(CELL.read_text()), gc.load_loss(LOSS.read_text())
    assert str(cell) == str(gc.load_cell(CELL))
    assert gc.check(gc.load(cell, loss=loss, unroll=2), CELL, loss=LOSS)
    assert gc.load_cell(CELL.read_text()) is cell


def test_a_fault_of_a_text_is_shown_in_its_line() -> None:
    text = CELL.read_text().replace("CA @ Wz", "CA @ Wca")
    with pytest.raises(gc.CellError, match=r"^<text>:8:31: CA is \(B, H\), Wca is .*\n.*\n +\^+$"):
        gc.load_cell(text)
    with pytest.raises(gc.CellError, match=r"^<text>:1:3: not TOML: Expected '='"):
        gc.load_loss("a 3\nb = 4")
    with pytest.raises(gc.CellError, match=r"^<text> has more than 16384 bytes; a loss takes a do"):
        gc.load_loss("#\n" * 10**4)
    with pytest.raises(gc.CellError, match=r"^<text>:2:7: the byte 0xed is not UTF-8 text"):
        gc.load_cell("name\nab = '\udc80'")


@pytest.mark.parametrize("comment", ["# see gru.toml", "# GRU.TOML"])
def test_a_text_may_end_as_a_path_does(comment: str) -> None:
    text = f"{CELL.read_text()}{comment}"
    assert str(gc.load_cell(text)) == str(gc.load_cell(CELL))
    assert spec_of(text) is None


@pytest.mark.parametrize("path", ["a\nb.toml", "a\nb.TOML"])
def test_a_path_of_two_lines_is_no_text(path: str) -> None:
    with pytest.raises(gc.CellError, match="cannot be the name of a declaration"):
        gc.load_cell(path)


@pytest.mark.parametrize("load", [gc.load_cell, gc.load_loss])
@pytest.mark.parametrize("given", [3, None, b"gru", gc.GRU])
def test_what_is_neither_a_name_nor_a_text(load: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(TypeError, match=r"^(cell|loss): expected its name, its file or the text"):
        load(given)


def test_a_declaration_is_itself() -> None:
    assert declared_cell(gc.GRU) is gc.GRU
    assert declared_loss(gc.L2) is gc.L2


def test_the_header_has_the_command_of_what_is_given() -> None:
    assert f"--cell {CELL.as_posix()} " in gc.generate(CELL)
    assert f" --loss {LOSS.as_posix()} " in gc.generate("gru", loss=LOSS).replace("\n       ", "")
    assert "gru_codegen.generate(cell)" in gc.generate(CELL.read_text())
    assert "--cell a.toml" in gc.generate(CELL, spec="a.toml")
    assert f"inspect --cell {CELL.as_posix()}" in gc.inspect(CELL, at=1, unroll=1, format="html")


@pytest.mark.parametrize("option", ["spec", "loss_spec"])
@pytest.mark.parametrize("spec", ['m:CELL"""', "a\nb", "a\\"])
def test_a_name_that_would_break_the_header_is_refused(option: str, spec: str) -> None:
    named: dict[str, Any] = {option: spec}
    for function in (gc.generate, gc.source_map):
        with pytest.raises(gc.CellError, match="cannot be the name of a declaration"):
            function("gru", unroll=1, **named)


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        ("gru", "gru"),
        (Path("a.toml"), "a.toml"),
        ("a = 3\nb = 4", None),
        (gc.GRU, None),
        (b"a", None),
    ],
)
def test_the_name_of_what_is_given(given: Any, spec: str | None) -> None:
    assert spec_of(given) == spec
