"""`t` in equations is the number of the time step, counted by a state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, t
from gru_codegen.errors import CellError
from gru_codegen.parse import load_cell

W, x = matrix("W", D, H), matrix("x", B, D)
S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
#: S_t = S_{t-1} + t x_t W
RAMP = S_prev + hadamard(t * ones(1, H), x * W)


def ramp(*weights: object) -> Cell:
    sums = (Equation(S, RAMP, "state"),)
    return Cell("ramp", "ramp", "a test", (x,), (W, *weights), {S: S_prev}, sums)


def file(folder: Path, equations: str, more: str = "") -> str:
    path = folder / "cell.toml"
    path.write_text(
        f"""name = "ramp"\nstates = ["S"]\nweights = {{ W = "(D, H)" {more} }}\n"""
        f'equations = "{equations}"\n'
    )
    return str(path)


def test_a_file_says_it_as_python_does(tmp_path: Path) -> None:
    read = load_cell(file(tmp_path, "S = S_prev + t * (x @ W)"))
    assert str(read) == str(ramp())
    assert [state.name for state in read.states] == ["S", "time"]
    assert str(read).splitlines()[0] == "time_t = 1 + time_{t-1}"


@pytest.mark.parametrize("unroll", [None, 4])
def test_it_is_1_at_the_first_step_and_goes_on_from_an_initial_state(unroll: int | None) -> None:
    kernel = gc.load(ramp(), unroll=unroll)
    params = kernel.Params(np.ones((1, 1)))
    inputs = np.ones((4, 2, 1))
    outputs, state = kernel.forward(params, inputs)
    assert outputs[:, 0, 0].tolist() == [1, 3, 6, 10]
    assert state.time.tolist() == [[4], [4]]
    more, last = kernel.forward(params, inputs, state)
    assert (more[:, 0, 0] - 10).tolist() == [5, 11, 18, 26]
    assert last.time.tolist() == [[8], [8]]


def test_steps_that_a_mask_leaves_out_do_not_count() -> None:
    kernel = gc.load(ramp())
    mask = np.array([[True, False], [False, False], [True, True], [True, False]])
    params = kernel.Params(np.ones((1, 1)))
    outputs, state = kernel.forward(params, np.ones((4, 2, 1)), mask=mask)
    assert outputs[:, :, 0].T.tolist() == [[1, 0, 3, 6], [0, 0, 1, 0]]
    assert state.time.tolist() == [[3], [1]]


def test_a_cell_that_does_not_read_it_has_no_state_for_it() -> None:
    assert [state.name for state in gc.GRU.states] == ["S"]


def test_its_state_needs_its_name(tmp_path: Path) -> None:
    said = "t, the number of the time step, needs the name time, which is another matrix"
    with pytest.raises(CellError, match=said):
        ramp(matrix("time", 1, H))
    with pytest.raises(CellError, match=said):
        load_cell(file(tmp_path, "S = S_prev + t * (x @ W) * time", ', time = "(H,)"'))
