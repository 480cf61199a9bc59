from __future__ import annotations

from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import explain
from gru_codegen.cli import options
from gru_codegen.readouts import linear, readouts
from tests.cli.running import ROOT, Outcome, Run, files

# Every cell and every loss; not every one with every other.
PAIRS = list(
    dict.fromkeys([*((cell, "l2") for cell in gc.cells), *(("gru", loss) for loss in gc.losses)])
)


@pytest.mark.parametrize(("cell", "loss"), PAIRS)
@pytest.mark.parametrize("markup", explain.FORMATS)
@pytest.mark.parametrize("unroll", ["2", "any"])
@pytest.mark.parametrize("one_weight", [True, False])
def test_inspect_prints_the_document(
    cell: str, loss: str, markup: str, unroll: str, one_weight: bool, run: Run, folder: Path
) -> None:
    declared, cost = gc.cells[cell], gc.losses[loss]
    weight = str(declared.weights[-1]) if one_weight else None
    expected = explain.document(
        gc.derive(declared, cost),
        unroll=None if unroll == "any" else int(unroll),
        wrt=weight,
        format=markup,  # type: ignore[arg-type]
    ).rstrip("\n")
    assert expected

    options = ["--cell", cell, "--loss", loss, "--format", markup, "--unroll", unroll]
    options += ["--wrt", weight] if weight else []
    assert run("inspect", *options) == Outcome(0, f"{expected}\n", "")

    assert run("inspect", *options, "--output", "d.txt") == Outcome(0, "wrote d.txt\n", "")
    assert Path("d.txt").read_bytes().decode() == f"{expected}\n"
    assert files(folder) == {"d.txt"}


def test_inspect_shows_a_readout(run: Run) -> None:
    options = ["--cell", "lstm", "--readout", "linear", "--loss", "cross-entropy", "--wrt", "Wout"]
    expected = explain.document(
        gc.derive(linear(gc.cells["lstm"]), gc.losses["cross-entropy"]), wrt="Wout"
    )
    assert run("inspect", *options) == Outcome(0, expected, "")
    assert "dWout = sum_t S_t^T dO_t" in expected


def test_what_is_inspected_by_default(run: Run) -> None:
    options = ["--cell", "gru", "--loss", "l2", "--unroll", "any", "--format", "text"]
    assert run("inspect") == run("inspect", *options)


def test_cells_lists_the_reference_cell_with_its_equations(run: Run) -> None:
    status, out, err = run("cells")
    assert (status, err) == (0, "")
    assert (
        "gru: gated recurrent unit\n"
        "    Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2\n"
        "\n"
        "    Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)\n"
        "    R_t  = sigmoid(x_t Wr + S_{t-1} Wrecr)\n"
        "    CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)\n"
        "    S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t\n"
    ) in out
    assert "\nlosses\n    l2: L2 cost, at every time step\n" in out


def test_cells_lists_everything(run: Run) -> None:
    lines = run("cells").out.splitlines()
    for cell in gc.cells.values():
        assert f"{cell.name}: {cell.title}" in lines
        for equation in str(cell).splitlines():
            assert f"    {equation}" in lines
    for loss in gc.losses.values():
        assert f"    {loss.name}: {loss.title}" in lines
    assert lines[lines.index("readouts") + 1 : -2] == [
        "    none: the output of the cell itself",
        "    linear: O_t = S_t Wout + bout",
    ]
    assert list(options.READOUTS) == list(readouts)
    assert lines[-1] == "a cell of your own is package.module:NAME, or FILE.toml"


def test_cells_shows_one_cell(run: Run) -> None:
    shown = run("cells", "mgu")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith("mgu: minimal gated unit\n    Zhou")
    assert shown.out.endswith("\n    S_t  = (1 - FG_t) o S_{t-1} + FG_t o CA_t\n")
    assert shown.out in run("cells").out
    assert run("cells", str(ROOT / "examples" / "my_cell.toml")).out.startswith("minimal-rnn: min")
