"""The names of the package: constants of cells, checks on loading, and what misspelt ones say."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.cells import FAMILIES
from tests.planted import planted

INIT = Path(gc.__file__).read_text(encoding="utf-8")


def test_every_cell_has_a_constant() -> None:
    constants = {name.upper().replace("-", "_"): name for name in gc.cells}
    assert {name: getattr(gc, name) for name in constants} == {
        name: gc.cells[cell] for name, cell in constants.items()
    }
    assert constants.keys() <= {*dir(gc)}


def test_type_checkers_know_the_constants() -> None:
    declared = {*re.findall(r"^    ([A-Z_\d]+): Cell$", INIT, re.M), "GRU"}
    listed = {name.upper().replace("-", "_") for names in FAMILIES.values() for name in names}
    assert declared == listed


@pytest.mark.parametrize(
    ("name", "close"),
    [("LSTN", "; did you mean LSTM?"), ("laod", "; did you mean load?"), ("q", "")],
)
def test_another_name_is_answered_with_the_nearest(name: str, close: str) -> None:
    said = f"module 'gru_codegen' has no attribute '{name}'{close}"
    with pytest.raises(AttributeError, match=f"^{re.escape(said)}$"):
        getattr(gc, name)


@pytest.mark.parametrize("module", ["pipeline", "parse.given", "inspection", "derive.lagrangian"])
def test_the_examples_of_docstrings_are_so(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"gru_codegen.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0, "the differences are printed above"


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = """
import sys, gru_codegen as gc
dir(gc), hasattr(gc, "LSTN"), hasattr(gc, "_private")
print(sorted({"sympy", "numpy", "jinja2", "click"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_kernel_is_checked_when_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gc.load("rnn", unroll=1, check=True).CELL == "rnn"
    text = gc.generate("rnn", unroll=1, style="textbook").replace("dS * (1", "dS * (2")
    monkeypatch.setattr("gru_codegen.pipeline.source", lambda *_: text)
    assert gc.load("rnn", unroll=1, style="textbook").CELL == "rnn"
    with pytest.raises(
        gc.VerificationError, match=r"^rnn_t1_textbook: FAIL: \d+ of \d+ checks; .+"
    ):
        gc.load("rnn", unroll=1, style="textbook", check=True)


def test_a_kernel_is_held_to_a_declaration() -> None:
    kernel = gc.load("rnn", unroll=1)
    report = gc.check(kernel, "rnn")
    assert report
    assert report.proof
    other = gc.check(kernel, "indrnn")
    assert not other
    assert not other.proof
    assert {check.method for check in report.checks} > {"the declared equations", "complex step"}


def test_the_loss_is_that_which_the_kernel_names(tmp_path: Path) -> None:
    assert gc.check(gc.load("rnn", loss="bce", unroll=1), "rnn")
    assert not gc.check(gc.load("rnn", loss="bce", unroll=1), "rnn", loss="l2")
    assert gc.check(gc.load("rnn", only="forward", unroll=1), "rnn")
    pinball = Path(__file__).parents[1] / "examples" / "pinball.toml"
    own = gc.load("rnn", loss=pinball, unroll=1)
    with pytest.raises(
        gc.VerificationError, match=r"loss 'pinball', which is none of l2, .*; give "
    ):
        gc.check(own, "rnn")
    assert gc.check(own, "rnn", loss=pinball)
    other = planted(gc.generate("rnn", unroll=1), 'LOSS = "l2"', 'LOSS = "l3"')
    with pytest.raises(gc.VerificationError, match=r"the loss 'l3', which is none of l2, "):
        gc.check(other, "rnn")
