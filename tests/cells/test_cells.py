from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from itertools import chain

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, H
from gru_codegen.cells import FAMILIES, FOLDER
from gru_codegen.parse import families
from tests.cells.sample import IN_PYTHON

CELLS = pytest.mark.parametrize("cell", gc.cells.values(), ids=gc.cells.keys())
PYTHONS = pytest.mark.parametrize("cell", IN_PYTHON.values(), ids=IN_PYTHON.keys())


def test_the_gru_is_what_the_paper_says() -> None:
    assert str(gc.GRU) == (
        "Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)\n"
        "R_t  = sigmoid(x_t Wr + S_{t-1} Wrecr)\n"
        "CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)\n"
        "S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t"
    )
    assert [str(weight) for weight in gc.GRU.weights] == [
        "Wz",
        "Wrecz",
        "Wca",
        "Wrecca",
        "Wr",
        "Wrecr",
    ]
    assert [equation.meaning for equation in gc.GRU.equations] == [
        "update gate",
        "reset gate",
        "candidate activation",
        "state",
    ]
    assert gc.GRU is gc.cells["gru"]


@CELLS
def test_a_cell_is_known_by_its_own_name(cell: Cell) -> None:
    assert gc.cells[cell.name] is cell


@PYTHONS
def test_what_changes_from_step_to_step_has_one_row_per_sample(cell: Cell) -> None:
    (x,) = cell.inputs
    assert x.shape in {(B, D), (B, H)}  # H where a cell needs both sizes to be equal
    for equation in cell.equations:
        assert equation.target.shape == (B, H)


@PYTHONS
def test_weights_are_named_by_what_they_do(cell: Cell) -> None:
    """W<gate> for the input, Wrec<gate> for the state, b<gate>, brec<gate> and p<gate>."""
    shapes = {"Wrec": (H, H), "W": (cell.inputs[0].shape[1], H), "b": (1, H), "p": (1, H)}
    for weight in cell.weights:
        prefix = next(prefix for prefix in shapes if weight.name.startswith(prefix))
        assert weight.shape == shapes[prefix]


@CELLS
def test_states_are_named_with_their_previous_value(cell: Cell) -> None:
    assert {f"{state}_prev" for state in cell.states} == {str(s) for s in cell.states.values()}


@CELLS
def test_every_equation_says_what_it_is(cell: Cell) -> None:
    assert cell.title
    assert cell.source
    meanings = [equation.meaning for equation in cell.equations]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def test_every_file_is_a_cell_and_the_reference_cell_comes_first() -> None:
    assert {*IN_PYTHON} == {file.stem.replace("_", "-") for file in FOLDER.glob("[a-z]*.py")}
    assert {*gc.cells} - {*IN_PYTHON} == {file.stem for file in FOLDER.glob("*.toml")}
    assert next(iter(gc.cells)) == "gru"


def test_every_cell_is_in_one_family() -> None:
    assert families() == FAMILIES
    assert [*chain(*FAMILIES.values())] == [*gc.cells]


def test_a_file_is_read_when_its_cell_is_asked_for() -> None:
    asked = "import sys, gru_codegen as gc; gc.cells['lstm']; list(gc.cells); 'no' in gc.cells; "
    shown = "print(*sorted(m.rpartition('.')[2] for m in sys.modules if '.cells.' in m))"
    run = subprocess.run([sys.executable, "-c", asked + shown], capture_output=True, text=True)
    assert run.stdout == "lstm\n"


def test_a_cell_that_is_none_is_named_beside_all() -> None:
    with pytest.raises(KeyError, match=r"no cell 'gur'; did you mean gru\? known: gru, gru1, "):
        gc.cells["gur"]


@PYTHONS
def test_a_cell_is_in_the_file_of_its_name(cell: Cell) -> None:
    file = cell.name.replace("-", "_")
    module = import_module(f"gru_codegen.cells.{file}")
    assert getattr(module, file.upper()) is cell
