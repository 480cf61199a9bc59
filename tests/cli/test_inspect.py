from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import explain
from gru_codegen.cells import FAMILIES
from gru_codegen.cli import options
from gru_codegen.parse import ways
from gru_codegen.readouts import readouts
from tests.cli.running import ROOT, Outcome, Run, files

# The documents of all cells and losses are put to the test in tests/explain.

CASES = [
    *product(["gru"], ["l2"], explain.FORMATS, ["2", "any"], [True, False]),
    *product(["rnn"], ["bce"], explain.FORMATS, ["2"], [False]),
]


@pytest.mark.parametrize(("cell", "loss", "markup", "unroll", "one_weight"), CASES)
def test_inspect_prints_the_document(
    cell: str,
    loss: str,
    markup: str,
    unroll: str,
    one_weight: bool,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    declared, cost = gc.cells[cell], gc.losses[loss]
    weight = str(declared.weights[-1]) if one_weight else None
    expected = gc.inspect(
        declared,
        loss=cost,
        unroll=None if unroll == "any" else int(unroll),
        wrt=weight or (),
        format=markup,  # type: ignore[arg-type]
    ).rstrip("\n")
    assert expected

    options = ["--cell", cell, "--loss", loss, "--format", markup, "--unroll", unroll]
    options += ["--wrt", weight] if weight else []
    assert run("inspect", *options) == Outcome(0, f"{expected}\n", "")


@pytest.mark.parametrize("markup", explain.FORMATS)
def test_a_file_has_what_is_printed(
    markup: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    options = ["--format", markup, "--wrt", "Wz"]
    printed = run("inspect", *options).out
    assert run("inspect", *options, "--output", "d.txt") == Outcome(0, "wrote d.txt\n", "")
    assert Path("d.txt").read_bytes().decode() == printed
    assert files(folder) == {"d.txt"}


def test_inspect_shows_a_readout(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    options = ["--cell", "lstm", "--readout", "linear", "--loss", "cross-entropy", "--wrt", "Wout"]
    expected = gc.inspect(
        gc.cells["lstm"], loss=gc.losses["cross-entropy"], readout="linear", wrt="Wout"
    )
    assert run("inspect", *options) == Outcome(0, expected, "")
    assert "dWout = sum_t S_t^T dO_t" in expected


def test_what_is_inspected_by_default(run: Run) -> None:
    options = ["--cell", "gru", "--loss", "l2", "--unroll", "any", "--format", "text"]
    assert run("inspect") == run("inspect", *options)


def test_the_source_s_page_by_one_command_each(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time step 2 with six equations, time step 1 with two errors that add up, and so on."""
    monkeypatch.setenv("COLUMNS", "100")
    plain = run("inspect").out
    assert "| tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) |   candidate activation, (B, H)" in plain
    assert "CA[t] = np.tanh(x[t] @ Wca + RS[t] @ Wrecca)" in plain
    assert "Six weights, so in total six gradients to find: Wz, Wrecz, Wca, Wrecca, Wr" in plain

    two = run("inspect", "--unroll", "2").out
    for line in ("L_1  = 1/2 tr(E_1^T E_1)", "L_2  = 1/2 tr(E_2^T E_2)", "L    = L_1 + L_2"):
        assert line in two

    last = run("inspect", "--unroll", "2", "--at", "2").out
    assert last.count("    dL_2/dW") == 6
    assert "dL_2/dWz at 2     = x_2^T daZ_2\n" in last
    assert "= x_2^T (E_2 o (CA_2 - S_1) o Z_2 o (1 - Z_2))\n" in last

    first = run("inspect", "--unroll", "2", "--at", "1", "--wrt", "Wz").out
    own, later = first.split("    +- ")[1:3]
    assert own.startswith("own error, of L_1 ")
    assert later.startswith("arriving error, of L_2, back through step 2 ")
    assert "dL_1/dWz at 1 = x_1^T daZ_1[own]\n" in own
    assert "dL_2/dWz at 1 = x_1^T daZ_1[later]\n" in later
    assert "dL/dWz at 1 = x_1^T daZ_1[own] + x_1^T daZ_1[later]" in first
    assert "-1- daZ_1 = dZ_1 o Z_1 o (1 - Z_1)\n" in first
    assert "way 1 = dS_t o (1 - Z_t)   directly\n" in first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "2"], "--at 2: of how many time steps? give --unroll as well"),
        (["--at", "3", "--unroll", "2"], "--at 3: --unroll 2 has the steps 1 to 2"),
        (["--expand", "full"], "--expand full: of how many time steps? give --unroll as well"),
        (["--expand", "all"], "--expand: there is no expand 'all'; known: hand, full"),
        (["--fragment"], "--fragment is for --format latex"),
        (["--format", "html", "--ascii"], "--ascii is for --format text"),
        (
            ["--wrt", "Wz", "--wrt", "W"],
            "--wrt: there is no weight 'W'; did you mean Wz? known: Wz",
        ),
    ],
)
def test_what_inspect_refuses(options: list[str], message: str, run: Run) -> None:
    status, out, err = run("inspect", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"gru-codegen: error: {message}")


@pytest.mark.parametrize("columns", [60, 100])
def test_text_follows_the_width_of_the_terminal(
    columns: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("inspect", "--cell", "lstm", "--unroll", "2").out.splitlines()
    listed = [line for line in lines if not re.match(r" *\d+  |    SymPy says|.*\[t\]", line)]
    assert max(map(len, listed)) <= columns
    assert sum(len(line) > columns - 10 for line in listed) > 20


def test_data_has_every_equation_with_its_line(run: Run) -> None:
    data = json.loads(run("inspect", "--format", "json", "--unroll", "2").out)
    assert [section["id"] for section in data["sections"]][:4] == [
        "cell",
        "graph",
        "chain",
        "adjoints",
    ]
    (adjoints,) = [s for s in data["sections"] if s["id"] == "adjoints"]
    groups = [b["groups"] for b in adjoints["blocks"] if b["kind"] == "equations"]
    rows = {row["equation"]: row for group in groups for rows in group for row in rows}
    assert rows["adjoint Z"] == {
        "left": {"text": "dZ_t", "latex": r"\mathrm{d}Z_{t}"},
        "right": [
            {
                "text": "dS_t o (CA_t - S_{t-1})",
                "latex": r"\mathrm{d}S_{t} \circ (\mathit{CA}_{t} - S_{t-1})",
            }
        ],
        "remark": "through S_t, (B, H)",
        "boxed": False,
        "shape": ["B", "H"],
        "equation": "adjoint Z",
        "line": rows["adjoint Z"]["line"],
        "code": "dZ = dS * (CA[t] - S_prev[t])",
    }
    source = gc.generate(gc.GRU, style="textbook").splitlines()
    for row in rows.values():
        if row["line"] is not None:
            assert source[row["line"] - 1].strip() == row["code"]


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
    assert [line for line in lines if line in FAMILIES] == [*FAMILIES]
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
    assert lines[-1] == ways()


def test_cells_shows_one_cell(run: Run) -> None:
    shown = run("cells", "mgu")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith("mgu: minimal gated unit\n    Zhou")
    assert shown.out.endswith("\n    S_t  = (1 - FG_t) o S_{t-1} + FG_t o CA_t\n")
    assert shown.out in run("cells").out
    assert run("cells", str(ROOT / "examples" / "my_cell.toml")).out.startswith("minimal-rnn: min")
